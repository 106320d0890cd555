import { fstatSync, statSync } from "node:fs";

/**
 * Whether an archive of this name is what standard output is, so that nothing else may be written
 * there: `-`, /dev/stdout, /proc/self/fd/1 or the name of the same pipe or file. Devices that take
 * whatever comes (/dev/null) are not meant, terminals are.
 */
export function isStdout(archive: string, stdout = 1): boolean {
  if (archive === "-") return true;
  try {
    const [named, own] = [statSync(archive, { bigint: true }), fstatSync(stdout, { bigint: true })];
    if (named.isCharacterDevice() && process.stdout.isTTY !== true) return false;
    return named.dev === own.dev && named.ino === own.ino;
  } catch {
    return false; // it is not there yet, or standard output is closed
  }
}
