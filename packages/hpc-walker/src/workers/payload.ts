import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { errnoOf } from "@podheitor/hpc-base";
import { EAGAIN, EINVAL, ELOOP, ENOENT, ENXIO, EPERM, ESTALE } from "../system-error";
import { Word } from "./memory";

/** What belongs to an entry besides its attributes. `content` is overwritten by the next call. */
export interface Payload {
  readonly link: Buffer;
  readonly content: Buffer | undefined;
  /** errno: why link or content are missing; 0. */
  readonly error: number;
}

/** The name no longer means what was stat-ed: look again. */
export const CHANGED = "changed";

const NOTHING = Buffer.alloc(0);
export const NO_PAYLOAD: Payload = { link: NOTHING, content: undefined, error: 0 };
const EMPTY_FILE: Payload = { link: NOTHING, content: NOTHING, error: 0 };
const failed = (error: number): Payload => ({ link: NOTHING, content: undefined, error });

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_NOATIME } = constants;

/** Reads link targets, and the content of small files. */
export class PayloadReader {
  readonly #limit: number;
  readonly #control: Int32Array;
  readonly #scratch: Buffer;

  /** One byte more than the limit is read, to see that a file has outgrown it. */
  constructor(inlineBytes: number, control: Int32Array) {
    this.#limit = inlineBytes;
    this.#control = control;
    this.#scratch = Buffer.alloc(inlineBytes > 0 ? inlineBytes + 1 : 0);
  }

  link(path: Buffer): Payload | typeof CHANGED {
    try {
      return { link: readlinkSync(path, { encoding: "buffer" }), content: undefined, error: 0 };
    } catch (error) {
      const errno = errnoOf(error);
      return errno === ENOENT || errno === EINVAL || errno === ESTALE ? CHANGED : failed(errno);
    }
  }

  /** `stats` are those of a regular file; `follow` for a root, which may be a symlink. */
  content(path: Buffer, stats: BigIntStats, follow: boolean): Payload | typeof CHANGED {
    if (this.#limit === 0 || stats.size > this.#limit) return NO_PAYLOAD;
    if (stats.size === 0n) return EMPTY_FILE;
    let fd = -1;
    try {
      fd = this.#open(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
      const now = fstatSync(fd, { bigint: true });
      if (!now.isFile() || now.ino !== stats.ino || now.dev !== stats.dev) return CHANGED;
      const length = this.#read(fd);
      // Outgrown meanwhile: the consumer reads it as it reads any larger file.
      if (length > this.#limit) return NO_PAYLOAD;
      return { link: NOTHING, content: this.#scratch.subarray(0, length), error: 0 };
    } catch (error) {
      const errno = errnoOf(error);
      // Somebody holds a lease (a file server), and is asked to let go now: the consumer reads it,
      // later.
      if (errno === EAGAIN) return NO_PAYLOAD;
      const changed = errno === ENOENT || errno === ELOOP || errno === ENXIO || errno === ESTALE;
      return changed ? CHANGED : failed(errno);
    } finally {
      if (fd >= 0) this.#close(fd);
    }
  }

  #open(path: Buffer, flags: number): number {
    let fd: number;
    try {
      fd = openSync(path, flags | O_NOATIME);
    } catch (error) {
      // O_NOATIME is for the owner of a file and for root (open(2)); others leave a new atime
      // behind.
      if (errnoOf(error) !== EPERM) throw error;
      fd = openSync(path, flags);
    }
    Atomics.add(this.#control, Word.OPEN, 1);
    return fd;
  }

  #close(fd: number): void {
    closeSync(fd);
    Atomics.sub(this.#control, Word.OPEN, 1);
  }

  #read(fd: number): number {
    let have = 0;
    for (;;) {
      const got = readSync(fd, this.#scratch, have, this.#scratch.length - have, null);
      have += got;
      if (got === 0 || have === this.#scratch.length) return have;
    }
  }
}
