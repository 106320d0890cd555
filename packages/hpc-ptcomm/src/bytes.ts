/** A Buffer that grows. What is written stays where it is until the owner takes it away. */
export class Bytes {
  buffer: Buffer;
  length = 0;

  /** Memory to begin with, or how much of it. */
  constructor(memory: Buffer | number) {
    this.buffer = typeof memory === "number" ? Buffer.allocUnsafeSlow(memory) : memory;
  }

  /**
   * Makes room for `count` more bytes, counts them as written, and says where they start. The
   * caller fills them all.
   */
  extend(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.buffer.length) this.#grow(end);
    this.length = end;
    return start;
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(least, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

// The hot path writes a dozen numbers per entry. Plain stores: Node's write methods check every
// argument again, and a bigint per file shows (measured side by side on a busy machine, M and Z of
// one entry: 650 ns with them, 320 with these).

/** Little endian; `value` an integer, its low 32 bits count. */
export function putU32(to: Buffer, at: number, value: number): void {
  to[at] = value;
  to[at + 1] = value >>> 8;
  to[at + 2] = value >>> 16;
  to[at + 3] = value >>> 24;
}

/** Little endian; `value` an integer from 0 to 2^53. */
export function putU64(to: Buffer, at: number, value: number): void {
  putU32(to, at, value);
  putU32(to, at + 4, Math.floor(value / 0x1_0000_0000));
}
