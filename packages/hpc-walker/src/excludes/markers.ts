import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";

/** The name of a marker that must have a signature. */
export const CACHEDIR_TAG = Buffer.from("CACHEDIR.TAG");
/** The first bytes of a CACHEDIR.TAG that is one (bford.info/cachedir). */
const SIGNATURE = Buffer.from("Signature: 8a477f597d28d172789f06886806bc55");
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Whether a regular file that begins so is a CACHEDIR.TAG. */
export function isCachedirTag(head: Buffer): boolean {
  return head.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** Does `dir` hold a marker? */
export function isMarked(dir: Buffer, markers: readonly Buffer[]): boolean {
  return markers.some((name) => isMarker(Buffer.concat([dir, Buffer.from("/"), name]), name));
}

/**
 * Is there, at `path`, what the marker `name` asks for? A CACHEDIR.TAG must be a regular file that
 * begins with its signature; for others any entry will do. One that cannot be asked for counts as
 * not there: better too much in a backup than too little. `markers_found` in shim-c/scan/walk/markers.c
 * says the same.
 */
function isMarker(path: Buffer, name: Buffer): boolean {
  return name.equals(CACHEDIR_TAG) ? hasSignature(path) : exists(path);
}

function exists(path: Buffer): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function hasSignature(path: Buffer): boolean {
  let fd: number;
  try {
    if (!lstatSync(path).isFile()) return false; // opening a fifo would wake who waits there
    fd = openSync(path, FLAGS);
  } catch {
    return false;
  }
  try {
    const head = Buffer.alloc(SIGNATURE.length);
    return fstatSync(fd).isFile() && readSync(fd, head) === head.length && isCachedirTag(head);
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
