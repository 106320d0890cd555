import type { HpcError } from "@podheitor/hpc-base";
import { FRAME_HEADER, FRAME_MAX, FRAME_SIGNALS, FRAME_STATUSES } from "@podheitor/hpc-wire";
import { isProtocolError, protocolError } from "./errors";

/** A status byte; docs/ptcomm.md says who sends which. */
export type FrameStatus = (typeof FRAME_STATUSES)[number];

/** Statuses that never carry a payload. */
export type Signal = (typeof FRAME_SIGNALS)[number];

export interface Frame {
  readonly status: FrameStatus;
  /** May be a view into a chunk that was pushed: valid as long as that chunk is not written to. */
  readonly payload: Buffer;
}

const BY_BYTE: (FrameStatus | undefined)[] = [];
for (const status of FRAME_STATUSES) BY_BYTE[status.charCodeAt(0)] = status;
const EMPTY = Buffer.alloc(0);
const ZERO = 0x30;
const NEWLINE = 0x0a;

export function isSignal(status: FrameStatus): status is Signal {
  return (FRAME_SIGNALS as readonly FrameStatus[]).includes(status);
}

/** Writes the 8 header bytes at `at`. `length` <= FRAME_MAX; the caller has made room. */
export function putHeader(target: Buffer, at: number, status: FrameStatus, length: number): void {
  target[at] = status.charCodeAt(0);
  let rest = length;
  for (let digit = at + 6; digit > at; digit--) {
    const tenth = Math.floor(rest / 10);
    target[digit] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  target[at + 7] = NEWLINE;
}

/**
 * One frame as its own Buffer; for a stream of them use a FrameWriter. Throws HPC_FRAME_TOO_LONG.
 */
export function encodeFrame(status: FrameStatus, payload: Uint8Array = EMPTY): Buffer {
  if (payload.length > FRAME_MAX) throw tooLong(status, payload.length, FRAME_MAX);
  if (isSignal(status) && payload.length > 0) {
    throw protocolError(
      "HPC_FRAME",
      `frame ${status} carries no payload, ${payload.length} bytes were given`,
    );
  }
  const frame = Buffer.allocUnsafe(FRAME_HEADER + payload.length);
  putHeader(frame, 0, status, payload.length);
  frame.set(payload, FRAME_HEADER);
  return frame;
}

/**
 * Cuts a byte stream into frames, in whatever pieces it arrives:
 *
 *     decoder.push(chunk);
 *     for (let frame = decoder.next(); frame; frame = decoder.next()) handle(frame);
 *     // and when the stream ends
 *     decoder.end();
 *
 * A wrong byte in a header is refused as soon as it is seen, and a length beyond `maxPayload`
 * before any of that payload is kept.
 * A payload that lies within one chunk is a view of it; one that was split is copied once. After an
 * error the decoder stays broken and every call throws that error again.
 */
export class FrameDecoder {
  readonly #maxPayload: number;
  readonly #chunks: Buffer[] = [];
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** Bytes of the stream before `#chunk`: errors name the place. */
  #before = 0;
  readonly #header = Buffer.alloc(FRAME_HEADER);
  #headerLength = 0;
  #partial: { status: FrameStatus; payload: Buffer; filled: number } | undefined;
  #broken: HpcError | undefined;

  /** maxPayload: bytes, for exchanges that allow less than FRAME_MAX. */
  constructor(options: { readonly maxPayload?: number } = {}) {
    this.#maxPayload = Math.min(options.maxPayload ?? FRAME_MAX, FRAME_MAX);
  }

  /**
   * Bytes of the stream that whole frames have used up so far, and those of the frame in progress.
   */
  get offset(): number {
    return this.#before + this.#at;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#at === this.#chunk.length) this.#enter(chunk);
    else this.#chunks.push(chunk);
  }

  /** The next whole frame, or undefined when more bytes are needed. Throws HpcError. */
  next(): Frame | undefined {
    if (this.#broken) throw this.#broken;
    try {
      return this.#next();
    } catch (error) {
      if (isProtocolError(error)) this.#broken = error;
      throw error;
    }
  }

  /** The stream has ended. Throws HPC_STREAM_TRUNCATED when a frame was begun and not finished. */
  end(): void {
    if (this.#broken) throw this.#broken;
    const partial = this.#partial;
    if (partial) {
      throw protocolError(
        "HPC_STREAM_TRUNCATED",
        `the stream ends at byte ${this.offset}, after ${partial.filled} of ${partial.payload.length} bytes of a ${partial.status} frame`,
      );
    }
    if (this.#headerLength > 0 || this.#at < this.#chunk.length) {
      throw protocolError(
        "HPC_STREAM_TRUNCATED",
        `the stream ends at byte ${this.offset}, within a frame's header`,
      );
    }
  }

  #next(): Frame | undefined {
    for (;;) {
      if (this.#at === this.#chunk.length) {
        const chunk = this.#chunks.shift();
        if (chunk === undefined) return undefined;
        this.#enter(chunk);
      }
      const frame = this.#partial ? this.#fill(this.#partial) : this.#begin();
      if (frame) return frame;
    }
  }

  #enter(chunk: Buffer): void {
    this.#before += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Reads a header; gives the frame at once when all of it is here. */
  #begin(): Frame | undefined {
    let header = this.#chunk;
    let start = this.#at;
    if (this.#headerLength > 0 || header.length - start < FRAME_HEADER) {
      const take = Math.min(FRAME_HEADER - this.#headerLength, header.length - start);
      header.copy(this.#header, this.#headerLength, start, start + take);
      this.#at += take;
      this.#headerLength += take;
      if (this.#headerLength < FRAME_HEADER) {
        this.#readHeader(this.#header, 0, this.#headerLength);
        return undefined;
      }
      header = this.#header;
      start = 0;
      this.#headerLength = 0;
    } else {
      this.#at += FRAME_HEADER;
    }
    const length = this.#readHeader(header, start, FRAME_HEADER);
    const status = BY_BYTE[header[start] ?? 0] as FrameStatus; // readHeader() has refused every other byte
    if (length === 0) return { status, payload: EMPTY };
    const end = this.#at + length;
    if (end <= this.#chunk.length) {
      const payload = this.#chunk.subarray(this.#at, end);
      this.#at = end;
      return { status, payload };
    }
    this.#partial = { status, payload: Buffer.allocUnsafe(length), filled: 0 };
    return undefined;
  }

  #fill(partial: { status: FrameStatus; payload: Buffer; filled: number }): Frame | undefined {
    const take = Math.min(partial.payload.length - partial.filled, this.#chunk.length - this.#at);
    this.#chunk.copy(partial.payload, partial.filled, this.#at, this.#at + take);
    this.#at += take;
    partial.filled += take;
    if (partial.filled < partial.payload.length) return undefined;
    this.#partial = undefined;
    return { status: partial.status, payload: partial.payload };
  }

  /** Checks the first `have` bytes of a header; its length once all eight are there. */
  #readHeader(bytes: Buffer, start: number, have: number): number {
    const status = BY_BYTE[bytes[start] ?? 0];
    if (status === undefined) throw this.#badHeader(bytes, start, have);
    const mustBeEmpty = isSignal(status);
    let length = 0;
    for (let i = 1; i < have; i++) {
      const byte = bytes[start + i] ?? 0;
      if (i === FRAME_HEADER - 1) {
        if (byte !== NEWLINE) throw this.#badHeader(bytes, start, have);
      } else {
        const digit = byte - ZERO;
        if (digit < 0 || digit > 9 || (digit > 0 && mustBeEmpty))
          throw this.#badHeader(bytes, start, have);
        length = length * 10 + digit;
      }
    }
    if (have === FRAME_HEADER && length > this.#maxPayload)
      throw tooLong(status, length, this.#maxPayload);
    return length;
  }

  #badHeader(bytes: Buffer, start: number, have: number): HpcError {
    const seen = JSON.stringify(bytes.toString("latin1", start, start + have));
    return protocolError(
      "HPC_FRAME",
      `not a frame near byte ${Math.max(0, this.offset - have)} of the stream: ${seen}`,
    );
  }
}

function tooLong(status: FrameStatus, length: number, limit: number): HpcError {
  return protocolError(
    "HPC_FRAME_TOO_LONG",
    `frame ${status} of ${length} bytes, at most ${limit} are allowed`,
  );
}
