/**
 * Leaves out what does not pay: each try that did not doubles the turns until the next, up to
 * `most`; one that did ends the pauses.
 */
export class TrialBackoff {
  readonly #most: number;
  #left = 0;
  #length = 1;

  constructor(most: number) {
    this.#most = most;
  }

  /** Asked at each turn: whether it is to be tried. */
  get due(): boolean {
    if (this.#left === 0) return true;
    this.#left--;
    return false;
  }

  tried(paid: boolean): void {
    this.#length = paid ? 1 : Math.min(2 * this.#length, this.#most);
    this.#left = this.#length - 1;
  }

  /** The next so many turns are known not to pay. */
  pass(turns: number): void {
    this.#left = Math.max(this.#left, turns);
  }
}
