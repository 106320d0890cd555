import type { EntryBatch, Scanner, ScanOptions, ScanStats } from "./scanner";

/** What an engine can do beyond the contract that every engine keeps. */
export interface ScannerCapabilities {
  /** How many threads scan at most; more are not refused, but not started either. */
  readonly threads: number;
  /** Paths beyond 4,095 bytes are scanned. Otherwise each becomes an ERROR record, ENAMETOOLONG. */
  readonly longPaths: boolean;
  /**
   * A directory that somebody exchanges for a symlink in mid-scan is never followed. Otherwise a
   * *parent* that was exchanged is, because each name is looked up by its whole path.
   */
  readonly pinsDirectories: boolean;
  /** Options that the engine cannot keep, and refuses with HPC_SCAN_OPTIONS. */
  readonly refuses: readonly (keyof ScanOptions)[];
}

/**
 * One running scan of a tree: what every engine shares. `for await` hands out its batches and
 * closes it at the end, also after `break` or an error.
 */
export abstract class TreeScanner implements Scanner, AsyncIterable<EntryBatch> {
  abstract readonly capabilities: ScannerCapabilities;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.stop();
  #closing: Promise<void> | undefined;

  /** Once the signal fires the scan stops: `next()` rejects with HPC_SCAN_STOPPED. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  abstract next(): Promise<EntryBatch | undefined>;
  abstract stop(): void;
  abstract stats(): ScanStats;
  /** Ends threads and gives memory back; called once. */
  protected abstract release(): Promise<void>;

  close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#closing ??= this.release();
    return this.#closing;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EntryBatch, void, undefined> {
    try {
      for (let batch = await this.next(); batch !== undefined; batch = await this.next())
        yield batch;
    } finally {
      await this.close();
    }
  }
}
