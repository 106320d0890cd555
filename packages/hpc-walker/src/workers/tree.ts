import { errnoOf } from "@podheitor/hpc-base";
import { ScanOp } from "@podheitor/hpc-wire";
import type { Excludes } from "../excludes/exclude";
import { isMarked } from "../excludes/markers";
import { EINVAL, ELOOP, ENOENT, ENOTDIR } from "../system-error";
import {
  DIRS_PER_WAITING,
  MAX_STREAMS,
  NAMES_PER_GIFT,
  NAMES_PER_LOOK,
  NAMES_PER_READ,
} from "./limits";
import { Listing } from "./listing";
import { type Looker, statOf } from "./look";
import { Word } from "./memory";
import { type Gift, Work, type WorkStack } from "./stack";

/** A directory that is known and not yet listed. */
interface Directory {
  readonly path: Buffer;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly isRoot: boolean;
}

/** A directory that is listed in part. */
interface Stream {
  readonly path: Buffer;
  readonly dev: bigint;
  readonly listing: Listing;
}

/** What is left out of the walk, and how it goes. */
export interface Selection {
  /** A directory is one worker's alone. */
  readonly serial: boolean;
  readonly excludes: Excludes;
  readonly markers: readonly Buffer[];
  readonly oneFilesystem: boolean;
}

const NO_NAME = Buffer.alloc(0);

/**
 * One worker's share of the walk. Its stack is last in, first out, and a large directory lies below
 * what its last portion of names brought, so it is read on only when that was worked off: what is
 * known at a time grows with the depth of the tree, not with its size. Workers without work get the
 * oldest directories, and names of large ones.
 */
export class TreeWorker {
  readonly #looker: Looker;
  readonly #stack: WorkStack;
  readonly #control: Int32Array;
  readonly #selection: Selection;
  readonly #todo: (Directory | Stream)[] = [];

  constructor(looker: Looker, stack: WorkStack, control: Int32Array, selection: Selection) {
    this.#looker = looker;
    this.#stack = stack;
    this.#control = control;
    this.#selection = selection;
  }

  /** Works until the scan is complete or stopped. */
  run(beforeWaiting: () => void): void {
    while (!this.#stopped) {
      this.#giveDirectories();
      const item = this.#todo.pop();
      if (item === undefined) {
        const gift = this.#stack.take(beforeWaiting);
        if (gift === undefined) return;
        this.#accept(gift);
      } else if ("listing" in item) {
        this.#continue(item);
      } else {
        this.#open(item);
      }
    }
  }

  /** Closes what is open. */
  close(): void {
    for (const item of this.#todo) if ("listing" in item) this.#closeListing(item.listing);
    this.#todo.length = 0;
  }

  get #stopped(): boolean {
    return Atomics.load(this.#control, Word.STOP) === 1;
  }

  #accept({ work, dir, dev, ino, names }: Gift): void {
    if (work === Work.DIR) {
      this.#todo.push({ path: dir, dev, ino, isRoot: false });
    } else if (work === Work.NAMES) {
      this.#lookAt(dir, dev, names);
      this.#stack.finished();
    } else {
      const stats = this.#looker.look(dir, NO_NAME, dir);
      if (stats === undefined) this.#stack.finished();
      else this.#todo.push({ path: dir, dev: stats.dev, ino: stats.ino, isRoot: true });
    }
  }

  #open(directory: Directory): void {
    let listing: Listing;
    try {
      listing = new Listing(directory.path, directory.dev);
    } catch (error) {
      this.#notListed(directory.path, ScanOp.OPENDIR, errnoOf(error));
      return;
    }
    this.#looker.peak("fdsPeak", Atomics.add(this.#control, Word.OPEN, 1) + 1);
    // opendir follows a symlink that took the directory's place meanwhile; then this is not the
    // directory that was meant. The inode number alone does not tell: filesystems give that of a
    // removed directory to the next thing created.
    const now = statOf(directory.path, directory.isRoot);
    const same =
      typeof now !== "number" &&
      now.isDirectory() &&
      now.ino === directory.ino &&
      now.dev === directory.dev;
    if (!same) {
      this.#closeListing(listing);
      this.#notListed(directory.path, ScanOp.OPENDIR, ENOENT);
      return;
    }
    if (isMarked(directory.path, this.#selection.markers)) {
      this.#closeListing(listing);
      this.#looker.count("dirsPrunedMarker");
      this.#stack.finished();
      return;
    }
    this.#continue({ path: directory.path, dev: directory.dev, listing });
  }

  /** Reads a portion, puts what remains below it, and works on the portion. */
  #continue(stream: Stream): void {
    const { path, dev, listing } = stream;
    const names: Buffer[] = [];
    try {
      listing.read(names, NAMES_PER_READ, () => this.#vanished());
    } catch (error) {
      this.#closeListing(listing);
      this.#lookAt(path, dev, names);
      this.#notListed(path, ScanOp.READDIR, errnoOf(error));
      return;
    }
    if (names.length < NAMES_PER_READ) {
      this.#closeListing(listing);
      this.#lookAt(path, dev, names);
      this.#looker.count("dirsListed");
      this.#stack.finished();
      return;
    }
    const place = this.#todo.push(stream) - 1;
    this.#lookAt(path, dev, names);
    const open = this.#todo.filter((item) => "listing" in item).length;
    // Too many are open: this one goes on top, is read to its end at once, and leaves only its
    // sub-directories behind.
    if (open > MAX_STREAMS)
      this.#todo.push(...this.#todo.splice(this.#todo.lastIndexOf(stream, place), 1));
  }

  #lookAt(dir: Buffer, dev: bigint, names: readonly Buffer[]): void {
    const path = pathMaker(dir);
    const excludes = this.#selection.excludes.in(dir);
    let end = names.length;
    for (let i = 0; i < end; i++) {
      if (i % NAMES_PER_LOOK === 0) {
        if (this.#stopped) return;
        this.#giveDirectories();
        end = this.#giveNames(dir, dev, names, i, end);
      }
      const name = names[i] as Buffer;
      const whole = path(name);
      const stats = this.#looker.look(dir, name, whole, excludes);
      if (stats === undefined) continue;
      if (this.#selection.oneFilesystem && stats.dev !== dev) {
        this.#looker.count("dirsPrunedFilesystem");
        continue;
      }
      this.#todo.push({ path: whole, dev: stats.dev, ino: stats.ino, isRoot: false });
      this.#looker.peak("pendingPeak", this.#stack.began());
    }
  }

  /**
   * Gives away names from the end of a portion, as long as somebody waits; returns where ours end
   * now.
   */
  #giveNames(dir: Buffer, dev: bigint, names: readonly Buffer[], from: number, to: number): number {
    let end = to;
    while (!this.#selection.serial && end - from > 2 * NAMES_PER_GIFT && this.#stack.wants(1)) {
      const start = end - NAMES_PER_GIFT;
      this.#stack.began();
      if (
        !this.#stack.push({ work: Work.NAMES, dir, dev, ino: 0n, names: names.slice(start, end) })
      ) {
        this.#stack.finished();
        break;
      }
      end = start;
    }
    return end;
  }

  /**
   * Gives away the oldest directories, which tend to be the largest pieces of work, while somebody
   * waits; keeps one.
   */
  #giveDirectories(): void {
    while (this.#todo.length > 1 && this.#stack.wants(DIRS_PER_WAITING)) {
      const index = this.#todo.findIndex((item) => !("listing" in item) && !item.isRoot);
      const item = this.#todo[index];
      if (item === undefined || "listing" in item || index === this.#todo.length - 1) return;
      if (
        !this.#stack.push({
          work: Work.DIR,
          dir: item.path,
          dev: item.dev,
          ino: item.ino,
          names: [],
        })
      )
        return;
      this.#todo.splice(index, 1);
    }
  }

  #notListed(dir: Buffer, op: ScanOp, errno: number): void {
    if (errno === ENOENT || errno === ENOTDIR || errno === ELOOP)
      this.#looker.count("dirsVanished");
    else this.#looker.notListed(dir, op, errno || EINVAL, NO_NAME);
    this.#stack.finished();
  }

  #vanished(): void {
    this.#looker.count("scanned");
    this.#looker.count("vanished");
  }

  #closeListing(listing: Listing): void {
    listing.close();
    Atomics.sub(this.#control, Word.OPEN, 1);
  }
}

/** dir + "/" + name, without a second slash below "/". */
function pathMaker(dir: Buffer): (name: Buffer) => Buffer {
  const start = dir.length === 1 ? 1 : dir.length + 1;
  return (name) => {
    const path = Buffer.allocUnsafe(start + name.length);
    dir.copy(path);
    path[start - 1] = 0x2f;
    name.copy(path, start);
    return path;
  };
}
