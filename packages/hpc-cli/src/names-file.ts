import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { HpcError } from "./errors";

/**
 * Names that an operator lists by hand or with find; a list of files to back up is not what this is
 * for.
 */
const MAX_NAMES_BYTES = 16 * 1024 * 1024;

/**
 * Names from a file (or standard input, `-`), each ended by a NUL byte; the last NUL may be
 * missing. This is what `find -print0` writes, and the way for names that no command line can
 * carry.
 *
 * @throws HpcError HPC_NAMES_FILE when the file cannot be read, is empty, or has an empty name
 */
export async function readNames(file: string, stdin: Readable): Promise<Buffer[]> {
  const bytes =
    file === "-"
      ? await readAll(stdin)
      : await readFile(file).catch((cause: Error) => refuse(file, cause.message, cause));
  const names: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const nul = bytes.indexOf(0, at);
    const end = nul < 0 ? bytes.length : nul;
    if (end === at) refuse(file, `name ${names.length + 1} is empty`);
    names.push(bytes.subarray(at, end));
    at = end + 1;
  }
  if (names.length === 0) refuse(file, "there is no name in it");
  return names;
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_NAMES_BYTES) refuse("-", `it is longer than ${MAX_NAMES_BYTES} bytes`);
  }
  return Buffer.concat(chunks);
}

function refuse(file: string, why: string, cause?: Error): never {
  throw new HpcError(
    "HPC_NAMES_FILE",
    `the list of names ${file === "-" ? "on standard input" : file} cannot be used: ${why}`,
    "Write it with `find … -print0` or `printf '%s\\0' NAME…`.",
    cause === undefined ? undefined : { cause },
  );
}
