import { Socket } from "node:net";
import { errnoName } from "@podheitor/hpc-base";
import {
  ENTRY_HEAD_BYTES,
  OPEN_ANSWER,
  OPEN_ANSWER_BYTES,
  OPEN_REQUEST,
  OPEN_REQUEST_BYTES,
  OpenFlag,
} from "@podheitor/hpc-wire";
import { HpcError } from "../errors";
import { type ScanLibrary, scanLibrary } from "../native-library";
import type { RecordCursor } from "../records/record";

/** An entry that was looked at again. */
export interface OpenedEntry {
  /**
   * Open for reading, close-on-exec; -1 where no content was asked for. Whoever asked closes it.
   */
  readonly fd: number;
  /** The same object, but its size, mode or ctime are others than the scan saw. */
  readonly changed: boolean;
  /** What it is now, as `struct hpc_entry_head`, without a name. */
  readonly head: Buffer;
  /**
   * 16 bytes for each hole, { u64 offset, u64 length } little endian, ascending; the longest, where
   * there are more than a record may hold.
   */
  readonly holes: Buffer;
  /** The xattr block; empty when it was not asked for. */
  readonly xattrs: Buffer;
  /** errno of attributes that could not be read, or 0. */
  readonly xattrError: number;
}

interface Waiting {
  readonly resolve: (entry: OpenedEntry) => void;
  readonly reject: (error: Error) => void;
}

/** What of a record says which object was seen, packed as `struct hpc_open_request` wants it. */
export interface SeenEntry {
  readonly request: Buffer;
}

/** Takes from a scan record what a later look needs; the record may be overwritten then. */
export function seenEntry(cursor: RecordCursor, bytes: Buffer): SeenEntry {
  const request = Buffer.alloc(OPEN_REQUEST_BYTES);
  cursor.identify(bytes, request);
  return { request };
}

/**
 * Threads of libhpcscan that look at entries again after a scan handed them out, and open them. No
 * symlink is followed below the directory that is given, nothing but a regular file is opened, and
 * what is found must be the object that the scan saw: by kind, inode and time of birth or, where
 * none is kept, generation. The event loop never waits.
 */
export class Openers {
  readonly #library: ScanLibrary;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #handle: number;
  #next = 1;
  #pending: Buffer[] = [];
  #length = 0;
  #needed = 4;

  /**
   * `minHole`: shorter holes are not told. Main thread only. Throws HpcError when the library is
   * not there, HpcError HPC_SCAN_ENGINE without threads or descriptors.
   */
  constructor(threads: number, minHole: number) {
    this.#library = scanLibrary();
    const end = Buffer.alloc(4);
    this.#handle = this.#library.openersStart(threads, minHole, end);
    if (this.#handle <= 0) {
      const why = `the threads that open files cannot start: ${errnoName(-this.#handle)}`;
      const remedy =
        "Look at the descriptor and thread limits of the process (ulimit -n, ulimit -u, cgroup).";
      throw new HpcError("HPC_SCAN_ENGINE", why, remedy);
    }
    this.#socket = new Socket({ fd: end.readInt32LE(0), readable: true, writable: false });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.unref();
  }

  /**
   * Looks at an entry below the directory `dir` (a descriptor, O_PATH will do), or, with -1, at a
   * root by its whole path. Rejects with the system's error (`errno` is negative): ESTALE for
   * another object under that name, ELOOP for a symlink on the way.
   */
  look(dir: number, path: Buffer, seen: SeenEntry, flags: number): Promise<OpenedEntry> {
    const id = this.#next;
    this.#next = id === 0xffff_ffff ? 1 : id + 1;
    const { request } = seen;
    request.writeUInt32LE(id, OPEN_REQUEST.id);
    request.writeInt32LE(dir, OPEN_REQUEST.dir);
    request.writeUInt32LE(flags, OPEN_REQUEST.flags);
    request.writeUInt32LE(path.length, OPEN_REQUEST.pathLen);
    const whole = Buffer.concat([request, path]);
    const answer = this.#library.openersAsk(this.#handle, whole, whole.length);
    if (answer < 0) return Promise.reject(systemError(-answer));
    this.#socket.ref();
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /**
   * Holds a root that is a directory, for `look`: a descriptor (O_PATH), which the caller closes.
   * Symlinks on its way are followed as a scan follows them. Rejects with the system's error, ELOOP
   * where a scan would refuse it.
   */
  async hold(root: Buffer): Promise<number> {
    return (await this.look(-1, root, { request: Buffer.alloc(OPEN_REQUEST_BYTES) }, OpenFlag.ROOT))
      .fd;
  }

  /** Call it when all looks have settled. Idempotent. */
  close(): void {
    if (this.#handle === 0) return;
    this.#library.openersFree(this.#handle);
    this.#handle = 0;
    this.#socket.destroy();
    this.#fail(new Error("closed"));
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    let rest = Buffer.concat(this.#pending, this.#length);
    for (;;) {
      this.#needed = rest.length < 4 ? 4 : rest.readUInt32LE(OPEN_ANSWER.length);
      if (rest.length < this.#needed) break;
      this.#settle(rest.subarray(0, this.#needed));
      rest = rest.subarray(this.#needed);
    }
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
  }

  #settle(answer: Buffer): void {
    const id = answer.readUInt32LE(OPEN_ANSWER.id);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#socket.unref();
    const error = answer.readInt32LE(OPEN_ANSWER.error);
    if (error !== 0) {
      waiting?.reject(systemError(error));
      return;
    }
    const holes = OPEN_ANSWER_BYTES + answer.readUInt32LE(OPEN_ANSWER.holeCount) * 16;
    waiting?.resolve({
      fd: answer.readInt32LE(OPEN_ANSWER.fd),
      changed: answer.readUInt32LE(OPEN_ANSWER.changed) !== 0,
      head: answer.subarray(OPEN_ANSWER.head, OPEN_ANSWER.head + ENTRY_HEAD_BYTES),
      holes: answer.subarray(OPEN_ANSWER_BYTES, holes),
      xattrs: answer.subarray(holes),
      xattrError: answer.readUInt32LE(OPEN_ANSWER.xattrError),
    });
  }

  #fail(error: Error): void {
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of left) reject(error);
  }
}

function systemError(errno: number): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(code), { errno: -errno, code });
}
