import { type ScanMemory, signal, Word } from "./memory";

/** What one worker may give another. */
export const Work = { ROOT: 1, DIR: 2, NAMES: 3 } as const;

/** A piece of work in bytes, so that it can lie in shared memory. */
export interface Gift {
  readonly work: (typeof Work)[keyof typeof Work];
  readonly dir: Buffer;
  readonly dev: bigint;
  readonly ino: bigint;
  /** NAMES: entries of `dir` that are to be looked at. */
  readonly names: readonly Buffer[];
}

/**
 * u32 length of the whole, u32 work, u64 dev, u64 ino, u32 dir length, dir, then u32 length and
 * bytes of each name.
 */
const HEAD = 28;

export function giftBytes(gift: Gift): number {
  return gift.names.reduce((sum, name) => sum + 4 + name.length, HEAD + gift.dir.length);
}

/**
 * A stack of gifts in shared memory; hungry workers wait at it. Its counters make a scan end when
 * nothing is left.
 */
export class WorkStack {
  readonly #control: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory: ScanMemory) {
    this.#control = memory.control;
    this.#bytes = Buffer.from(memory.stack.buffer, memory.stack.byteOffset, memory.stack.length);
  }

  /** Do fewer than `each` gifts lie ready for each one who waits? */
  wants(each: number): boolean {
    return (
      each * Atomics.load(this.#control, Word.HUNGRY) >
      Atomics.load(this.#control, Word.STACK_COUNT)
    );
  }

  /** False when there is no room: keep it, then. Does not count it as pending. */
  push(gift: Gift): boolean {
    this.#lock();
    const control = this.#control;
    const top = Atomics.load(control, Word.STACK_TOP);
    const length = giftBytes(gift) + 4;
    const fits = top + length <= this.#bytes.length;
    if (fits) {
      this.#write(top, gift);
      // The length stands behind the gift, where pop() finds it.
      this.#bytes.writeUInt32LE(length, top + length - 4);
      Atomics.store(control, Word.STACK_TOP, top + length);
      Atomics.add(control, Word.STACK_COUNT, 1);
    }
    this.#unlock();
    if (fits) signal(control, Word.WORK, 1);
    return fits;
  }

  /**
   * The next gift; waits while there may be one. undefined: the scan is complete or was stopped.
   */
  take(beforeWaiting: () => void): Gift | undefined {
    const control = this.#control;
    for (;;) {
      const seen = Atomics.load(control, Word.WORK);
      const gift = this.#pop();
      if (gift !== undefined) return gift;
      beforeWaiting();
      if (Atomics.load(control, Word.PENDING) === 0 || Atomics.load(control, Word.STOP) === 1)
        return undefined;
      Atomics.add(control, Word.HUNGRY, 1);
      Atomics.wait(control, Word.WORK, seen);
      Atomics.sub(control, Word.HUNGRY, 1);
    }
  }

  /** A piece of work came into being; returns how many there are now. */
  began(): number {
    return Atomics.add(this.#control, Word.PENDING, 1) + 1;
  }

  /** A piece of work is done; the last one ends the scan. */
  finished(): void {
    if (Atomics.sub(this.#control, Word.PENDING, 1) === 1) signal(this.#control, Word.WORK);
  }

  #pop(): Gift | undefined {
    if (Atomics.load(this.#control, Word.STACK_COUNT) === 0) return undefined;
    this.#lock();
    const top = Atomics.load(this.#control, Word.STACK_TOP);
    let gift: Gift | undefined;
    if (top > 0) {
      const start = top - this.#bytes.readUInt32LE(top - 4);
      // A copy: the memory is written again as soon as the lock is gone.
      gift = read(Buffer.from(this.#bytes.subarray(start, top - 4)));
      Atomics.store(this.#control, Word.STACK_TOP, start);
      Atomics.sub(this.#control, Word.STACK_COUNT, 1);
    }
    this.#unlock();
    return gift;
  }

  #write(start: number, gift: Gift): void {
    const bytes = this.#bytes;
    bytes.writeUInt32LE(giftBytes(gift), start);
    bytes.writeUInt32LE(gift.work, start + 4);
    bytes.writeBigUInt64LE(gift.dev, start + 8);
    bytes.writeBigUInt64LE(gift.ino, start + 16);
    bytes.writeUInt32LE(gift.dir.length, start + 24);
    let at = start + HEAD + gift.dir.copy(bytes, start + HEAD);
    for (const name of gift.names) {
      bytes.writeUInt32LE(name.length, at);
      at += 4 + name.copy(bytes, at + 4);
    }
  }

  /** 0 free, 1 taken, 2 taken and somebody waits. */
  #lock(): void {
    if (Atomics.compareExchange(this.#control, Word.LOCK, 0, 1) === 0) return;
    while (Atomics.exchange(this.#control, Word.LOCK, 2) !== 0)
      Atomics.wait(this.#control, Word.LOCK, 2);
  }
  #unlock(): void {
    if (Atomics.exchange(this.#control, Word.LOCK, 0) === 2)
      Atomics.notify(this.#control, Word.LOCK, 1);
  }
}

function read(bytes: Buffer): Gift {
  const dirLength = bytes.readUInt32LE(24);
  const names: Buffer[] = [];
  for (let at = HEAD + dirLength; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    names.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return {
    work: bytes.readUInt32LE(4) as Gift["work"],
    dev: bytes.readBigUInt64LE(8),
    ino: bytes.readBigUInt64LE(16),
    dir: bytes.subarray(HEAD, HEAD + dirLength),
    names,
  };
}
