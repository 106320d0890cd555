/**
 * Everything that can go wrong here, as a closed set. docs/errors.md says the same in sentences.
 */
export type WalkerErrorCode =
  /**
   * A batch whose lengths do not add up: an engine and this package are of different versions, or
   * memory was damaged.
   */
  | "HPC_BAD_BATCH"
  /** `next()` after `stop()`. */
  | "HPC_SCAN_STOPPED"
  /** The scan options make no sense: no path, a relative path, a shard index outside its count. */
  | "HPC_SCAN_OPTIONS"
  /**
   * The engine itself failed or could not be started (never a single entry: those are ERROR
   * records).
   */
  | "HPC_SCAN_ENGINE"
  /** The workers engine, asked for by root. */
  | "HPC_ENGINE_REFUSED";

/** An error that names the thing and says what to do about it. */
export class WalkerError extends Error {
  override readonly name = "WalkerError";

  constructor(
    readonly code: WalkerErrorCode,
    message: string,
    /** One sentence: what the reader can do. */
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
