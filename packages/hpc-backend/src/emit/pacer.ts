import { PACE_MIN } from "../limits";

/**
 * Keeps an average of bytes a second; what was not used before does not count. Without a limit, as
 * to begin with, it keeps nobody waiting.
 */
export class Pacer {
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  /** When all that was spent is paid for. */
  #paid = Number.NEGATIVE_INFINITY;
  /** Ends the wait that is under way, if any. */
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  /** So many from now on, undefined: any. Whoever waits, waits as long as the new limit wants. */
  limit(bytesPerSecond: number | undefined): void {
    const before = this.#bytesPerSecond;
    const now = performance.now();
    this.#bytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY;
    if (this.#paid > now) this.#paid = now + ((this.#paid - now) * before) / this.#bytesPerSecond;
    if (this.#wake !== undefined) this.#arm(this.#wake);
  }

  get limited(): boolean {
    return this.#bytesPerSecond < Number.POSITIVE_INFINITY;
  }

  /** Do no more than this between two calls of `spent`: a quarter of a second's worth. */
  get piece(): number {
    return Math.max(PACE_MIN, Math.floor(this.#bytesPerSecond / 4));
  }

  /**
   * Settles when `bytes`, which took from `begun` (performance.now()) to now, have taken as long as
   * they must. One call at a time.
   */
  async spent(bytes: number, begun: number): Promise<void> {
    if (!this.limited) return;
    this.#paid = Math.max(this.#paid, begun) + (1000 * bytes) / this.#bytesPerSecond;
    if (this.#paid > performance.now()) await new Promise<void>((resolve) => this.#arm(resolve));
  }

  #arm(wake: () => void): void {
    clearTimeout(this.#timer);
    this.#wake = wake;
    this.#timer = setTimeout(
      () => {
        this.#wake = undefined;
        wake();
      },
      Math.max(0, this.#paid - performance.now()),
    );
  }
}
