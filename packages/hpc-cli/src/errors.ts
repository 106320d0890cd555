import { HpcError as BaseError, type ErrorReport, type Sentence } from "@podheitor/hpc-base";

/**
 * What the commands themselves refuse; the libraries below have codes of their own (docs/errors.md
 * lists all).
 */
export type CliErrorCode =
  | "HPC_USAGE"
  | "HPC_NAMES_FILE"
  | "HPC_CATALOG"
  | "HPC_CONFIGURATION"
  | "HPC_EDITED"
  | "HPC_OUTPUT"
  | "HPC_NO_GENERATION"
  | "HPC_SHARD_MISSING"
  | "HPC_SHARDS_INCOMPLETE"
  | "HPC_CANCELLED"
  | "HPC_INTERNAL";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<CliErrorCode>;
export type HpcError = BaseError<CliErrorCode>;

export function usageError(message: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_USAGE", message, remedy);
}

export function reportOf(error: unknown): ErrorReport {
  const {
    code,
    remedy,
    message = String(error),
  } = (error ?? {}) as { code?: unknown; remedy?: unknown; message?: string };
  if (typeof code === "string" && code.startsWith("HPC_") && typeof remedy === "string")
    return { code, message, remedy: remedy as Sentence };
  if (typeof code === "string")
    // Node's own errors (ENOENT, EACCES, ENOSPC) name the call and the path in their message.
    return {
      code: "HPC_INTERNAL",
      message,
      remedy: `Make the path usable (${code}) and run the command again.`,
    };
  return {
    code: "HPC_INTERNAL",
    message,
    remedy: "This is a defect: report it with the command that you ran.",
  };
}
