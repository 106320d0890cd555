/** A Buffer that grows. What is written stays where it is until the owner takes it away. */
export class Bytes {
  buffer: Buffer;
  length = 0;

  /** Memory to begin with, or how much of it. */
  constructor(memory: Buffer | number) {
    this.buffer = typeof memory === "number" ? Buffer.allocUnsafeSlow(memory) : memory;
  }

  /** Makes room for `count` more bytes, counts them as written, and says where they start. The caller fills them all. */
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
