import {
  FRAMES_CALL,
  FRAMES_CALL_BYTES,
  FRAMES_NO_DIR,
  FramesFlag,
  FramesStop,
} from "@podheitor/hpc-wire";
import { HpcError } from "../errors";
import { scanLibrary } from "../native-library";
import type { RecordCursor } from "../records/record";
import { PULL_TIMEOUT_MS, TURN_MS } from "./limits";

/** What the entries of one run were; each was one of the four kinds. */
export interface RunCounts {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  /** Fifos and devices. */
  readonly specials: number;
  readonly xattrBlocks: number;
  /** Of content. */
  readonly bytes: number;
}

/** A file by what identifies it. */
export interface FileIdentity {
  readonly devLo: number;
  readonly devHi: number;
  readonly inoLo: number;
  readonly inoHi: number;
}

/** What became of the frames in a buffer. */
export interface Filled {
  /** Bytes of frames that it holds now. */
  readonly length: number;
  /** Bytes that were written to the descriptor, before those. */
  readonly written: number;
}

const TWO_32 = 2 ** 32;

/**
 * Turns the ordinary entries of a scan into hpc/1 frames, thousands in one call of libhpcscan.
 * Ordinary is what needs no decision and no message: no other name of its inode, nothing that
 * failed, content within the batch. The frames are byte for byte those that a FrameWriter makes.
 */
export class NativeFrames {
  readonly #library = scanLibrary();
  readonly #flags: number;
  #call = new Uint32Array(FRAMES_CALL_BYTES / 4);
  #bytes = Buffer.from(this.#call.buffer);

  /**
   * content: an entry's content travels; digests: as in archives. Main thread only. Throws
   * HpcError when the library is not there.
   */
  constructor(options: { readonly content: boolean; readonly digests: boolean }) {
    this.#flags =
      (options.content ? FramesFlag.CONTENT : 0) | (options.digests ? FramesFlag.DIGESTS : 0);
  }

  /** Why the last run ended. */
  get stop(): FramesStop {
    return this.#word(FRAMES_CALL.stop) as FramesStop;
  }

  /** What the last run dealt with. */
  get counts(): RunCounts {
    return {
      files: this.#word(FRAMES_CALL.files),
      directories: this.#word(FRAMES_CALL.directories),
      symlinks: this.#word(FRAMES_CALL.symlinks),
      specials: this.#word(FRAMES_CALL.specials),
      xattrBlocks: this.#word(FRAMES_CALL.xattrBlocks),
      bytes: this.#long(FRAMES_CALL.bytes),
    };
  }

  /**
   * Writes frames of a batch to `out`, behind the `length` bytes that it holds, from the record on
   * that the cursor steps on next, and moves the cursor behind the last entry that was dealt with.
   * `own`: files that are no ordinary entries.
   */
  run(
    cursor: RecordCursor,
    batch: Buffer,
    out: Buffer,
    length: number,
    own: ReadonlySet<FileIdentity>,
  ): Filled {
    this.#begin(length, own);
    this.#set(FRAMES_CALL.at, cursor.following);
    this.#set(FRAMES_CALL.dirAt, cursor.dirRecord < 0 ? FRAMES_NO_DIR : cursor.dirRecord);
    const used = this.#library.frames(
      batch,
      batch.length,
      out,
      out.length,
      this.#bytes,
      this.#bytes.length,
    );
    if (used < 0)
      throw new HpcError(
        "HPC_BAD_BATCH",
        `hpc_frames() answered ${used}`,
        "Run `npm run build` again.",
      );
    const dirAt = this.#word(FRAMES_CALL.dirAt);
    cursor.moveTo(this.#word(FRAMES_CALL.at), dirAt === FRAMES_NO_DIR ? -1 : dirAt);
    return { length: used, written: 0 };
  }

  /**
   * The same of what a running scan finds, as hpc_scan_frames() does it; -errno: why that ended.
   */
  scan(
    handle: number,
    to: number | undefined,
    out: Buffer,
    length: number,
    own: ReadonlySet<FileIdentity>,
  ): Filled | number {
    this.#begin(length, own);
    // Nothing to do: fewer turns are enough.
    const idle = this.stop === FramesStop.MORE && this.#entries === 0;
    this.#set(FRAMES_CALL.timeMs, idle ? PULL_TIMEOUT_MS : TURN_MS);
    const used = this.#library.scanFrames(
      handle,
      to ?? -1,
      out,
      out.length,
      this.#bytes,
      this.#bytes.length,
    );
    return used < 0 ? used : { length: used, written: this.#long(FRAMES_CALL.written) };
  }

  #begin(length: number, own: ReadonlySet<FileIdentity>): void {
    const words = FRAMES_CALL_BYTES / 4 + 4 * own.size;
    if (this.#call.length < words) {
      this.#call = new Uint32Array(words);
      this.#bytes = Buffer.from(this.#call.buffer);
    }
    this.#set(FRAMES_CALL.flags, this.#flags);
    this.#set(FRAMES_CALL.ownCount, own.size);
    this.#set(FRAMES_CALL.used, length);
    let at = FRAMES_CALL_BYTES;
    for (const { devLo, devHi, inoLo, inoHi } of own)
      for (const word of [devLo, devHi, inoLo, inoHi]) {
        this.#set(at, word);
        at += 4;
      }
  }

  get #entries(): number {
    const { files, directories, symlinks, specials } = this.counts;
    return files + directories + symlinks + specials;
  }

  #set(offset: number, value: number): void {
    this.#call[offset >> 2] = value;
  }

  #word(offset: number): number {
    return this.#call[offset >> 2] ?? 0;
  }

  #long(offset: number): number {
    return this.#word(offset) + this.#word(offset + 4) * TWO_32;
  }
}
