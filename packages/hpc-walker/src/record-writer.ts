import {
  CONTENT_NONE,
  ENTRY_OFFSETS as E,
  ENTRY_HEAD,
  ENTRY_VERSION,
  type EntryKind,
  ERROR_OFFSETS,
  PREFIX_OFFSETS as P,
  RECORD_PREFIX,
  RecordType,
  type ScanOp,
} from "./layout";
import { paddedLength } from "./record";

/**
 * All of an entry, as `struct hpc_entry_head` and its prefix hold it. 64-bit fields are bigint:
 * they are exact.
 */
export interface EntryFields {
  readonly kind: EntryKind;
  readonly flags: number;
  readonly name: Buffer;
  readonly link: Buffer;
  /** undefined: not read. */
  readonly content: Buffer | undefined;
  /** errno of a content or link target that could not be read; 0. */
  readonly error: number;
  /** The xattr block; none when it is left out. */
  readonly xattrs?: Buffer;
  /** errno of attributes that are missing; 0 when it is left out. */
  readonly xattrError?: number;
  readonly inoHash: bigint;
  readonly nlink: number;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly mtimeSeconds: bigint;
  readonly atimeSeconds: bigint;
  readonly ctimeSeconds: bigint;
  readonly mtimeNanoseconds: number;
  readonly atimeNanoseconds: number;
  readonly ctimeNanoseconds: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: bigint;
  readonly blksize: number;
  /** Nanoseconds since the epoch; not known when it is left out. */
  readonly birth?: bigint;
}

const NOTHING = Buffer.alloc(0);

/**
 * Writes records into one buffer. Each method returns false, and writes nothing, when the record
 * does not fit.
 */
export class RecordWriter {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #length = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes written so far; always a multiple of 8. */
  get length(): number {
    return this.#length;
  }

  /** The whole records so far: a view, not a copy. */
  get batch(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** `mdts`: of Lustre, on which the directory's names lie; none where they are not known. */
  dir(path: Buffer, mdts: readonly number[] = []): boolean {
    const at = this.#begin(RecordType.DIR, path.length + 4 * mdts.length, 0, 0, 0n);
    if (at < 0) return false;
    path.copy(this.#bytes, at);
    for (const [i, mdt] of mdts.entries())
      this.#view.setUint32(at + path.length + 4 * i, mdt, true);
    this.#view.setUint32(at - RECORD_PREFIX + P.xattr_len, 4 * mdts.length, true);
    return true;
  }

  entry(fields: EntryFields): boolean {
    const { name, link, content } = fields;
    const xattrs = fields.xattrs ?? NOTHING;
    const length = ENTRY_HEAD + name.length + link.length + xattrs.length + (content?.length ?? 0);
    const at = this.#begin(
      RecordType.ENTRY,
      length,
      fields.error,
      content?.length ?? CONTENT_NONE,
      fields.inoHash,
    );
    if (at < 0) return false;
    this.#head(at, fields);
    name.copy(this.#bytes, at + ENTRY_HEAD);
    link.copy(this.#bytes, at + ENTRY_HEAD + name.length);
    xattrs.copy(this.#bytes, at + ENTRY_HEAD + name.length + link.length);
    content?.copy(this.#bytes, at + ENTRY_HEAD + name.length + link.length + xattrs.length);
    this.#view.setUint16(at - RECORD_PREFIX + P.xattr_error, fields.xattrError ?? 0, true);
    this.#view.setUint32(at - RECORD_PREFIX + P.xattr_len, xattrs.length, true);
    this.#view.setBigInt64(at - RECORD_PREFIX + P.birth, fields.birth ?? 0n, true);
    return true;
  }

  error(op: ScanOp, errno: number, name: Buffer): boolean {
    const at = this.#begin(RecordType.ERROR, ERROR_OFFSETS.name + name.length, errno, 0, 0n);
    if (at < 0) return false;
    this.#view.setUint32(at + ERROR_OFFSETS.op, op, true);
    this.#view.setUint32(at + ERROR_OFFSETS.name_len, name.length, true);
    name.copy(this.#bytes, at + ERROR_OFFSETS.name);
    return true;
  }

  /** Writes prefix and padding and returns where the body goes, or -1. */
  #begin(
    type: RecordType,
    bodyLength: number,
    error: number,
    contentLength: number,
    inoHash: bigint,
  ): number {
    const at = this.#length;
    const recordLength = paddedLength(bodyLength);
    if (at + recordLength > this.#bytes.length) return -1;
    const view = this.#view;
    view.setUint32(at + P.record_len, recordLength, true);
    view.setUint16(at + P.type, type, true);
    view.setUint16(at + P.xattr_error, 0, true);
    view.setInt32(at + P.error, error, true);
    view.setUint32(at + P.content_len, contentLength, true);
    view.setBigUint64(at + P.ino_hash, inoHash, true);
    view.setUint32(at + P.body_len, bodyLength, true);
    view.setUint32(at + P.xattr_len, 0, true);
    view.setBigInt64(at + P.birth, 0n, true);
    const body = at + RECORD_PREFIX;
    for (let i = body + bodyLength; i < at + recordLength; i++) view.setUint8(i, 0);
    this.#length = at + recordLength;
    return body;
  }

  #head(at: number, f: EntryFields): void {
    const view = this.#view;
    view.setUint8(at + E.version, ENTRY_VERSION);
    view.setUint8(at + E.kind, f.kind);
    view.setUint16(at + E.flags, f.flags, true);
    view.setUint32(at + E.name_len, f.name.length, true);
    view.setUint32(at + E.link_len, f.link.length, true);
    view.setUint32(at + E.nlink, f.nlink, true);
    view.setBigUint64(at + E.ino, f.ino, true);
    view.setBigUint64(at + E.dev, f.dev, true);
    view.setBigUint64(at + E.size, f.size, true);
    view.setBigUint64(at + E.blocks, f.blocks, true);
    view.setBigInt64(at + E.mtime_s, f.mtimeSeconds, true);
    view.setBigInt64(at + E.atime_s, f.atimeSeconds, true);
    view.setBigInt64(at + E.ctime_s, f.ctimeSeconds, true);
    view.setUint32(at + E.mtime_ns, f.mtimeNanoseconds, true);
    view.setUint32(at + E.atime_ns, f.atimeNanoseconds, true);
    view.setUint32(at + E.ctime_ns, f.ctimeNanoseconds, true);
    view.setUint32(at + E.mode, f.mode, true);
    view.setUint32(at + E.uid, f.uid, true);
    view.setUint32(at + E.gid, f.gid, true);
    view.setBigUint64(at + E.rdev, f.rdev, true);
    view.setUint32(at + E.blksize, f.blksize, true);
    view.setUint32(at + E.layout, 0, true);
    view.setBigUint64(at + E.link_group, 0n, true);
    view.setUint32(at + E.hole_count, 0, true);
    view.setUint32(at + E.reserved, 0, true);
  }
}
