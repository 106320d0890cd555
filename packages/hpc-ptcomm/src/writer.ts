import { DATA_END_BYTES, FRAME_HEADER, FRAME_MAX, XATTR_BLOCK } from "@podheitor/hpc-wire";
import { Bytes } from "./bytes";
import { putDataEnd } from "./data-end";
import { type Digest, type EntryParts, entryLength, putEntry } from "./entry-parts";
import { protocolError } from "./errors";
import { encodeFrame, type FrameStatus, isSignal, putHeader, type Signal } from "./frame";
import { WRITER_BYTES } from "./limits";

const NEWLINE = 0x0a;

/** Message frames that the backend sends at any time, and what the File Daemon makes of them. */
export const MESSAGE_STATUS = {
  abort: "A",
  error: "E",
  "error-continue": "Q",
  warning: "W",
  info: "I",
  saved: "S",
  "not-saved": "N",
  restored: "R",
  skipped: "P",
  operator: "O",
  event: "V",
} as const satisfies Record<string, FrameStatus>;
export type MessageLevel = keyof typeof MESSAGE_STATUS;

/**
 * Collects frames in one growing buffer, so that a great many small ones leave in one large write:
 *
 *     writer.entry(parts);
 * if (writer.byteLength >= FLUSH_BYTES) { const bytes = writer.takeBytes(); await write(bytes);
 * writer.recycle(bytes); }
 *
 * Every method either appends one whole frame (`data`: as many as it takes) or throws and appends
 * nothing.
 */
export class FrameWriter {
  #out: Bytes;
  #spare: Buffer | undefined;
  readonly #capacity: number;
  readonly #digest: Digest | undefined;

  /** digest: writes DIGEST into every entry record (archives); absent, no record has one. */
  constructor(options: { readonly digest?: Digest; readonly capacity?: number } = {}) {
    this.#capacity = options.capacity ?? WRITER_BYTES;
    this.#out = new Bytes(this.#capacity);
    this.#digest = options.digest;
  }

  /** Bytes that `takeBytes()` would hand out. */
  get byteLength(): number {
    return this.#out.length;
  }

  /**
   * All frames so far. The memory is the caller's; given back with `recycle()` it is used again.
   */
  takeBytes(): Buffer {
    const { buffer, length } = this.#out;
    this.#out = new Bytes(this.#spare ?? this.#capacity);
    this.#spare = undefined;
    return buffer.subarray(0, length);
  }

  /** Returns the memory of `takeBytes()`; the caller must not touch it any more. */
  recycle(bytes: Buffer): void {
    // Twice doubled it holds the largest frame behind a flush; what a great many frames blew up is
    // not worth keeping.
    const whole = Buffer.from(bytes.buffer);
    if (whole.length <= 4 * this.#capacity) this.#spare = whole;
  }

  /**
   * Lets `how` write whole frames behind the `length` bytes that the buffer holds, as far as the
   * capacity goes, and send away what is at its front; it answers how many bytes are left to send.
   * The buffer is valid during the call.
   */
  fill(how: (buffer: Buffer, length: number) => number): void {
    const { buffer, length } = this.#out;
    this.#out.length = how(buffer.subarray(0, Math.max(length, this.#capacity)), length);
  }

  signal(status: Signal): void {
    this.#header(status, 0);
  }

  /** Any frame with any payload, for the rare ones. Throws HPC_FRAME_TOO_LONG. */
  frame(status: FrameStatus, payload: Uint8Array): void {
    if (payload.length > FRAME_MAX || isSignal(status)) encodeFrame(status, payload); // says what is wrong
    this.#begin(status, payload.length).set(payload);
  }

  /**
   * A command: the parts one after the other, and the newline. Strings are UTF-8. Throws
   * HPC_FRAME_TOO_LONG.
   */
  command(...parts: readonly (string | Uint8Array)[]): void {
    this.#text("C", parts);
  }

  /** A message for the job log. Longer than a frame, it is cut: a message must never fail. */
  message(level: MessageLevel, text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    this.#text(MESSAGE_STATUS[level], [bytes.subarray(0, FRAME_MAX - 1)]);
  }

  /**
   * An M frame. Throws HPC_FRAME_TOO_LONG when the names do not fit a frame; nothing is written
   * then.
   */
  entry(parts: EntryParts): void {
    const length = entryLength(parts, this.#digest !== undefined);
    this.#header("M", length);
    putEntry(this.#out, parts, length, this.#digest);
  }

  /**
   * A B frame: the xattr block of the entry just written, and in an archive its digest. Throws
   * HPC_FRAME_TOO_LONG.
   */
  attributes(block: Buffer): void {
    if (block.length > XATTR_BLOCK) {
      throw protocolError(
        "HPC_FRAME_TOO_LONG",
        `an xattr block of ${block.length} bytes, at most ${XATTR_BLOCK} travel`,
      );
    }
    const payload = this.#begin("B", block.length + (this.#digest === undefined ? 0 : 8));
    payload.set(block);
    if (this.#digest !== undefined) payload.writeBigUInt64LE(this.#digest(block), block.length);
  }

  /** A G frame: a name that is gone; in an archive its digest follows it. */
  deleted(name: Buffer): void {
    const payload = this.#begin("G", name.length + (this.#digest === undefined ? 0 : 8));
    payload.set(name);
    if (this.#digest !== undefined) payload.writeBigUInt64LE(this.#digest(name), name.length);
  }

  /** D frames with these bytes, none for none. */
  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += FRAME_MAX) {
      const piece =
        bytes.length - at <= FRAME_MAX && at === 0 ? bytes : bytes.subarray(at, at + FRAME_MAX);
      this.#begin("D", piece.length).set(piece);
    }
  }

  /**
   * The header of a D frame whose `length` bytes the caller sends behind it by other means
   * (splice).
   */
  dataHeader(length: number): void {
    this.#header("D", length);
  }

  /**
   * A Z frame: bytes of data sent, errno of a read that failed (0: complete), xxh3_64 of the data
   * (archives).
   */
  dataEnd(bytes: number | bigint, errno: number, digest?: bigint): void {
    this.#header("Z", DATA_END_BYTES);
    const start = this.#out.extend(DATA_END_BYTES);
    putDataEnd(this.#out.buffer, start, bytes, errno, digest);
  }

  #text(status: FrameStatus, parts: readonly (string | Uint8Array)[]): void {
    const pieces = parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 1);
    const payload = this.#begin(status, length);
    let at = 0;
    for (const piece of pieces) {
      payload.set(piece, at);
      at += piece.length;
    }
    payload[at] = NEWLINE;
  }

  #begin(status: FrameStatus, length: number): Buffer {
    this.#header(status, length);
    const start = this.#out.extend(length);
    return this.#out.buffer.subarray(start, start + length);
  }

  #header(status: FrameStatus, length: number): void {
    if (length > FRAME_MAX) {
      throw protocolError(
        "HPC_FRAME_TOO_LONG",
        `frame ${status} of ${length} bytes, at most ${FRAME_MAX} are allowed`,
      );
    }
    const at = this.#out.extend(FRAME_HEADER);
    putHeader(this.#out.buffer, at, status, length);
  }
}
