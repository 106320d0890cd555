import { HpcError as BaseError, errnoName } from "@podheitor/hpc-base";

/**
 * Everything that can go wrong when a library is opened or called, as a closed set; docs/errors.md
 * says the same in sentences.
 */
export type NativeErrorCode =
  /** No candidate exists, or ffi-rs itself could not be loaded. */
  | "HPC_NATIVE_MISSING"
  /** A candidate exists and cannot be used: damaged, a dependency is missing, another version. */
  | "HPC_NATIVE_BROKEN"
  /** We are root, and others could change a candidate. */
  | "HPC_UNTRUSTED_FILE"
  /**
   * The administrator's filesystem-types cannot be read, or others than root could have written it.
   */
  | "HPC_FILESYSTEM_TYPES"
  /** First used in a worker thread. */
  | "HPC_NATIVE_THREAD"
  /** A function of the library answered -errno. */
  | "HPC_NATIVE_CALL";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<NativeErrorCode>;
export type HpcError = BaseError<NativeErrorCode>;

/** The error of a function that answered `result` < 0. */
export function callFailed(operation: string, result: number): HpcError {
  return new HpcError(
    "HPC_NATIVE_CALL",
    `${operation}: ${errnoName(-result)}`,
    `Look at what ${operation} was given.`,
    { errno: -result },
  );
}
