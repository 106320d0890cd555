import type { Bytes } from "./bytes";
import { ENTRY_AT, EntryFlag } from "./entry";
import { ENTRY_HEAD } from "./limits";

/**
 * An entry as it lies about in memory after a scan; the writer puts the pieces together in its own buffer, with nothing
 * allocated in between. One object may serve a whole job: everything is copied before a call returns.
 */
export interface EntryParts {
  /** A 128-byte head stands at `headStart`. */
  readonly bytes: Buffer;
  readonly headStart: number;
  /** Full name: `dir`, "/" (unless dir is "/"), `name`; an empty `name` means `dir` itself, an empty `dir` that `name` is full already. */
  readonly dir: Buffer;
  readonly name: Buffer;
  /** Symlink target, or with LINK the leader's full name, else empty. */
  readonly link: Buffer;
  /** EntryFlag bits and link group (0: none; below 2^53) that replace those in the head. */
  readonly flags: number;
  readonly group: number;
}

/** Hash of a byte range: xxh3_64, seed 0, where digests are written. */
export type Digest = (bytes: Buffer) => bigint;

const SLASH = 0x2f;
const TWO_32 = 0x1_0000_0000;

function nameLength({ dir, name }: EntryParts): number {
  if (dir.length === 0 || name.length === 0) return dir.length + name.length;
  return dir.length + name.length + (dir.length === 1 && dir[0] === SLASH ? 0 : 1);
}

/** Bytes of the record that `putEntry` writes. */
export function entryLength(parts: EntryParts, withDigest: boolean): number {
  return ENTRY_HEAD + nameLength(parts) + parts.link.length + (withDigest ? 8 : 0);
}

/** Appends the record of `length` = `entryLength()` bytes. A head from a scan has no holes, and none are written. */
export function putEntry(out: Bytes, parts: EntryParts, length: number, digest: Digest | undefined): void {
  const start = out.extend(length);
  const to = out.buffer;
  const { dir, name, link, group } = parts;

  copy(to, start, parts.bytes, parts.headStart, ENTRY_HEAD);
  const flags = digest ? parts.flags | EntryFlag.DIGEST : parts.flags & ~EntryFlag.DIGEST;
  to[start + ENTRY_AT.flags] = flags & 255;
  to[start + ENTRY_AT.flags + 1] = flags >>> 8;
  to.writeUInt32LE(nameLength(parts), start + ENTRY_AT.nameLength);
  to.writeUInt32LE(link.length, start + ENTRY_AT.linkLength);
  to.writeUInt32LE(group % TWO_32, start + ENTRY_AT.linkGroup);
  to.writeUInt32LE(Math.floor(group / TWO_32), start + ENTRY_AT.linkGroup + 4);
  to.writeUInt32LE(0, start + ENTRY_AT.holeCount);

  let at = start + ENTRY_HEAD;
  copy(to, at, dir, 0, dir.length);
  at += dir.length;
  if (at + name.length < start + ENTRY_HEAD + nameLength(parts)) to[at++] = SLASH;
  copy(to, at, name, 0, name.length);
  at += name.length;
  copy(to, at, link, 0, link.length);
  if (digest) to.writeBigUInt64LE(digest(to.subarray(start, start + length - 8)), start + length - 8);
}

/** Below this a loop beats the call into the engine (measured: 20 ns against 60 ns for 20 bytes). */
const LOOP_BYTES = 48;

function copy(to: Buffer, at: number, from: Buffer, start: number, length: number): void {
  if (length > LOOP_BYTES) from.copy(to, at, start, start + length);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number; // within both: callers made room
}
