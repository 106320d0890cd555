/** The `limit` largest of many, in constant memory. */
export class Largest<T> {
  readonly #kept: { readonly size: number; readonly item: T }[] = [];

  constructor(private readonly limit: number) {}

  /** `item` is asked for only when it is among the largest so far. */
  offer(size: number, item: () => T): void {
    const kept = this.#kept;
    if (kept.length === this.limit && size <= (kept.at(-1)?.size ?? 0)) return;
    const at = kept.findIndex((one) => one.size < size);
    kept.splice(at < 0 ? kept.length : at, 0, { size, item: item() });
    if (kept.length > this.limit) kept.pop();
  }

  /** Largest first. */
  get list(): readonly { readonly size: number; readonly item: T }[] {
    return this.#kept;
  }
}

/**
 * Counts under very many names, of which only the large ones matter: what is small is forgotten
 * when there are too many.
 */
export class LargeCounts {
  readonly #counts = new Map<string, number>();

  constructor(private readonly limit = 8192) {}

  add(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
    if (this.#counts.size > this.limit) this.#forget();
  }

  /** The largest first. A count may lack what was forgotten before its name grew. */
  top(count: number): [name: string, count: number][] {
    return [...this.#counts].sort((a, b) => b[1] - a[1]).slice(0, count);
  }

  #forget(): void {
    const sizes = [...this.#counts.values()].sort((a, b) => a - b);
    const middle = sizes[sizes.length >> 1] ?? 0;
    let left = this.limit >> 1;
    // All may be alike: half goes in any case.
    for (const [name, count] of this.#counts)
      if (count < middle || (count === middle && left-- > 0)) this.#counts.delete(name);
  }
}
