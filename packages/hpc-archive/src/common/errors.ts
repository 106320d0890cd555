import { HpcError as BaseError } from "@podheitor/hpc-base";

/**
 * Every code this package can raise. docs/errors.md lists each with what an operator does about it.
 */
export type ErrorCode =
  | "HPC_UNKNOWN_KEY"
  | "HPC_BAD_VALUE"
  | "HPC_NO_PATH"
  | "HPC_BAD_PATH"
  | "HPC_ROOT_REFUSED"
  | "HPC_MDT_INACTIVE"
  | "HPC_CANCELLED"
  | "HPC_DESCRIPTORS"
  | "HPC_ARCHIVE_OPEN"
  | "HPC_ARCHIVE_WRITE"
  | "HPC_ARCHIVE_READ"
  | "HPC_NOT_AN_ARCHIVE"
  | "HPC_ARCHIVE_VERSION"
  | "HPC_ARCHIVE_DAMAGED"
  | "HPC_ARCHIVE_TRUNCATED"
  | "HPC_BAD_PATTERN"
  | "HPC_RESTORE_TARGET"
  | "HPC_WORK_FILE"
  | "HPC_DIALOGUE";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<ErrorCode>;
export type HpcError = BaseError<ErrorCode>;

export function cancelled(): HpcError {
  return new HpcError(
    "HPC_CANCELLED",
    "the job was cancelled",
    "Start it again when it is wanted.",
  );
}
