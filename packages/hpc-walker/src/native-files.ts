import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { NativeError } from "@podheitor/hpc-native";
import { type ScanLibrary, tryLibrary } from "./native-library";
import { PATH_MAX, READ_FILES_BYTES } from "./native-limits";
import { E2BIG, EFBIG, EINVAL, ENAMETOOLONG, errnoOf } from "./system-error";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Opens a file by its path as bytes, of any length. The last component is not followed if it is a
 * symlink.
 * Returns a descriptor (close-on-exec), or -errno: -ENAMETOOLONG beyond PATH_MAX when libhpcscan is
 * not there.
 */
export function openFile(path: Buffer, flags: number = O_RDONLY): number {
  if (path.length === 0 || path.includes(0)) return -EINVAL; // fs.openSync would throw another kind of error
  if (path.length >= PATH_MAX) return openLong(path, flags);
  try {
    return openSync(path, flags | O_NOFOLLOW); // Node adds O_CLOEXEC; cheaper than a foreign call
  } catch (error) {
    return -errnoOf(error);
  }
}

function openLong(path: Buffer, flags: number): number {
  const library = tryLibrary();
  return library ? library.open(path, path.length, flags) : -ENAMETOOLONG;
}

/** Room for the path of a link; a longer one is cut. */
const LINK_ROOM = 65_536;

/**
 * The symbolic link at a root, or above it, for which a scan refuses that root with ELOOP: others
 * than root (or who runs this) may have chosen where it leads.
 * undefined: there is none, or none any more.
 */
export function rootLink(root: Buffer): Buffer | undefined {
  const room = Buffer.alloc(LINK_ROOM);
  const length = tryLibrary()?.rootLink(root, root.length, room, room.length) ?? 0;
  return length > 0 ? room.subarray(0, length) : undefined;
}

/**
 * Gives a pipe room for so many bytes if it has less and may have more; returns the room that it
 * has now. undefined: a refusal, or no library, which is no error: a small pipe works, too.
 */
export function widenPipe(fd: number, bytes: number): number | undefined {
  const room = tryLibrary()?.pipeSize(fd, bytes);
  return room === undefined || room < 0 ? undefined : room;
}

/**
 * Lets go of what the page cache holds of an open file from `offset` on, `length` bytes; 0: to its
 * end. Without the library it stays.
 */
export function dropCache(fd: number, offset: number, length: number): void {
  tryLibrary()?.dropCache(fd, offset, length);
}

const HOLE_BYTES = 16;

/**
 * Holes of at least `minHole` bytes in the first `size` bytes of an open file: 16 bytes for each, {
 * u64 offset, u64 length } little endian, ascending. Empty where the filesystem does not tell,
 * without libhpcscan, and for a size beyond 2^53. undefined: there are more than `maxHoles`; ask
 * again for larger ones. The descriptor's offset stays. Worth asking when st_blocks say less than
 * the size.
 * Throws the system's error as NativeError.
 */
export function fileHoles(
  fd: number,
  size: number,
  minHole: number,
  maxHoles: number,
): Buffer | undefined {
  const library = tryLibrary();
  if (library === undefined || !Number.isSafeInteger(size)) return Buffer.alloc(0);
  const out = Buffer.alloc(maxHoles * HOLE_BYTES);
  const count = library.holes(fd, size, minHole, out, out.length);
  if (count === -E2BIG) return undefined;
  if (count < 0) throw NativeError.ofCall("hpc_holes", count);
  return out.subarray(0, count * HOLE_BYTES);
}

/** One small file that was asked for. */
export interface FileContent {
  /** 0, or errno: EFBIG = longer than `max`, EINVAL = not a regular file. */
  readonly errno: number;
  /** Empty when errno is not 0. */
  readonly content: Buffer;
}

/**
 * Reads files of at most `max` bytes each, in order; the native library does a few megabytes in one
 * call. What goes wrong with a file is in its answer. Throws RangeError for a `max` that does not
 * fit 32 bits, or when the library answers nothing.
 */
export function readFiles(paths: readonly Buffer[], max: number): FileContent[] {
  const library = tryLibrary();
  return library ? readFilesNative(library, paths, max) : readFilesPlain(paths, max);
}

/** {@link readFiles} without the library, one file after the other. */
export function readFilesPlain(paths: readonly Buffer[], max: number): FileContent[] {
  return paths.map((path) => readOne(path, max));
}

function readFilesNative(
  library: ScanLibrary,
  paths: readonly Buffer[],
  max: number,
): FileContent[] {
  const answers: FileContent[] = [];
  const perCall = Math.max(1, Math.floor(READ_FILES_BYTES / (max + 16)));
  while (answers.length < paths.length) {
    const batch = paths.slice(answers.length, answers.length + perCall);
    const requests = Buffer.concat(batch.flatMap((path) => encodeRequest(path, max)));
    const out = Buffer.allocUnsafe(batch.length * (max + 16));
    const used = Buffer.alloc(8);
    const answered = library.readFiles(requests, requests.length, out, out.length, used);
    if (answered <= 0)
      throw new RangeError(`hpc_read_files answered ${answered} to ${batch.length} requests`);
    for (let i = 0, at = 0; i < answered; i++) {
      const errno = out.readInt32LE(at);
      const length = out.readUInt32LE(at + 4);
      answers.push({ errno, content: out.subarray(at + 8, at + 8 + length) });
      at += 8 + Math.ceil(length / 8) * 8;
    }
  }
  return answers;
}

function encodeRequest(path: Buffer, max: number): Buffer[] {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(path.length, 0);
  head.writeUInt32LE(max, 4);
  return [head, path, Buffer.alloc((8 - (path.length % 8)) % 8)];
}

const NOTHING = Buffer.alloc(0);

function readOne(path: Buffer, max: number): FileContent {
  const fd = openFile(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return { errno: -fd, content: NOTHING };
  try {
    if (!fstatSync(fd).isFile()) return { errno: EINVAL, content: NOTHING };
    const buffer = Buffer.allocUnsafe(max + 1);
    let have = 0;
    for (let n = 1; n > 0 && have <= max; have += n)
      n = readSync(fd, buffer, have, max + 1 - have, null);
    return have > max
      ? { errno: EFBIG, content: NOTHING }
      : { errno: 0, content: buffer.subarray(0, have) };
  } catch (error) {
    return { errno: errnoOf(error), content: NOTHING };
  } finally {
    closeSync(fd);
  }
}
