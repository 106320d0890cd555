import { ownOutputs } from "@podheitor/hpc-archive";
import { FramesStop, NativeFrames, type RecordCursor } from "@podheitor/hpc-walker";
import type { Tally } from "../job/tally";
import { PULL_SKIP_MAX, RUN_SHORT, RUN_SKIP_MAX } from "../limits";
import type { EntrySource } from "../source/source";
import type { EntrySink } from "./entry-sink";
import { TrialBackoff } from "./trial-backoff";

/**
 * The fast ways through a scan: ordinary entries become frames in C, in one call straight from the
 * scan for some milliseconds, or for as many of a batch as there is room. What needs a decision or
 * a message ends both, and goes the way of one entry at a time. Where such entries stand close
 * together the calls do not pay, so the more often few entries come of them, the more batches, and
 * the more entries of a batch, go by before the next is tried.
 */
export class FrameRuns {
  readonly #native: NativeFrames;
  readonly #sink: EntrySink;
  readonly #sums: Tally;
  /** Of records that are looked at one at a time. */
  readonly #runs = new TrialBackoff(RUN_SKIP_MAX);
  /** Of batches. */
  readonly #pulls = new TrialBackoff(PULL_SKIP_MAX);

  /** undefined: the sink takes no frames. Throws HpcError when libhpcscan is not there. */
  static over(job: {
    readonly sink: EntrySink;
    readonly sums: Tally;
    readonly content: boolean;
  }): FrameRuns | undefined {
    return job.sink.frames === undefined
      ? undefined
      : new FrameRuns(job.sink, job.sums, job.content, job.sink.frames.digests);
  }

  private constructor(sink: EntrySink, sums: Tally, content: boolean, digests: boolean) {
    this.#native = new NativeFrames({ content, digests });
    this.#sink = sink;
    this.#sums = sums;
  }

  /** Asked before each record: whether `run` is to be tried now. */
  get due(): boolean {
    return this.#runs.due;
  }

  /**
   * Moves the cursor over ordinary entries. Settles when the next record is to be taken by the
   * caller (there may be none).
   */
  async run(cursor: RecordCursor, batch: Buffer, signal: AbortSignal | undefined): Promise<void> {
    for (let drained = false; ; ) {
      const { frames } = this.#sink;
      const empty = frames?.empty;
      frames?.fill((buffer, length) => this.#native.run(cursor, batch, buffer, length, ownOutputs));
      const entries = this.#count();
      const { stop } = this.#native;
      if (stop === FramesStop.END) return;
      // What an empty buffer has no room for gets none by waiting.
      const tooLarge = entries === 0 && (drained || empty);
      if (stop === FramesStop.FULL && !tooLarge) {
        await this.#sink.drain();
        signal?.throwIfAborted();
        drained = true;
        continue;
      }
      this.#runs.tried(entries >= RUN_SHORT || drained);
      return;
    }
  }

  /**
   * Ordinary entries straight from the scan. Settles false when the source's `next()` has what comes
   * then, if anything.
   */
  async pull(source: EntrySource, signal: AbortSignal | undefined): Promise<boolean> {
    const { frames } = this.#sink;
    if (source.frames === undefined || frames === undefined || !this.#pulls.due) return false;
    const { empty } = frames;
    const stop = await source.frames(this.#native, frames.fill, ownOutputs);
    const entries = this.#count();
    if (stop === FramesStop.MORE) return true;
    // What an empty buffer has no room for gets none by waiting.
    if (stop === FramesStop.FULL && !(empty && entries === 0)) {
      await this.#sink.drain();
      signal?.throwIfAborted();
      return true;
    }
    this.#pulls.tried(entries >= RUN_SHORT);
    this.#runs.pass(2); // the DIR record, and an entry that is known not to be ordinary
    return false;
  }

  /** Adds what the last call dealt with to the sums; returns how many entries that were. */
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
