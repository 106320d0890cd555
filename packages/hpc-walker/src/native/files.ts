import { callFailed } from "@podheitor/hpc-native";

import { scanLibrary } from "../native-library";
import { E2BIG } from "../system-error";

/** Room for the path of a link; a longer one is cut. */
const LINK_ROOM = 65_536;

/**
 * The symbolic link at a root, or above it, for which a scan refuses that root with ELOOP: others
 * than root (or who runs this) may have chosen where it leads.
 * undefined: there is none, or none any more.
 */
export function rootLink(root: Buffer): Buffer | undefined {
  const room = Buffer.alloc(LINK_ROOM);
  const length = scanLibrary().rootLink(root, root.length, room, room.length);
  return length > 0 ? room.subarray(0, length) : undefined;
}

/**
 * Gives a pipe room for so many bytes if it has less and may have more; returns the room that it
 * has now. undefined: a refusal, which is no error: a small pipe works, too.
 */
export function widenPipe(fd: number, bytes: number): number | undefined {
  const room = scanLibrary().pipeSize(fd, bytes);
  return room < 0 ? undefined : room;
}

/**
 * Lets go of what the page cache holds of an open file from `offset` on, `length` bytes; 0: to its
 * end.
 */
export function dropCache(fd: number, offset: number, length: number): void {
  scanLibrary().dropCache(fd, offset, length);
}

const HOLE_BYTES = 16;

/**
 * Holes of at least `minHole` bytes in the first `size` bytes of an open file: 16 bytes for each, {
 * u64 offset, u64 length } little endian, ascending. Empty where the filesystem does not tell,
 * and for a size beyond 2^53. undefined: there are more than `maxHoles`; ask
 * again for larger ones. The descriptor's offset stays. Worth asking when st_blocks say less than
 * the size.
 * Throws the system's error as HpcError.
 */
export function fileHoles(
  fd: number,
  size: number,
  minHole: number,
  maxHoles: number,
): Buffer | undefined {
  if (!Number.isSafeInteger(size)) return Buffer.alloc(0);
  const out = Buffer.alloc(maxHoles * HOLE_BYTES);
  const count = scanLibrary().holes(fd, size, minHole, out, out.length);
  if (count === -E2BIG) return undefined;
  if (count < 0) throw callFailed("hpc_holes", count);
  return out.subarray(0, count * HOLE_BYTES);
}
