import {
  CONTENT_NONE,
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  ENTRY_VERSION,
  type EntryKind,
  RECORD_ERROR,
  RECORD_ERROR_BYTES,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  RecordType,
  type ScanOp,
} from "@podheitor/hpc-wire";
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
    this.#view.setUint32(at - RECORD_PREFIX_BYTES + RECORD_PREFIX.xattrLen, 4 * mdts.length, true);
    return true;
  }

  entry(fields: EntryFields): boolean {
    const { name, link, content } = fields;
    const xattrs = fields.xattrs ?? NOTHING;
    const length =
      ENTRY_HEAD_BYTES + name.length + link.length + xattrs.length + (content?.length ?? 0);
    const at = this.#begin(
      RecordType.ENTRY,
      length,
      fields.error,
      content?.length ?? CONTENT_NONE,
      fields.inoHash,
    );
    if (at < 0) return false;
    this.#head(at, fields);
    name.copy(this.#bytes, at + ENTRY_HEAD_BYTES);
    link.copy(this.#bytes, at + ENTRY_HEAD_BYTES + name.length);
    xattrs.copy(this.#bytes, at + ENTRY_HEAD_BYTES + name.length + link.length);
    content?.copy(this.#bytes, at + ENTRY_HEAD_BYTES + name.length + link.length + xattrs.length);
    this.#view.setUint16(
      at - RECORD_PREFIX_BYTES + RECORD_PREFIX.xattrError,
      fields.xattrError ?? 0,
      true,
    );
    this.#view.setUint32(at - RECORD_PREFIX_BYTES + RECORD_PREFIX.xattrLen, xattrs.length, true);
    this.#view.setBigInt64(
      at - RECORD_PREFIX_BYTES + RECORD_PREFIX.birth,
      fields.birth ?? 0n,
      true,
    );
    return true;
  }

  error(op: ScanOp, errno: number, name: Buffer): boolean {
    const at = this.#begin(RecordType.ERROR, RECORD_ERROR_BYTES + name.length, errno, 0, 0n);
    if (at < 0) return false;
    this.#view.setUint32(at + RECORD_ERROR.op, op, true);
    this.#view.setUint32(at + RECORD_ERROR.nameLen, name.length, true);
    name.copy(this.#bytes, at + RECORD_ERROR_BYTES);
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
    view.setUint32(at + RECORD_PREFIX.recordLen, recordLength, true);
    view.setUint16(at + RECORD_PREFIX.type, type, true);
    view.setUint16(at + RECORD_PREFIX.xattrError, 0, true);
    view.setInt32(at + RECORD_PREFIX.error, error, true);
    view.setUint32(at + RECORD_PREFIX.contentLen, contentLength, true);
    view.setBigUint64(at + RECORD_PREFIX.inoHash, inoHash, true);
    view.setUint32(at + RECORD_PREFIX.bodyLen, bodyLength, true);
    view.setUint32(at + RECORD_PREFIX.xattrLen, 0, true);
    view.setBigInt64(at + RECORD_PREFIX.birth, 0n, true);
    const body = at + RECORD_PREFIX_BYTES;
    for (let i = body + bodyLength; i < at + recordLength; i++) view.setUint8(i, 0);
    this.#length = at + recordLength;
    return body;
  }

  #head(at: number, f: EntryFields): void {
    const view = this.#view;
    view.setUint8(at + ENTRY_HEAD.version, ENTRY_VERSION);
    view.setUint8(at + ENTRY_HEAD.kind, f.kind);
    view.setUint16(at + ENTRY_HEAD.flags, f.flags, true);
    view.setUint32(at + ENTRY_HEAD.nameLen, f.name.length, true);
    view.setUint32(at + ENTRY_HEAD.linkLen, f.link.length, true);
    view.setUint32(at + ENTRY_HEAD.nlink, f.nlink, true);
    view.setBigUint64(at + ENTRY_HEAD.ino, f.ino, true);
    view.setBigUint64(at + ENTRY_HEAD.dev, f.dev, true);
    view.setBigUint64(at + ENTRY_HEAD.size, f.size, true);
    view.setBigUint64(at + ENTRY_HEAD.blocks, f.blocks, true);
    view.setBigInt64(at + ENTRY_HEAD.mtimeS, f.mtimeSeconds, true);
    view.setBigInt64(at + ENTRY_HEAD.atimeS, f.atimeSeconds, true);
    view.setBigInt64(at + ENTRY_HEAD.ctimeS, f.ctimeSeconds, true);
    view.setUint32(at + ENTRY_HEAD.mtimeNs, f.mtimeNanoseconds, true);
    view.setUint32(at + ENTRY_HEAD.atimeNs, f.atimeNanoseconds, true);
    view.setUint32(at + ENTRY_HEAD.ctimeNs, f.ctimeNanoseconds, true);
    view.setUint32(at + ENTRY_HEAD.mode, f.mode, true);
    view.setUint32(at + ENTRY_HEAD.uid, f.uid, true);
    view.setUint32(at + ENTRY_HEAD.gid, f.gid, true);
    view.setBigUint64(at + ENTRY_HEAD.rdev, f.rdev, true);
    view.setUint32(at + ENTRY_HEAD.blksize, f.blksize, true);
    view.setUint32(at + ENTRY_HEAD.layout, 0, true);
    view.setBigUint64(at + ENTRY_HEAD.linkGroup, 0n, true);
    view.setUint32(at + ENTRY_HEAD.holeCount, 0, true);
    view.setUint32(at + ENTRY_HEAD.reserved, 0, true);
  }
}
