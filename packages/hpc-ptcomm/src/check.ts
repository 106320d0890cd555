import type { HpcError } from "@podheitor/hpc-base";
import { CHECK_ENTRIES, ENTRY_HEAD, EntryFlag, FRAME_MAX } from "@podheitor/hpc-wire";
import { Bytes } from "./bytes";
import { decodeEntry, type Entry } from "./entry";
import { type EntryParts, entryLength, putEntry } from "./entry-parts";
import { protocolError } from "./errors";

const HEAD = 8;

/** Builds K payloads: entries of which the File Daemon says whether they have changed. */
export class CheckBatch {
  #out = new Bytes(64 * 1024);
  #count = 0;

  constructor() {
    this.#out.extend(HEAD);
  }

  get count(): number {
    return this.#count;
  }

  /** False when the batch is full (512 entries, or a frame's worth of bytes): take it first. */
  add(parts: EntryParts): boolean {
    const length = entryLength(parts, false);
    if (HEAD + 4 + length > FRAME_MAX) {
      throw protocolError(
        "HPC_FRAME_TOO_LONG",
        `a record of ${length} bytes does not fit a CHECK batch`,
      );
    }
    if (this.#count === CHECK_ENTRIES || this.#out.length + 4 + length > FRAME_MAX) return false;
    const lengthAt = this.#out.extend(4); // may move the buffer, so it comes first
    this.#out.buffer.writeUInt32LE(length, lengthAt);
    const start = this.#out.length;
    putEntry(this.#out, parts, length, undefined);
    const flagsAt = start + ENTRY_HEAD.flags;
    this.#out.buffer[flagsAt] =
      (this.#out.buffer[flagsAt] ?? 0) & ~(EntryFlag.HAS_DATA | EntryFlag.ATTRS);
    this.#count++;
    return true;
  }

  /**
   * The payload of a K frame with this batch number; the next batch begins empty. At least one
   * entry was added.
   */
  take(batch: number): Buffer {
    if (this.#count === 0) throw new RangeError("an empty CHECK batch is never sent");
    this.#out.buffer.writeUInt32LE(batch, 0);
    this.#out.buffer.writeUInt32LE(this.#count, 4);
    const payload = Buffer.from(this.#out.buffer.subarray(0, this.#out.length));
    this.#out.length = HEAD;
    this.#count = 0;
    return payload;
  }
}

/**
 * Entries of a K payload, backend to plugin. Throws HPC_PAYLOAD, before the first entry is handed
 * out.
 */
export function decodeCheck(payload: Buffer): {
  readonly batch: number;
  readonly entries: Entry[];
} {
  if (payload.length < HEAD) throw refuse(`${payload.length} bytes`);
  const count = payload.readUInt32LE(4);
  if (count === 0 || count > CHECK_ENTRIES) throw refuse(`${count} entries`);
  const entries: Entry[] = [];
  let at = HEAD;
  for (let i = 0; i < count; i++) {
    if (payload.length - at < 4) throw refuse(`ends within entry ${i}`);
    const length = payload.readUInt32LE(at);
    at += 4;
    if (length > payload.length - at) throw refuse(`ends within entry ${i}`);
    const entry = decodeEntry(payload.subarray(at, at + length));
    if (entry.flags & (EntryFlag.HAS_DATA | EntryFlag.ATTRS))
      throw refuse(`entry ${i} has data or attributes`);
    entries.push(entry);
    at += length;
  }
  if (at !== payload.length) throw refuse(`${payload.length - at} bytes behind the last entry`);
  return { batch: payload.readUInt32LE(0), entries };
}

/** Which entries of a batch are wanted. */
export interface CheckAnswer {
  readonly batch: number;
  readonly count: number;
  /** (count + 7) / 8 bytes, bit i least significant first. */
  readonly wanted: Uint8Array;
}

export function isWanted(answer: Pick<CheckAnswer, "wanted">, index: number): boolean {
  return ((answer.wanted[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

/** K payload, plugin to backend. Bits beyond `wanted.length` entries are 0. */
export function encodeCheckAnswer(batch: number, wanted: readonly boolean[]): Buffer {
  if (wanted.length === 0 || wanted.length > CHECK_ENTRIES)
    throw refuse(`an answer about ${wanted.length} entries`);
  const payload = Buffer.alloc(HEAD + Math.ceil(wanted.length / 8));
  payload.writeUInt32LE(batch, 0);
  payload.writeUInt32LE(wanted.length, 4);
  wanted.forEach((is, i) => {
    const at = HEAD + (i >>> 3);
    if (is) payload[at] = (payload[at] ?? 0) | (1 << (i & 7));
  });
  return payload;
}

/** Throws HPC_PAYLOAD. */
export function decodeCheckAnswer(payload: Buffer): CheckAnswer {
  if (payload.length < HEAD) throw refuse(`answer of ${payload.length} bytes`);
  const count = payload.readUInt32LE(4);
  if (count === 0 || count > CHECK_ENTRIES) throw refuse(`answer about ${count} entries`);
  const wanted = payload.subarray(HEAD);
  if (wanted.length !== Math.ceil(count / 8))
    throw refuse(`answer about ${count} entries in ${payload.length} bytes`);
  if (count % 8 !== 0 && (wanted.at(-1) ?? 0) >>> (count % 8) !== 0)
    throw refuse("answer about entries that are not there");
  return { batch: payload.readUInt32LE(0), count, wanted };
}

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `CHECK batch: ${what}`);
}
