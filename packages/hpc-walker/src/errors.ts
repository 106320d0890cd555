import { HpcError as BaseError } from "@podheitor/hpc-base";

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

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<WalkerErrorCode>;
export type HpcError = BaseError<WalkerErrorCode>;
