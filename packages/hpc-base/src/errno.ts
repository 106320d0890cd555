import { constants } from "node:os";
import type { Sentence } from "./errors";

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
 * to say than the name does. Half a sentence each.
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

/** What to do about an errno of this name; undefined: the name says it. */
export function errnoRemedy(name: string): Sentence | undefined {
  const remedy = ERRNO_REMEDIES.get(name);
  return remedy === undefined ? undefined : `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`;
}

/**
 * The errno's name, and what to do where that does not say it: `ESHUTDOWN (the client has given up
 * …)`.
 */
export function errnoText(errno: number): string {
  const name = errnoName(errno);
  const remedy = ERRNO_REMEDIES.get(name);
  return remedy === undefined ? name : `${name} (${remedy})`;
}

/*
 * By their fields and not by `instanceof`: an error of Node's own modules belongs to another realm
 * where the code runs in a vm context, as under jest.
 */
interface SystemError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly message?: unknown;
}

/**
 * Why something failed, for a message: the errno's name (`ENOENT`) of a system call, else the
 * error's own words.
 */
export function causeOf(error: unknown): string {
  const { code, errno, message } = (error ?? {}) as SystemError;
  if (typeof code === "string" && !code.startsWith("HPC_")) return code;
  if (typeof errno === "number") return errnoName(errno);
  return typeof message === "string" ? message : String(error);
}

/**
 * The positive errno of a failed system call. Anything else is a defect of ours and is thrown again.
 */
export function errnoOf(error: unknown): number {
  const { errno } = (error ?? {}) as SystemError;
  if (typeof errno !== "number" || errno === 0) throw error;
  return Math.abs(errno);
}
