import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Contestant } from "./contest";

type Argv = Contestant["argv"];

/** The full path of a program on PATH, the first name that is there; undefined: none is. */
export function findProgram(...names: readonly string[]): string | undefined {
  for (const name of names)
    for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here.
      }
    }
  return undefined;
}

/** A peer: its name in tables, the program that must be there, and how it takes part. */
export interface Peer {
  readonly name: string;
  readonly program: string | undefined;
  argv(program: string): Argv;
  readonly how?: Pick<Contestant, "output" | "exits" | "prepare">;
}

/** Those that can take part, and the names of those that are not on this machine. */
export function takePart(peers: readonly Peer[]): { contestants: Contestant[]; missing: string[] } {
  const contestants = peers.flatMap(({ name, program, argv, how }) =>
    program === undefined ? [] : [{ name, argv: argv(program), ...how }],
  );
  return {
    contestants,
    missing: peers.filter(({ program }) => program === undefined).map(({ name }) => name),
  };
}
