import type { HpcError } from "@podheitor/hpc-base";
import {
  ENTRY_FLAGS,
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  ENTRY_VERSION,
  EntryFlag,
  EntryKind,
  kindOfMode,
} from "@podheitor/hpc-wire";
import { protocolError } from "./errors";

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

const MAX_OFFSET = 0x7fff_ffff_ffff_ffffn;

function refuse(what: string): HpcError {
  return protocolError("HPC_PAYLOAD", `entry record: ${what}`);
}

/**
 * Checks a whole record as docs/ptcomm.md says, in the order of the C decoder (both refuse the same
 * bytes). The digest's value is not checked. Throws HPC_PAYLOAD.
 */
export function checkRecord(record: Buffer): void {
  if (record.length < ENTRY_HEAD_BYTES) throw refuse(`${record.length} bytes are less than a head`);
  const version = record.readUInt8(ENTRY_HEAD.version);
  if (version !== ENTRY_VERSION)
    throw refuse(`version ${version}, this release reads ${ENTRY_VERSION}`);
  if (record.readUInt32LE(ENTRY_HEAD.reserved) !== 0) throw refuse("reserved bytes are not zero");

  const kind = record.readUInt8(ENTRY_HEAD.kind);
  const mode = record.readUInt32LE(ENTRY_HEAD.mode);
  if (kind === 0 || kindOfMode(mode) !== kind)
    throw refuse(`kind ${kind} with mode ${mode.toString(8)}`);
  checkFlags(record, kind as EntryKind);

  // Sums of u32 are exact as doubles: nothing wraps round.
  const nameLength = record.readUInt32LE(ENTRY_HEAD.nameLen);
  const textLength = nameLength + record.readUInt32LE(ENTRY_HEAD.linkLen);
  const holeCount = record.readUInt32LE(ENTRY_HEAD.holeCount);
  const digest = record.readUInt16LE(ENTRY_HEAD.flags) & EntryFlag.DIGEST ? 8 : 0;
  const length = ENTRY_HEAD_BYTES + textLength + 16 * holeCount + digest;
  if (length !== record.length)
    throw refuse(`lengths add up to ${length}, the payload has ${record.length}`);
  if (nameLength === 0) throw refuse("empty name");
  const nul = record.indexOf(0, ENTRY_HEAD_BYTES);
  if (nul >= 0 && nul < ENTRY_HEAD_BYTES + textLength) throw refuse("NUL in a name");
  checkHoles(record, ENTRY_HEAD_BYTES + textLength, holeCount);
}

function checkFlags(record: Buffer, kind: EntryKind): void {
  const flags = record.readUInt16LE(ENTRY_HEAD.flags);
  const isLink = (flags & EntryFlag.LINK) !== 0;
  const isLeader = (flags & EntryFlag.LEADER) !== 0;
  const hasHoles = record.readUInt32LE(ENTRY_HEAD.holeCount) !== 0;
  const hasLink = record.readUInt32LE(ENTRY_HEAD.linkLen) !== 0;
  const hasGroup =
    record.readUInt32LE(ENTRY_HEAD.linkGroup) !== 0 ||
    record.readUInt32LE(ENTRY_HEAD.linkGroup + 4) !== 0;

  if (flags & ~ENTRY_FLAGS) throw refuse(`unknown flags 0x${flags.toString(16)}`);
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
  const flags = record.readUInt16LE(ENTRY_HEAD.flags);
  const nameEnd = ENTRY_HEAD_BYTES + record.readUInt32LE(ENTRY_HEAD.nameLen);
  const linkEnd = nameEnd + record.readUInt32LE(ENTRY_HEAD.linkLen);
  const holes: Hole[] = [];
  for (let i = 0; i < record.readUInt32LE(ENTRY_HEAD.holeCount); i++) {
    const at = linkEnd + 16 * i;
    holes.push({ offset: record.readBigUInt64LE(at), length: record.readBigUInt64LE(at + 8) });
  }
  return {
    kind: record.readUInt8(ENTRY_HEAD.kind) as EntryKind, // checkRecord() has refused every other number
    flags,
    name: record.subarray(ENTRY_HEAD_BYTES, nameEnd),
    link: record.subarray(nameEnd, linkEnd),
    nlink: record.readUInt32LE(ENTRY_HEAD.nlink),
    ino: record.readBigUInt64LE(ENTRY_HEAD.ino),
    dev: record.readBigUInt64LE(ENTRY_HEAD.dev),
    size: record.readBigUInt64LE(ENTRY_HEAD.size),
    blocks: record.readBigUInt64LE(ENTRY_HEAD.blocks),
    mtime: record.readBigInt64LE(ENTRY_HEAD.mtimeS),
    mtimeNs: record.readUInt32LE(ENTRY_HEAD.mtimeNs),
    atime: record.readBigInt64LE(ENTRY_HEAD.atimeS),
    atimeNs: record.readUInt32LE(ENTRY_HEAD.atimeNs),
    ctime: record.readBigInt64LE(ENTRY_HEAD.ctimeS),
    ctimeNs: record.readUInt32LE(ENTRY_HEAD.ctimeNs),
    mode: record.readUInt32LE(ENTRY_HEAD.mode),
    uid: record.readUInt32LE(ENTRY_HEAD.uid),
    gid: record.readUInt32LE(ENTRY_HEAD.gid),
    rdev: record.readBigUInt64LE(ENTRY_HEAD.rdev),
    blksize: record.readUInt32LE(ENTRY_HEAD.blksize),
    layout: record.readUInt32LE(ENTRY_HEAD.layout),
    linkGroup: record.readBigUInt64LE(ENTRY_HEAD.linkGroup),
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
  const holesAt = ENTRY_HEAD_BYTES + entry.name.length + entry.link.length;
  const record = Buffer.alloc(holesAt + 16 * entry.holes.length + (hasDigest ? 8 : 0));
  record.writeUInt8(ENTRY_VERSION, ENTRY_HEAD.version);
  record.writeUInt8(entry.kind, ENTRY_HEAD.kind);
  record.writeUInt16LE(entry.flags, ENTRY_HEAD.flags);
  record.writeUInt32LE(entry.name.length, ENTRY_HEAD.nameLen);
  record.writeUInt32LE(entry.link.length, ENTRY_HEAD.linkLen);
  record.writeUInt32LE(entry.nlink, ENTRY_HEAD.nlink);
  record.writeBigUInt64LE(entry.ino, ENTRY_HEAD.ino);
  record.writeBigUInt64LE(entry.dev, ENTRY_HEAD.dev);
  record.writeBigUInt64LE(entry.size, ENTRY_HEAD.size);
  record.writeBigUInt64LE(entry.blocks, ENTRY_HEAD.blocks);
  record.writeBigInt64LE(entry.mtime, ENTRY_HEAD.mtimeS);
  record.writeUInt32LE(entry.mtimeNs, ENTRY_HEAD.mtimeNs);
  record.writeBigInt64LE(entry.atime, ENTRY_HEAD.atimeS);
  record.writeUInt32LE(entry.atimeNs, ENTRY_HEAD.atimeNs);
  record.writeBigInt64LE(entry.ctime, ENTRY_HEAD.ctimeS);
  record.writeUInt32LE(entry.ctimeNs, ENTRY_HEAD.ctimeNs);
  record.writeUInt32LE(entry.mode, ENTRY_HEAD.mode);
  record.writeUInt32LE(entry.uid, ENTRY_HEAD.uid);
  record.writeUInt32LE(entry.gid, ENTRY_HEAD.gid);
  record.writeBigUInt64LE(entry.rdev, ENTRY_HEAD.rdev);
  record.writeUInt32LE(entry.blksize, ENTRY_HEAD.blksize);
  record.writeUInt32LE(entry.layout, ENTRY_HEAD.layout);
  record.writeBigUInt64LE(entry.linkGroup, ENTRY_HEAD.linkGroup);
  record.writeUInt32LE(entry.holes.length, ENTRY_HEAD.holeCount);
  entry.name.copy(record, ENTRY_HEAD_BYTES);
  entry.link.copy(record, ENTRY_HEAD_BYTES + entry.name.length);
  entry.holes.forEach((hole, i) => {
    record.writeBigUInt64LE(hole.offset, holesAt + 16 * i);
    record.writeBigUInt64LE(hole.length, holesAt + 16 * i + 8);
  });
  if (hasDigest) record.writeBigUInt64LE(entry.digest ?? 0n, record.length - 8);
  checkRecord(record);
  return record;
}
