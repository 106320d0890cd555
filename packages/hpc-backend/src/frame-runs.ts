import { FramesStop, NativeFrames, type RecordCursor, type Scanner } from "@podheitor/hpc-walker";
import type { EntrySink } from "./entry-sink";
import { RUN_SHORT, RUN_SKIP_MAX } from "./limits";
import { ownOutputs } from "./own-outputs";
import type { Sums } from "./sums";

/**
 * The fast way through a batch: runs of ordinary entries become frames in C, in one call for as many as there are room. What needs a decision or a message
 * ends a run, and goes the way of one entry at a time. Where such entries stand close together the call does not pay, so the more often runs are short,
 * the more entries go one at a time before the next is tried.
 */
export class FrameRuns {
  readonly #native: NativeFrames;
  readonly #sink: EntrySink;
  readonly #sums: Sums;
  /** Entries to take one at a time before the next run. */
  #single = 0;
  #skip = 1;

  /** undefined: the sink takes no frames. Throws NativeError when libhpcscan is not there. */
  static over(job: {
    readonly sink: EntrySink;
    readonly sums: Sums;
    readonly content: boolean;
  }): FrameRuns | undefined {
    return job.sink.frames === undefined
      ? undefined
      : new FrameRuns(job.sink, job.sums, job.content, job.sink.frames.digests);
  }

  private constructor(sink: EntrySink, sums: Sums, content: boolean, digests: boolean) {
    this.#native = new NativeFrames({ content, digests });
    this.#sink = sink;
    this.#sums = sums;
  }

  /** Asked before each entry: whether `run` is to be tried now. */
  get due(): boolean {
    if (this.#single === 0) return true;
    this.#single--;
    return false;
  }

  /** Moves the cursor over ordinary entries. Settles when the next record is to be taken by the caller (there may be none). */
  async run(cursor: RecordCursor, batch: Buffer, signal: AbortSignal | undefined): Promise<void> {
    for (let drained = false; ; ) {
      const before = this.#sums.emitted;
      const empty = this.#sink.frames?.empty;
      const stop = this.#go(cursor, batch);
      const entries = this.#sums.emitted - before;
      if (stop === FramesStop.END) return;
      // What an empty buffer has no room for gets none by waiting.
      const tooLarge = entries === 0 && (drained || empty);
      if (stop === FramesStop.FULL && !tooLarge) {
        await this.#sink.drain();
        signal?.throwIfAborted();
        drained = true;
        continue;
      }
      this.#skip = entries >= RUN_SHORT || drained ? 1 : Math.min(2 * this.#skip, RUN_SKIP_MAX);
      this.#single = this.#skip - 1;
      return;
    }
  }

  /** Ordinary entries straight from the scan. Settles false when the scan's `next()` has what comes then, if anything. */
  async pull(scanner: Scanner, signal: AbortSignal | undefined): Promise<boolean> {
    const { frames } = this.#sink;
    if (scanner.frames === undefined || frames === undefined) return false;
    const { empty } = frames;
    const stop = await scanner.frames(this.#native, frames.fill, ownOutputs);
    const entries = this.#count();
    if (stop === FramesStop.MORE) return true;
    // What an empty buffer has no room for gets none by waiting.
    if (stop === FramesStop.FULL && !(empty && entries === 0)) {
      await this.#sink.drain();
      signal?.throwIfAborted();
      return true;
    }
    this.#single = 1; // the next is known to be no ordinary entry
    return false;
  }

  #go(cursor: RecordCursor, batch: Buffer): FramesStop {
    const native = this.#native;
    this.#sink.frames?.fill((buffer, length) => native.run(cursor, batch, buffer, length, ownOutputs));
    this.#count();
    return native.stop;
  }

  /** How many entries the last run dealt with. */
  #count(): number {
    const { files, directories, symlinks, specials, xattrBlocks, bytes } = this.#native.counts;
    const sums = this.#sums;
    const entries = files + directories + symlinks + specials;
    sums.emitted += entries;
    sums.files += files;
    sums.directories += directories;
    sums.symlinks += symlinks;
    sums.specials += specials;
    sums.xattrBlocks += xattrBlocks;
    sums.bytes += bytes;
    return entries;
  }
}
