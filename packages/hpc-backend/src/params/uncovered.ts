import { opendir } from "node:fs/promises";
import { printable } from "@podheitor/hpc-archive";
import { causeOf } from "@podheitor/hpc-base";

/** Names that one message holds. */
const NAMED = 10;
const SLASH = Buffer.from("/");

/**
 * Looks for what no job of a generation saves: entries of `tree` that are in none of `paths`. Lists
 * only the directories above the paths. Returns sentences for the job log, none where everything is
 * covered.
 */
export async function uncovered(tree: Buffer, paths: readonly Buffer[]): Promise<string[]> {
  const covered = new Set(paths.map(key));
  const above = new Set(paths.flatMap(ancestors).map(key));
  if (covered.has(key(tree))) return [];
  const left: Buffer[] = [];
  const sentences: string[] = [];
  let more = 0;
  for (const directories = [tree]; ; ) {
    const directory = directories.pop();
    if (directory === undefined) break;
    try {
      for await (const { name } of await opendir(directory, {
        encoding: "buffer" as BufferEncoding,
        bufferSize: 1024,
      })) {
        // Node's types do not know that a Dir in this encoding has Buffers.
        const path = Buffer.concat([
          directory,
          ...(directory.length > 1 ? [SLASH] : []),
          name as unknown as Buffer,
        ]);
        if (covered.has(key(path))) continue;
        if (above.has(key(path))) directories.push(path);
        else if (left.length < NAMED) left.push(path);
        else more++;
      }
    } catch (error) {
      sentences.push(
        `what no job saves of ${printable(directory)} cannot be told: ${causeOf(error)}`,
      );
    }
  }
  if (left.length > 0) {
    const names = left.sort(Buffer.compare).map(printable).join(", ");
    const rest = more > 0 ? ` and ${more} more` : "";
    sentences.push(
      `no job saves ${names}${rest}: of ${printable(tree)}, they are in no path and no other-path`,
    );
  }
  return sentences;
}

/** Directories that `path` lies in. */
function ancestors(path: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let end = path.lastIndexOf(0x2f); end > 0; end = path.lastIndexOf(0x2f, end - 1))
    found.push(path.subarray(0, end));
  return found;
}

function key(path: Buffer): string {
  return path.toString("latin1");
}
