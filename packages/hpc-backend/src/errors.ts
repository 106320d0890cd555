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

/** An error an operator can act on: `message` names the thing, `remedy` says what to do. */
export class HpcError extends Error {
  override readonly name = "HpcError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly remedy: string,
    /** The plugin key that is at fault, where there is one. */
    readonly key?: string,
  ) {
    super(message);
  }
}

/*
 * By their fields and not by `instanceof`: an error of Node's own modules belongs to another realm
 * where the code runs in a vm context, as under jest.
 */
interface SystemError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly message?: unknown;
  readonly errnoName?: unknown;
}

export function cancelled(): HpcError {
  return new HpcError(
    "HPC_CANCELLED",
    "the job was cancelled",
    "Start it again when it is wanted.",
  );
}

/**
 * Why something failed, for a message: the errno's name (`ENOENT`) of a system call, else the
 * error's own words.
 */
export function causeOf(error: unknown): string {
  const { code, message, errnoName } = (error ?? {}) as SystemError;
  if (typeof errnoName === "string") return errnoName; // hpc-native's
  if (typeof code === "string") return code;
  return typeof message === "string" ? message : String(error);
}

/** The positive errno of a failed system call; EIO (5) when it carries none. */
export function errnoOf(error: unknown): number {
  const { errno } = (error ?? {}) as SystemError;
  return typeof errno === "number" && errno !== 0 ? Math.abs(errno) : 5;
}
