import { ENTRY_HEAD, ENTRY_HEAD_BYTES, EntryFlag } from "@podheitor/hpc-wire";
import { type Bytes, putU32, putU64 } from "./bytes";

/**
 * An entry as it lies about in memory after a scan; the writer puts the pieces together in its own
 * buffer, with nothing allocated in between. One object may serve a whole job: everything is copied
 * before a call returns.
 */
export interface EntryParts {
  /** A 128-byte head stands at `headStart`. */
  readonly bytes: Buffer;
  readonly headStart: number;
  /**
   * Full name: `dir`, "/" (unless dir is "/"), `name`; an empty `name` means `dir` itself, an empty
   * `dir` that `name` is full already.
   */
  readonly dir: Buffer;
  readonly name: Buffer;
  /** Symlink target, or with LINK the leader's full name, else empty. */
  readonly link: Buffer;
  /** EntryFlag bits and link group (0: none; below 2^53) that replace those in the head. */
  readonly flags: number;
  readonly group: number;
  /**
   * The hole map: 16 bytes each, { u64 offset, u64 length }, as it goes into the record. Empty for
   * none.
   */
  readonly holes: Buffer;
}

/** Hash of a byte range: xxh3_64, seed 0, where digests are written. */
export type Digest = (bytes: Buffer) => bigint;

const SLASH = 0x2f;

function nameLength({ dir, name }: EntryParts): number {
  if (dir.length === 0 || name.length === 0) return dir.length + name.length;
  return dir.length + name.length + (dir.length === 1 && dir[0] === SLASH ? 0 : 1);
}

/** Bytes of the record that `putEntry` writes. */
export function entryLength(parts: EntryParts, withDigest: boolean): number {
  return (
    ENTRY_HEAD_BYTES +
    nameLength(parts) +
    parts.link.length +
    parts.holes.length +
    (withDigest ? 8 : 0)
  );
}

/** Appends the record of `length` = `entryLength()` bytes. */
export function putEntry(
  out: Bytes,
  parts: EntryParts,
  length: number,
  digest: Digest | undefined,
): void {
  const start = out.extend(length);
  const to = out.buffer;
  const { dir, name, link, group, holes } = parts;
  const flags = digest ? parts.flags | EntryFlag.DIGEST : parts.flags & ~EntryFlag.DIGEST;
  const ownLength = nameLength(parts);

  parts.bytes.copy(to, start, parts.headStart, parts.headStart + ENTRY_HEAD_BYTES);
  to[start + ENTRY_HEAD.flags] = flags & 255;
  to[start + ENTRY_HEAD.flags + 1] = flags >>> 8;
  putU32(to, start + ENTRY_HEAD.nameLen, ownLength);
  putU32(to, start + ENTRY_HEAD.linkLen, link.length);
  putU64(to, start + ENTRY_HEAD.linkGroup, group);
  putU32(to, start + ENTRY_HEAD.holeCount, holes.length / 16);

  let at = start + ENTRY_HEAD_BYTES;
  to.set(dir, at);
  at += dir.length;
  if (dir.length + name.length < ownLength) to[at++] = SLASH;
  to.set(name, at);
  at += name.length;
  if (link.length > 0) to.set(link, at);
  if (holes.length > 0) to.set(holes, at + link.length);
  if (digest)
    to.writeBigUInt64LE(digest(to.subarray(start, start + length - 8)), start + length - 8);
}
