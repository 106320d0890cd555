import type { Benchmark } from "@podheitor/hpc-bench";
import { usageError } from "../errors";
import { isOurs } from "./run";

/**
 * Whether a contest of these `names` was asked for by the word of --case: its whole name, or else a
 * part of several. Throws HpcError for one that is in none.
 */
export function casesChosen(
  names: readonly string[],
  word: string | undefined,
): (name: string) => boolean {
  if (word === undefined) return () => true;
  if (names.includes(word)) return (name) => name === word;
  if (!names.some((name) => name.includes(word)))
    throw usageError(`no contest has "${word}" in its name`, `They are: ${names.join(", ")}.`);
  return (name) => name.includes(word);
}

/**
 * Whether a peer was asked for by the words of --peers. Throws HpcError for one that no contest
 * has.
 */
export function peersChosen(
  contests: readonly Benchmark[],
  peers: string | undefined,
): (name: string) => boolean {
  if (peers === undefined) return () => true;
  const starts = peers.split(",").map((start) => start.trim());
  const all = contests.flatMap(({ contestants, missing }) => [
    ...contestants.map(({ name }) => name),
    ...missing,
  ]);
  const known = [...new Set(all.filter((name) => !isOurs(name)))];
  const wrong = starts.find(
    (start) => start === "" || !known.some((name) => name.startsWith(start)),
  );
  if (wrong !== undefined)
    throw usageError(
      `--peers: no peer's name begins with "${wrong}"`,
      `They are: ${known.join("; ")}.`,
    );
  return (name) => starts.some((start) => name.startsWith(start));
}
