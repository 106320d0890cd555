import { constants } from "node:os";

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

/** What filesystems answer on Linux and node:os does not name; the same on x86-64 and arm64. */
const MORE_NAMES: readonly (readonly [number, string])[] = [
  [15, "ENOTBLK"],
  [52, "EBADE"],
  [53, "EBADR"],
  [57, "EBADSLT"],
  [64, "ENONET"],
  [66, "EREMOTE"],
  [70, "ECOMM"],
  [76, "ENOTUNIQ"],
  [77, "EBADFD"],
  [78, "EREMCHG"],
  [85, "ERESTART"],
  [87, "EUSERS"],
  [108, "ESHUTDOWN"],
  [109, "ETOOMANYREFS"],
  [112, "EHOSTDOWN"],
  [117, "EUCLEAN"],
  [121, "EREMOTEIO"],
  [123, "ENOMEDIUM"],
  [124, "EMEDIUMTYPE"],
  [126, "ENOKEY"],
  [127, "EKEYEXPIRED"],
  [128, "EKEYREVOKED"],
  [129, "EKEYREJECTED"],
  [131, "ENOTRECOVERABLE"],
];
const ERRNO_NAMES = new Map([
  ...MORE_NAMES,
  ...Object.entries(constants.errno).map(([name, value]) => [value, name] as const),
]);

/**
 * What to do about an errno that names neither the trouble nor its place; only where there is more
 * to say than the name does.
 */
const ERRNO_REMEDIES = new Map([
  [
    "ESHUTDOWN",
    "the client has given up its server: `lfs mdts` and `lfs osts` say which is INACTIVE",
  ],
  ["ENOTCONN", "the client has no connection to its server: mount the filesystem again"],
  ["EHOSTDOWN", "its server is down: `lfs check all` says which"],
  ["EUCLEAN", "the filesystem is damaged there: have it checked"],
  ["EMFILE", "raise the limit of open files: `ulimit -n`, or LimitNOFILE= in the unit"],
  ["ENFILE", "raise the machine's limit of open files: `sysctl fs.file-max`"],
  ["EREMOTEIO", "its server cannot reach the data: ask those who run it"],
]);

/** `ENOENT` for 2; `errno 4095` for a number that this system does not name. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

/** What to do about an errno of this name, as half a sentence; undefined: the name says it. */
export function errnoRemedy(name: string): string | undefined {
  return ERRNO_REMEDIES.get(name);
}

/**
 * The errno's name, and what to do where that does not say it: `ESHUTDOWN (the client has given up
 * …)`.
 */
export function errnoText(errno: number): string {
  const name = errnoName(errno);
  const remedy = errnoRemedy(name);
  return remedy === undefined ? name : `${name} (${remedy})`;
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
    return new NativeError(
      "HPC_NATIVE_CALL",
      `${operation}: ${name}`,
      `Look at what ${operation} was given.`,
      -result,
    );
  }
}
