import { type Dir, Dirent, opendirSync } from "node:fs";
import { errnoOf } from "@podheitor/hpc-base";
import { EIO, ENOENT } from "../system-error";
import { NAMES_PER_READ } from "./limits";

/**
 * Names of a directory, some at a time. Node asks d_type of every name, and where a filesystem does
 * not tell (DT_UNKNOWN) it calls lstat itself; when that fails, because the name is gone by now,
 * the whole portion that was read is lost. Such filesystems are recognised by their first name and
 * read one name at a time, so that no more than the vanished name is lost.
 */
export class Listing {
  /** st_dev → does Node call lstat for each name there? */
  static readonly #careful = new Map<bigint, boolean>();

  readonly #dir: Dir;
  readonly #dev: bigint;

  /** Throws the system's error. */
  constructor(path: Buffer, dev: bigint) {
    const careful = Listing.#careful.get(dev) ?? asksItself(path);
    if (careful !== undefined) Listing.#careful.set(dev, careful);
    this.#dev = dev;
    this.#dir = open(path, careful ? 1 : NAMES_PER_READ);
  }

  /**
   * Appends names until there are `max`; fewer = that was all. `onVanished` is told of each name
   * that went while it was read. Throws the system's error; the names that were read before it are
   * in `names`.
   */
  read(names: Buffer[], max: number, onVanished: () => void): void {
    while (names.length < max) {
      const entry = this.#next(onVanished);
      if (entry === null) break;
      // @types/node knows only text names here; "buffer" gives bytes.
      names.push(entry.name as unknown as Buffer);
    }
  }

  close(): void {
    this.#dir.closeSync();
  }

  #next(onVanished: () => void): Dirent | null {
    for (;;) {
      try {
        return this.#dir.readSync();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).syscall !== "lstat") throw error;
        if (!Listing.#careful.get(this.#dev)) {
          // Only some names of this filesystem have no type. This portion is lost, and reported; it
          // will not happen again.
          Listing.#careful.set(this.#dev, true);
          throw Object.assign(new Error("directory listing is incomplete", { cause: error }), {
            errno: EIO,
          });
        }
        if (errnoOf(error) !== ENOENT) throw error;
        onVanished();
      }
    }
  }
}

function open(path: Buffer, bufferSize: number): Dir {
  // As above: "buffer" is not in BufferEncoding, but it is what opendir takes for bytes.
  return opendirSync(path, { encoding: "buffer" as BufferEncoding, bufferSize });
}

/** undefined: an empty directory tells nothing. */
function asksItself(path: Buffer): boolean | undefined {
  const dir = open(path, 1);
  try {
    const entry = dir.readSync();
    // A Dirent that was made from an lstat is of a class of its own.
    return entry === null ? undefined : Object.getPrototypeOf(entry) !== Dirent.prototype;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === "lstat") return true;
    throw error;
  } finally {
    dir.closeSync();
  }
}
