import { setTimeout as after } from "node:timers/promises";
import { PACE_MIN } from "../limits";

/** Keeps an average of bytes a second; what was not used before does not count. */
export class Pacer {
  /** When all that was spent is paid for. */
  #paid = Number.NEGATIVE_INFINITY;

  constructor(private readonly bytesPerSecond: number) {}

  /** Do no more than this between two calls of `spent`: a quarter of a second's worth. */
  get piece(): number {
    return Math.max(PACE_MIN, Math.floor(this.bytesPerSecond / 4));
  }

  /**
   * Settles when `bytes`, which took from `begun` (performance.now()) to now, have taken as long as
   * they must.
   */
  async spent(bytes: number, begun: number): Promise<void> {
    this.#paid = Math.max(this.#paid, begun) + (1000 * bytes) / this.bytesPerSecond;
    const wait = this.#paid - performance.now();
    if (wait > 0) await after(wait);
  }
}
