import { setImmediate as turn } from "node:timers/promises";

/** Followed while something large is made, which is synchronous work. */
export interface Making {
  readonly signal?: AbortSignal;
  /** How much of it is there, from 0 to 1; now and then. */
  progress?(part: number): void;
}

const TURN_MS = 50;

/**
 * Lets signals and timers in, every TURN_MS of work: how much work that is depends on the
 * filesystem.
 */
export class Turns {
  #since = performance.now();

  constructor(private readonly how: Making) {}

  /** Asked after each piece of work. */
  get due(): boolean {
    return performance.now() - this.#since >= TURN_MS;
  }

  /** @param part how much is there. Throws the signal's reason. */
  async take(part: number): Promise<void> {
    this.how.progress?.(part);
    await turn();
    this.how.signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
