import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
} from "node:fs";
import { HpcError } from "@podheitor/hpc-base";
import { EntryKind, kindOfMode, LOOK, LOOK_BYTES } from "@podheitor/hpc-wire";
import { parentOf } from "../common/paths";
import { restoreLibrary } from "./restore-library";

/** What lstat(2) tells. */
export interface Looked {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

const SECOND = 1_000_000_000n;
const SLASH = 0x2f;
const DOT = Buffer.from(".");
const DOTS = Buffer.from("..");
/** The owner's and root's; others are refused O_NOATIME, and the foreign call does without. */
const READ = constants.O_RDONLY | constants.O_NOCTTY | constants.O_NOATIME;
const LINK_ROOM = 65_536;

/** O_PATH, which node:fs has not; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
/**
 * Node's own calls reach one name in a held directory through it, at a tenth of what a foreign call
 * costs.
 */
const hasProc = existsSync("/proc/self/fd");

function bind() {
  const lib = restoreLibrary();
  return {
    hold: lib.bind("hpc_look_hold", ["buffer", "i64"], "status"),
    stat: lib.bind("hpc_look_stat", ["i64", "buffer", "i64", "buffer", "i64"], "status"),
    directory: lib.bind("hpc_look_directory", ["i64", "buffer", "i64"], "status"),
    open: lib.bind("hpc_look_open", ["i64", "buffer", "i64"], "status"),
    link: lib.bind("hpc_look_link", ["i64", "buffer", "i64", "buffer", "i64"], "status"),
  };
}

/**
 * A tree whose top is held by a descriptor. Names are relative to it, and begin with "/" or are
 * empty (the top itself). No symbolic link is followed in any component, so that nobody who may
 * write to the tree can lead a look out of it, and nothing but a regular file is ever opened. Main
 * thread only.
 */
export class HeldTree {
  readonly #calls = bind();
  readonly #top: number;
  readonly #out = Buffer.alloc(LOOK_BYTES);
  /** The directory that was looked into last: names come directory by directory. */
  #last: { readonly name: Buffer; readonly fd: number } | undefined;

  /**
   * `path` is the one name in which symbolic links are followed. Throws HpcError with the errno.
   */
  constructor(path: Buffer) {
    this.#top = this.#calls.hold(path, path.length);
  }

  /** undefined: there is nothing of that name, or it cannot be looked at. */
  stat(name: Buffer): Looked | undefined {
    return quietly(() => {
      const { dir, rest } = this.#at(name);
      const path = pathIn(dir, rest);
      if (path !== undefined) return lstatSync(path, { bigint: true, throwIfNoEntry: false });
      this.#calls.stat(dir, rest, rest.length, this.#out, this.#out.length);
      return looked(this.#out);
    });
  }

  /** undefined: it is gone, or no symbolic link. */
  readlink(name: Buffer): Buffer | undefined {
    return quietly(() => {
      const { dir, rest } = this.#at(name);
      const path = pathIn(dir, rest);
      if (path !== undefined) return readlinkSync(path, { encoding: "buffer" });
      const target = Buffer.allocUnsafe(LINK_ROOM);
      return Buffer.from(
        target.subarray(0, this.#calls.link(dir, rest, rest.length, target, target.length)),
      );
    });
  }

  /** Descriptor of a regular file, for reading. Throws HpcError; ENXIO: it is something else. */
  open(name: Buffer): number {
    const { dir, rest } = this.#at(name);
    const path = pathIn(dir, rest);
    return (path && openRegular(path)) ?? this.#calls.open(dir, rest, rest.length);
  }

  close(): void {
    this.#forget();
    closeSync(this.#top);
  }

  #at(name: Buffer): { readonly dir: number; readonly rest: Buffer } {
    const slash = name.lastIndexOf(SLASH);
    if (slash <= 0) return { dir: this.#top, rest: name.subarray(1) };
    const parent = parentOf(name);
    if (this.#last === undefined || !this.#last.name.equals(parent)) {
      this.#forget();
      const below = parent.subarray(1);
      this.#last = {
        name: Buffer.from(parent),
        fd: this.#calls.directory(this.#top, below, below.length),
      };
    }
    return { dir: this.#last.fd, rest: name.subarray(slash + 1) };
  }

  #forget(): void {
    if (this.#last !== undefined) closeSync(this.#last.fd);
    this.#last = undefined;
  }
}

/**
 * undefined: it takes a foreign call. One component, which none of the calls that get the path
 * follows.
 */
function pathIn(dir: number, name: Buffer): Buffer | undefined {
  if (!hasProc || name.length === 0 || name.length > 255 || name.equals(DOT) || name.equals(DOTS))
    return undefined;
  return Buffer.concat([Buffer.from(`/proc/self/fd/${dir}/`), name]);
}

/**
 * Holds it first and opens it when it is known to be a regular file; undefined: it is none, or
 * cannot be held.
 */
function openRegular(path: Buffer): number | undefined {
  let held: number | undefined;
  try {
    held = openSync(path, O_PATH | constants.O_NOFOLLOW);
    return fstatSync(held).isFile() ? openSync(`/proc/self/fd/${held}`, READ) : undefined;
  } catch {
    return undefined; // the foreign call says why
  } finally {
    if (held !== undefined) closeSync(held);
  }
}

/** Only what the system answers means that there is nothing. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof HpcError && error.code === "HPC_NATIVE_CALL") return undefined;
    if ((error as { syscall?: unknown }).syscall !== undefined) return undefined;
    throw error;
  }
}

function looked(out: Buffer): Looked {
  const u64 = (at: number) => out.readBigUInt64LE(at);
  const time = (s: number, ns: number) => out.readBigInt64LE(s) * SECOND + out.readBigInt64LE(ns);
  const mode = u64(LOOK.mode);
  const kind = kindOfMode(Number(mode));
  return {
    dev: u64(LOOK.dev),
    ino: u64(LOOK.ino),
    mode,
    uid: u64(LOOK.uid),
    gid: u64(LOOK.gid),
    rdev: u64(LOOK.rdev),
    size: u64(LOOK.size),
    mtimeNs: time(LOOK.mtimeS, LOOK.mtimeNs),
    ctimeNs: time(LOOK.ctimeS, LOOK.ctimeNs),
    isFile: () => kind === EntryKind.REGULAR,
    isDirectory: () => kind === EntryKind.DIRECTORY,
    isSymbolicLink: () => kind === EntryKind.SYMLINK,
  };
}
