import type { HpcError } from "@podheitor/hpc-base";
import { protocolError } from "./errors";
import { ENTRY_HEAD } from "./limits";

export const ENTRY_VERSION = 1;

/** What the object is, as byte 1 of a record has it. */
export const EntryKind = {
  REGULAR: 1,
  DIRECTORY: 2,
  SYMLINK: 3,
  FIFO: 4,
  CHARDEV: 5,
  BLOCKDEV: 6,
  SOCKET: 7,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

export const EntryFlag = {
  /** D frames (maybe none) and one Z frame follow. */
  HAS_DATA: 1,
  /** Another name of `linkGroup`; `link` is the leader's name; no data. */
  LINK: 2,
  /** First name of an inode that has more: others may follow. */
  LEADER: 4,
  /** With LINK: every name of the group has been sent. */
  LAST_LINK: 8,
  /** The record ends in its xxh3_64 (archives). */
  DIGEST: 16,
  /** mtime and ctime are both before the job's `since`. */
  OLDER: 32,
  /** A B frame with the entry's xattr block follows the record, before any data. */
  ATTRS: 64,
} as const;
const KNOWN_FLAGS = 127;

/** Offsets in the 128-byte head; `shim-c/include/hpc_entry.h` is the same struct. */
export const ENTRY_AT = {
  version: 0,
  kind: 1,
  flags: 2,
  nameLength: 4,
  linkLength: 8,
  nlink: 12,
  ino: 16,
  dev: 24,
  size: 32,
  blocks: 40,
  mtime: 48,
  atime: 56,
  ctime: 64,
  mtimeNs: 72,
  atimeNs: 76,
  ctimeNs: 80,
  mode: 84,
  uid: 88,
  gid: 92,
  rdev: 96,
  blksize: 104,
  layout: 108,
  linkGroup: 112,
  holeCount: 120,
  reserved: 124,
} as const;

/** A stretch of a file that holds no data: `length` zero bytes from `offset`. */
export interface Hole {
  readonly offset: bigint;
  readonly length: bigint;
}

/** One filesystem object, every field of its record. Names are bytes. */
export interface Entry {
  readonly kind: EntryKind;
  /** EntryFlag bits. */
  readonly flags: number;
  /** Full path in frames and archives. */
  readonly name: Buffer;
  /** Target of a symlink, leader's name of a LINK, else empty. */
  readonly link: Buffer;
  readonly nlink: number;
  readonly ino: bigint;
  readonly dev: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Of 512 bytes. */
  readonly blocks: bigint;
  /** Seconds since the epoch (negative: before it), and nanoseconds within the second. */
  readonly mtime: bigint;
  readonly mtimeNs: number;
  readonly atime: bigint;
  readonly atimeNs: number;
  readonly ctime: bigint;
  readonly ctimeNs: number;
  /** st_mode with its type bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** st_rdev of devices, else 0. */
  readonly rdev: bigint;
  readonly blksize: number;
  /** Parallel layout id, 0 = the directory's default. */
  readonly layout: number;
  /** Not 0: names of one inode within this job share it. */
  readonly linkGroup: bigint;
  /** Ascending, without overlap. */
  readonly holes: readonly Hole[];
  /**
   * With flag DIGEST: xxh3_64 of the record before it, as it came; whoever has the hash compares.
   */
  readonly digest?: bigint;
}

const MODE_TYPE: Readonly<Record<EntryKind, number>> = {
  1: 0o100000,
  2: 0o040000,
  3: 0o120000,
  4: 0o010000,
  5: 0o020000,
  6: 0o060000,
  7: 0o140000,
};
const S_IFMT = 0o170000;
const MAX_OFFSET = 0x7fff_ffff_ffff_ffffn;

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `entry record: ${what}`);
}

/** The bits of st_mode that say what an object of this kind is. */
export function modeType(kind: EntryKind): number {
  return MODE_TYPE[kind];
}

/**
 * Checks a whole record as docs/ptcomm.md says, in the order of the C decoder (both refuse the same
 * bytes). The digest's value is not checked. Throws HPC_PAYLOAD.
 */
export function checkRecord(record: Buffer): void {
  if (record.length < ENTRY_HEAD) throw refuse(`${record.length} bytes are less than a head`);
  const version = record.readUInt8(ENTRY_AT.version);
  if (version !== ENTRY_VERSION)
    throw refuse(`version ${version}, this release reads ${ENTRY_VERSION}`);
  if (record.readUInt32LE(ENTRY_AT.reserved) !== 0) throw refuse("reserved bytes are not zero");

  const kind = record.readUInt8(ENTRY_AT.kind);
  const mode = record.readUInt32LE(ENTRY_AT.mode);
  if (kind < 1 || kind > 7) throw refuse(`kind ${kind}`);
  if ((mode & S_IFMT) !== MODE_TYPE[kind as EntryKind])
    throw refuse(`kind ${kind} with mode ${mode.toString(8)}`);
  checkFlags(record, kind as EntryKind);

  // Sums of u32 are exact as doubles: nothing wraps round.
  const nameLength = record.readUInt32LE(ENTRY_AT.nameLength);
  const textLength = nameLength + record.readUInt32LE(ENTRY_AT.linkLength);
  const holeCount = record.readUInt32LE(ENTRY_AT.holeCount);
  const digest = record.readUInt16LE(ENTRY_AT.flags) & EntryFlag.DIGEST ? 8 : 0;
  const length = ENTRY_HEAD + textLength + 16 * holeCount + digest;
  if (length !== record.length)
    throw refuse(`lengths add up to ${length}, the payload has ${record.length}`);
  if (nameLength === 0) throw refuse("empty name");
  const nul = record.indexOf(0, ENTRY_HEAD);
  if (nul >= 0 && nul < ENTRY_HEAD + textLength) throw refuse("NUL in a name");
  checkHoles(record, ENTRY_HEAD + textLength, holeCount);
}

function checkFlags(record: Buffer, kind: EntryKind): void {
  const flags = record.readUInt16LE(ENTRY_AT.flags);
  const isLink = (flags & EntryFlag.LINK) !== 0;
  const isLeader = (flags & EntryFlag.LEADER) !== 0;
  const hasHoles = record.readUInt32LE(ENTRY_AT.holeCount) !== 0;
  const hasLink = record.readUInt32LE(ENTRY_AT.linkLength) !== 0;
  const hasGroup =
    record.readUInt32LE(ENTRY_AT.linkGroup) !== 0 ||
    record.readUInt32LE(ENTRY_AT.linkGroup + 4) !== 0;

  if (flags & ~KNOWN_FLAGS) throw refuse(`unknown flags 0x${flags.toString(16)}`);
  if (flags & EntryFlag.HAS_DATA && (kind !== EntryKind.REGULAR || isLink))
    throw refuse("data of what has none");
  if (flags & EntryFlag.ATTRS && isLink)
    throw refuse("attributes of a later name: they came with the leader");
  if ((isLink || isLeader) && !hasGroup) throw refuse("a hard link without a group");
  if (isLink && (isLeader || kind === EntryKind.DIRECTORY))
    throw refuse("LINK on a leader or a directory");
  if (flags & EntryFlag.LAST_LINK && !isLink) throw refuse("LAST_LINK without LINK");
  if (hasHoles && (kind !== EntryKind.REGULAR || isLink)) throw refuse("holes in what has no data");
  if (hasLink !== (isLink || kind === EntryKind.SYMLINK))
    throw refuse(hasLink ? "link of what has none" : "link is missing");
}

function checkHoles(record: Buffer, start: number, count: number): void {
  let end = 0n;
  for (let i = 0; i < count; i++) {
    const offset = record.readBigUInt64LE(start + 16 * i);
    const length = record.readBigUInt64LE(start + 16 * i + 8);
    if (length === 0n || offset < end || offset + length > MAX_OFFSET)
      throw refuse(`hole ${i} is empty, out of order or too far`);
    end = offset + length;
  }
}

/** Payload of an M frame. Names are views into it. Throws HPC_PAYLOAD. */
export function decodeEntry(record: Buffer): Entry {
  checkRecord(record);
  const flags = record.readUInt16LE(ENTRY_AT.flags);
  const nameEnd = ENTRY_HEAD + record.readUInt32LE(ENTRY_AT.nameLength);
  const linkEnd = nameEnd + record.readUInt32LE(ENTRY_AT.linkLength);
  const holes: Hole[] = [];
  for (let i = 0; i < record.readUInt32LE(ENTRY_AT.holeCount); i++) {
    const at = linkEnd + 16 * i;
    holes.push({ offset: record.readBigUInt64LE(at), length: record.readBigUInt64LE(at + 8) });
  }
  return {
    kind: record.readUInt8(ENTRY_AT.kind) as EntryKind, // checkRecord() has refused every other number
    flags,
    name: record.subarray(ENTRY_HEAD, nameEnd),
    link: record.subarray(nameEnd, linkEnd),
    nlink: record.readUInt32LE(ENTRY_AT.nlink),
    ino: record.readBigUInt64LE(ENTRY_AT.ino),
    dev: record.readBigUInt64LE(ENTRY_AT.dev),
    size: record.readBigUInt64LE(ENTRY_AT.size),
    blocks: record.readBigUInt64LE(ENTRY_AT.blocks),
    mtime: record.readBigInt64LE(ENTRY_AT.mtime),
    mtimeNs: record.readUInt32LE(ENTRY_AT.mtimeNs),
    atime: record.readBigInt64LE(ENTRY_AT.atime),
    atimeNs: record.readUInt32LE(ENTRY_AT.atimeNs),
    ctime: record.readBigInt64LE(ENTRY_AT.ctime),
    ctimeNs: record.readUInt32LE(ENTRY_AT.ctimeNs),
    mode: record.readUInt32LE(ENTRY_AT.mode),
    uid: record.readUInt32LE(ENTRY_AT.uid),
    gid: record.readUInt32LE(ENTRY_AT.gid),
    rdev: record.readBigUInt64LE(ENTRY_AT.rdev),
    blksize: record.readUInt32LE(ENTRY_AT.blksize),
    layout: record.readUInt32LE(ENTRY_AT.layout),
    linkGroup: record.readBigUInt64LE(ENTRY_AT.linkGroup),
    holes,
    ...(flags & EntryFlag.DIGEST ? { digest: record.readBigUInt64LE(record.length - 8) } : {}),
  };
}

/**
 * The record of an entry. With flag DIGEST, `entry.digest` is written as it is given (0 when
 * absent); a FrameWriter with a hash computes it instead. Throws HPC_PAYLOAD for what a receiver
 * would refuse, RangeError for a number beyond its field.
 */
export function encodeEntry(entry: Entry): Buffer {
  const hasDigest = (entry.flags & EntryFlag.DIGEST) !== 0;
  const holesAt = ENTRY_HEAD + entry.name.length + entry.link.length;
  const record = Buffer.alloc(holesAt + 16 * entry.holes.length + (hasDigest ? 8 : 0));
  record.writeUInt8(ENTRY_VERSION, ENTRY_AT.version);
  record.writeUInt8(entry.kind, ENTRY_AT.kind);
  record.writeUInt16LE(entry.flags, ENTRY_AT.flags);
  record.writeUInt32LE(entry.name.length, ENTRY_AT.nameLength);
  record.writeUInt32LE(entry.link.length, ENTRY_AT.linkLength);
  record.writeUInt32LE(entry.nlink, ENTRY_AT.nlink);
  record.writeBigUInt64LE(entry.ino, ENTRY_AT.ino);
  record.writeBigUInt64LE(entry.dev, ENTRY_AT.dev);
  record.writeBigUInt64LE(entry.size, ENTRY_AT.size);
  record.writeBigUInt64LE(entry.blocks, ENTRY_AT.blocks);
  record.writeBigInt64LE(entry.mtime, ENTRY_AT.mtime);
  record.writeUInt32LE(entry.mtimeNs, ENTRY_AT.mtimeNs);
  record.writeBigInt64LE(entry.atime, ENTRY_AT.atime);
  record.writeUInt32LE(entry.atimeNs, ENTRY_AT.atimeNs);
  record.writeBigInt64LE(entry.ctime, ENTRY_AT.ctime);
  record.writeUInt32LE(entry.ctimeNs, ENTRY_AT.ctimeNs);
  record.writeUInt32LE(entry.mode, ENTRY_AT.mode);
  record.writeUInt32LE(entry.uid, ENTRY_AT.uid);
  record.writeUInt32LE(entry.gid, ENTRY_AT.gid);
  record.writeBigUInt64LE(entry.rdev, ENTRY_AT.rdev);
  record.writeUInt32LE(entry.blksize, ENTRY_AT.blksize);
  record.writeUInt32LE(entry.layout, ENTRY_AT.layout);
  record.writeBigUInt64LE(entry.linkGroup, ENTRY_AT.linkGroup);
  record.writeUInt32LE(entry.holes.length, ENTRY_AT.holeCount);
  entry.name.copy(record, ENTRY_HEAD);
  entry.link.copy(record, ENTRY_HEAD + entry.name.length);
  entry.holes.forEach((hole, i) => {
    record.writeBigUInt64LE(hole.offset, holesAt + 16 * i);
    record.writeBigUInt64LE(hole.length, holesAt + 16 * i + 8);
  });
  if (hasDigest) record.writeBigUInt64LE(entry.digest ?? 0n, record.length - 8);
  checkRecord(record);
  return record;
}
