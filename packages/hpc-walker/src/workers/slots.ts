import type { ScanOp } from "@podheitor/hpc-wire";
import { type EntryFields, RecordWriter } from "../records/record-writer";
import { type ScanMemory, signal, Word } from "./memory";

const State = { FREE: 0, WRITING: 1, FULL: 2 } as const;

/**
 * Thrown in a worker when the scan was stopped while it waited for a slot; unwinds to the worker's
 * end.
 */
export class Stopped extends Error {}

function slotBuffer(memory: ScanMemory, slot: number): Buffer {
  const { slots, slotBytes } = memory;
  return Buffer.from(slots.buffer, slots.byteOffset + slot * slotBytes, slotBytes);
}

/**
 * A worker's end of the ring: fills one slot after the other, and sleeps while all of them are
 * full.
 */
export class SlotWriter {
  readonly #memory: ScanMemory;
  readonly #control: Int32Array;
  readonly #writers: RecordWriter[];
  #slot = -1;
  #entries = 0;
  /** The directory whose DIR record is the last one in the slot. */
  #dir: Buffer | undefined;

  constructor(memory: ScanMemory) {
    this.#memory = memory;
    this.#control = memory.control;
    this.#writers = Array.from(
      { length: memory.slotCount },
      (_, i) => new RecordWriter(slotBuffer(memory, i)),
    );
  }

  entry(dir: Buffer, fields: EntryFields): void {
    while (!(this.#announce(dir) && this.#writer().entry(fields))) this.flush();
    this.#written();
  }

  error(dir: Buffer, op: ScanOp, errno: number, name: Buffer): void {
    while (!(this.#announce(dir) && this.#writer().error(op, errno, name))) this.flush();
    this.#written();
  }

  /** Hands the slot over, if there is anything in it. */
  flush(): void {
    if (this.#slot < 0) return;
    const state = Word.SLOTS + 2 * this.#slot;
    Atomics.store(this.#control, state + 1, this.#writer().length);
    Atomics.store(this.#control, state, State.FULL);
    this.#slot = -1;
    signal(this.#control, Word.FILLED);
  }

  #announce(dir: Buffer): boolean {
    const writer = this.#writer();
    if (this.#dir === dir) return true;
    if (!writer.dir(dir)) return false;
    this.#dir = dir;
    return true;
  }

  #written(): void {
    this.#entries++;
    if (this.#entries >= this.#memory.entriesPerSlot) this.flush();
  }

  #writer(): RecordWriter {
    if (this.#slot < 0) this.#acquire();
    return this.#writers[this.#slot] as RecordWriter;
  }

  #acquire(): void {
    const control = this.#control;
    for (;;) {
      const seen = Atomics.load(control, Word.FREE);
      if (Atomics.load(control, Word.STOP) === 1) throw new Stopped();
      for (let slot = 0; slot < this.#memory.slotCount; slot++) {
        const state = Word.SLOTS + 2 * slot;
        if (Atomics.compareExchange(control, state, State.FREE, State.WRITING) !== State.FREE)
          continue;
        this.#slot = slot;
        this.#entries = 0;
        this.#dir = undefined;
        this.#writers[slot]?.clear();
        return;
      }
      Atomics.wait(control, Word.FREE, seen);
    }
  }
}

/** The consumer's end of the ring. */
export class SlotReader {
  readonly #memory: ScanMemory;
  readonly #slots: Buffer[];
  readonly #batch: Buffer;
  #next = 0;

  constructor(memory: ScanMemory) {
    this.#memory = memory;
    this.#slots = Array.from({ length: memory.slotCount }, (_, i) => slotBuffer(memory, i));
    // Unshared memory: not every consumer (addons, sockets) takes a view on shared memory.
    this.#batch = Buffer.alloc(memory.slotBytes);
  }

  /**
   * Copies a full slot out and frees it; undefined when none is full. The result is overwritten by
   * the next call.
   */
  take(): Buffer | undefined {
    const { control, slotCount } = this.#memory;
    for (let i = 0; i < slotCount; i++) {
      const slot = (this.#next + i) % slotCount;
      const state = Word.SLOTS + 2 * slot;
      if (Atomics.load(control, state) !== State.FULL) continue;
      const length = Atomics.load(control, state + 1);
      this.#slots[slot]?.copy(this.#batch, 0, 0, length);
      Atomics.store(control, state, State.FREE);
      signal(control, Word.FREE, 1);
      this.#next = slot + 1;
      return this.#batch.subarray(0, length);
    }
    return undefined;
  }
}
