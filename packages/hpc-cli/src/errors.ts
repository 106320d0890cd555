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

export class CliError extends Error {
  constructor(
    readonly code: CliErrorCode,
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "CliError";
  }
}

export class UsageError extends CliError {
  constructor(message: string, remedy: string) {
    super("HPC_USAGE", message, remedy);
    this.name = "UsageError";
  }
}

/** What an operator gets to see of any error: never a stack trace, always something to do. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export function reportOf(error: unknown): ErrorReport {
  const {
    code,
    remedy,
    message = String(error),
  } = (error ?? {}) as { code?: unknown; remedy?: unknown; message?: string };
  if (typeof code === "string" && code.startsWith("HPC_") && typeof remedy === "string")
    return { code, message, remedy };
  if (typeof code === "string")
    // Node's own errors (ENOENT, EACCES, ENOSPC) name the call and the path in their message.
    return {
      code: "HPC_INTERNAL",
      message,
      remedy: `make the path usable (${code}) and run the command again`,
    };
  return {
    code: "HPC_INTERNAL",
    message,
    remedy: "this is a defect: report it with the command that you ran",
  };
}
