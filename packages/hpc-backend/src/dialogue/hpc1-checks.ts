import { CheckBatch as CheckFrame, decodeCheckAnswer, protocolError } from "@podheitor/hpc-ptcomm";
import { RecordCursor, RecordType } from "@podheitor/hpc-walker";
import type { Emitter } from "../emit/emitter";
import type { CheckBatch } from "./checks";

const NONE = Buffer.alloc(0);

interface Question {
  readonly batch: number;
  readonly count: number;
  readonly resolve: (wanted: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

/** CHECK over hpc/1: `K` frames out, bitmaps back, in the order of the questions. */
export class Hpc1Checks {
  readonly #emitter: Emitter;
  readonly #cursor = new RecordCursor();
  readonly #frame = new CheckFrame();
  readonly #asked: Question[] = [];
  #next = 0;

  /** When `signal` fires, nobody waits for an answer any more. */
  constructor(emitter: Emitter, signal: AbortSignal) {
    this.#emitter = emitter;
    signal.addEventListener("abort", () => {
      for (const { reject } of this.#asked.splice(0)) reject(signal.reason);
    });
  }

  readonly ask = (batch: CheckBatch): Promise<Uint8Array> => {
    const cursor = this.#cursor;
    for (cursor.reset(batch.records); cursor.next(); ) {
      if (cursor.type !== RecordType.ENTRY) continue;
      const { headStart, dir, name, link, flags } = cursor;
      this.#frame.add({
        bytes: batch.records,
        headStart,
        dir,
        name,
        link,
        flags,
        group: 0,
        holes: NONE,
      });
    }
    const number = this.#next++;
    this.#emitter.frames.frame("K", this.#frame.take(number));
    // The receiver may be waiting for it with everything else done.
    this.#emitter.flush();
    return new Promise((resolve, reject) =>
      this.#asked.push({ batch: number, count: batch.count, resolve, reject }),
    );
  };

  /**
   * The payload of a `K` frame from the plugin. Throws HpcError when it answers another
   * question.
   */
  answer(payload: Buffer): void {
    const { batch, count, wanted } = decodeCheckAnswer(payload);
    const question = this.#asked.shift();
    if (question === undefined || question.batch !== batch || question.count !== count) {
      throw protocolError(
        "HPC_UNEXPECTED_FRAME",
        `CHECK answer ${batch} about ${count} entries was not asked for`,
      );
    }
    // The frame's memory is reused before the answer is worked off.
    question.resolve(Uint8Array.from(wanted));
  }
}
