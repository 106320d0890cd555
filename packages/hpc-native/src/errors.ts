import { constants } from "node:os";

/** Everything that can go wrong when a library is opened or called, as a closed set; docs/errors.md says the same in sentences. */
export type NativeErrorCode =
  /** No candidate exists, or ffi-rs itself could not be loaded. */
  | "HPC_NATIVE_MISSING"
  /** A candidate exists and cannot be used: damaged, a dependency is missing, another version. */
  | "HPC_NATIVE_BROKEN"
  /** First used in a worker thread. */
  | "HPC_NATIVE_THREAD"
  /** A function of the library answered -errno. */
  | "HPC_NATIVE_CALL";

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** `ENOENT` for 2; `errno 4095` for a number that this system does not name. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

/** An error that names the library or operation and says what to do about it. */
export class NativeError extends Error {
  override readonly name = "NativeError";

  constructor(
    readonly code: NativeErrorCode,
    message: string,
    /** One sentence: what the reader can do. */
    readonly remedy: string,
    /** HPC_NATIVE_CALL: which errno, positive. */
    readonly errno?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** `ENOENT`, when a call failed. */
  get errnoName(): string | undefined {
    return this.errno === undefined ? undefined : errnoName(this.errno);
  }

  /** The error of a function that answered `result` < 0. */
  static ofCall(operation: string, result: number): NativeError {
    const name = errnoName(-result);
    return new NativeError("HPC_NATIVE_CALL", `${operation}: ${name}`, `Look at what ${operation} was given.`, -result);
  }
}
