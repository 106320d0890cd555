import { isDevice } from "@podheitor/hpc-wire";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitValue = new Map([...digits].map((digit, index) => [digit, BigInt(index)]));

/**
 * Attributes as Bacula's catalog holds them: whole seconds, numbers as written. Our plugin's
 * nanoseconds travel in `rdev`, or for devices in `blocks` (docs/plugin.md): {@link mtimeNs}.
 */
export interface Attributes {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
  /** FileIndex of the first name of a hard link; 0 for everything else. */
  readonly linkFileIndex: number;
}

/**
 * One number: base 64, most significant digit first, no padding, a leading `-` for negative ones.
 */
function numberOf(text: string): bigint {
  const negative = text.startsWith("-");
  let value = 0n;
  for (const digit of negative ? text.slice(1) : text) {
    const part = digitValue.get(digit);
    if (part === undefined) throw new RangeError(`not a catalog number: ${text}`);
    value = value * 64n + part;
  }
  return negative ? -value : value;
}

/**
 * Decodes the LStat column: st_dev ino mode nlink uid gid rdev size blksize blocks atime mtime
 * ctime LinkFI …
 */
export function decodeLstat(text: string): Attributes {
  const fields = text.split(" ").map(numberOf);
  const at = (index: number): bigint => {
    const field = fields[index];
    if (field === undefined) throw new RangeError(`short LStat: ${text}`);
    return field;
  };
  return {
    dev: at(0),
    ino: at(1),
    mode: Number(at(2)),
    nlink: Number(at(3)),
    uid: Number(at(4)),
    gid: Number(at(5)),
    rdev: at(6),
    size: at(7),
    blocks: at(9),
    atime: at(10),
    mtime: at(11),
    ctime: at(12),
    linkFileIndex: Number(at(13)),
  };
}

const TAG = 5n;
const NS_BITS = 30n;
const NS_MASK = (1n << NS_BITS) - 1n;

/**
 * The nanoseconds of mtime; undefined in a row that another program than our plugin made
 * (shim-c/fd-plugin/job/stat_pack.h).
 */
export function mtimeNs(attributes: Attributes): bigint | undefined {
  const word = nanosecondsOf(attributes);
  return word === undefined ? undefined : word >> NS_BITS;
}

/** The nanoseconds of atime; undefined as {@link mtimeNs} is. */
export function atimeNs(attributes: Attributes): bigint | undefined {
  const word = nanosecondsOf(attributes);
  return word === undefined ? undefined : word & NS_MASK;
}

/** mtime's 30 bits above atime's. */
function nanosecondsOf(attributes: Attributes): bigint | undefined {
  const word = isDevice(attributes.mode) ? attributes.blocks : attributes.rdev;
  const bits = BigInt.asUintN(64, word);
  return bits >> (2n * NS_BITS) === TAG ? bits & ((1n << (2n * NS_BITS)) - 1n) : undefined;
}
