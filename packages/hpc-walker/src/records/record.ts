import {
  CONTENT_NONE,
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  ENTRY_VERSION,
  EntryKind,
  OPEN_REQUEST,
  RECORD_ALIGN,
  RECORD_ERROR,
  RECORD_ERROR_BYTES,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  RecordType,
  type ScanOp,
} from "@podheitor/hpc-wire";
import { HpcError } from "../errors";

const TWO_32 = 0x1_0000_0000;
const EMPTY: Buffer = Buffer.alloc(0);
const NO_MDTS: readonly number[] = [];

/** The 64-bit fields of an entry, for {@link RecordCursor.exact}. */
export type WideField =
  | "ino"
  | "dev"
  | "size"
  | "blocks"
  | "rdev"
  | "linkGroup"
  | "mtimeS"
  | "atimeS"
  | "ctimeS";

/**
 * Walks over the records of a batch without allocating per record:
 *
 * for (cursor.reset(batch.bytes); cursor.next(); ) if (cursor.type === RecordType.ENTRY)
 * use(cursor.name);
 *
 * Accessors speak of the record that `next()` stepped on. Buffers (`dir`, `name`, `link`, `xattrs`,
 * `content`) are views into the batch, valid as long as it is; 64-bit numbers come as `number`
 * (exact to 2^53), as two u32 (`…Lo`, `…Hi`), or exactly through {@link exact}. `next()` checks
 * every length before anything is read: a malformed batch throws HPC_BAD_BATCH. Entry accessors on
 * a record that is no ENTRY throw it too.
 */
export class RecordCursor {
  #bytes = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);
  #end = 0;
  #at = 0;
  #following = 0;
  #type: RecordType | 0 = 0;
  #head = -1;
  #dirStart = -1;
  #dirLength = 0;
  #dir: Buffer | undefined;
  #mdtBytes = 0;
  #mdts: readonly number[] | undefined;
  #nameStart = 0;
  #nameLength = 0;
  #linkLength = 0;
  #xattrLength = 0;
  #contentLength = -1;

  /** Starts at the first record of `bytes` (from its own beginning to its end). */
  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
    this.#at = 0;
    this.#following = 0;
    this.#type = 0;
    this.#head = -1;
    this.#dirStart = -1;
    this.#dir = undefined;
    this.#mdtBytes = 0;
    this.#mdts = undefined;
  }

  /** Steps to the next record; false after the last. Throws HPC_BAD_BATCH. */
  next(): boolean {
    const at = this.#following;
    this.#type = 0;
    this.#head = -1;
    if (at === this.#end) return false;
    const room = this.#end - at;
    if (room < RECORD_PREFIX_BYTES) this.#bad(at, "prefix is cut off");
    const view = this.#view;
    const recordLength = view.getUint32(at + RECORD_PREFIX.recordLen, true);
    const bodyLength = view.getUint32(at + RECORD_PREFIX.bodyLen, true);
    if (recordLength > room) this.#bad(at, `record of ${recordLength} bytes in ${room}`);
    if (recordLength !== paddedLength(bodyLength)) {
      this.#bad(at, `body of ${bodyLength} bytes in a record of ${recordLength}`);
    }
    const type = view.getUint16(at + RECORD_PREFIX.type, true);
    const body = at + RECORD_PREFIX_BYTES;
    if (type === RecordType.ENTRY) this.#enterEntry(at, body, bodyLength);
    else if (type === RecordType.DIR) this.#enterDir(at, body, bodyLength);
    else if (type === RecordType.ERROR) this.#enterError(at, body, bodyLength);
    else this.#bad(at, `record type ${type}`);
    this.#type = type;
    this.#at = at;
    this.#following = at + recordLength;
    return true;
  }

  /** Where the record stands that `next()` steps on, as an offset in the batch. */
  get following(): number {
    return this.#following;
  }

  /** Where the DIR record stands to which a record there belongs; -1 before the first. */
  get dirRecord(): number {
    return this.#dirStart < 0 ? -1 : this.#dirStart - RECORD_PREFIX_BYTES;
  }

  /**
   * Goes on from a place in the same batch that `following` and `dirRecord` told, or hpc_frames().
   * Throws HPC_BAD_BATCH.
   */
  moveTo(following: number, dirRecord: number): void {
    this.#type = 0;
    this.#head = -1;
    if (dirRecord >= 0 && dirRecord !== this.dirRecord) {
      if (dirRecord + RECORD_PREFIX_BYTES > this.#end) this.#bad(dirRecord, "no directory");
      const view = this.#view;
      const length = view.getUint32(dirRecord + RECORD_PREFIX.bodyLen, true);
      const body = dirRecord + RECORD_PREFIX_BYTES;
      const isDir = view.getUint16(dirRecord + RECORD_PREFIX.type, true) === RecordType.DIR;
      if (!isDir || length > this.#end - body) this.#bad(dirRecord, "no directory");
      this.#enterDir(dirRecord, body, length);
    }
    this.#following = following;
  }

  /** What the record is. Throws before the first and after the last `next()`. */
  get type(): RecordType {
    if (this.#type === 0) this.#bad(this.#at, "no current record");
    return this.#type;
  }

  /** errno, 0 = none. On an ENTRY: why its content or link target is missing. */
  get error(): number {
    return this.#view.getInt32(this.#current() + RECORD_PREFIX.error, true);
  }

  /** ERROR records: what failed. */
  get op(): ScanOp {
    if (this.#type !== RecordType.ERROR) this.#bad(this.#at, "not an ERROR record");
    return this.#view.getUint32(this.#at + RECORD_PREFIX_BYTES + RECORD_ERROR.op, true) as ScanOp;
  }

  /**
   * Path of the directory that the record belongs to; on a DIR record, its own path. No trailing
   * `/` but for "/".
   */
  get dir(): Buffer {
    this.#current();
    this.#dir ??= this.#bytes.subarray(this.#dirStart, this.#dirStart + this.#dirLength);
    return this.#dir;
  }

  /**
   * The MDTs of Lustre that the directory's names lie on; empty where that was not asked, or could
   * not be told. The same object until its next DIR record.
   */
  get mdts(): readonly number[] {
    this.#current();
    this.#mdts ??= this.#readMdts();
    return this.#mdts;
  }

  /** Last component; empty = the directory itself. Only ENTRY and ERROR records have a name. */
  get name(): Buffer {
    return this.#bytes.subarray(this.nameStart, this.#nameStart + this.#nameLength);
  }
  /** Where the name starts in the batch. */
  get nameStart(): number {
    this.#notDir();
    return this.#nameStart;
  }
  get nameLength(): number {
    this.#notDir();
    return this.#nameLength;
  }

  /** Target of a symlink; empty for everything else. */
  get link(): Buffer {
    const start = this.linkStart;
    return this.#bytes.subarray(start, start + this.#linkLength);
  }
  get linkStart(): number {
    this.#entry();
    return this.#nameStart + this.#nameLength;
  }
  get linkLength(): number {
    this.#entry();
    return this.#linkLength;
  }

  /** The xattr block (`hpc_scan.h` has its layout); empty when there is none. */
  get xattrs(): Buffer {
    const start = this.xattrStart;
    return this.#bytes.subarray(start, start + this.#xattrLength);
  }
  get xattrStart(): number {
    return this.linkStart + this.#linkLength;
  }
  get xattrLength(): number {
    this.#entry();
    return this.#xattrLength;
  }
  /** errno of attributes that could not be read, and are missing in `xattrs`; 0. */
  get xattrError(): number {
    this.#entry();
    return this.#view.getUint16(this.#at + RECORD_PREFIX.xattrError, true);
  }

  /**
   * The file's content; undefined when it was not read (too large, not asked for, or `error` says
   * why).
   */
  get content(): Buffer | undefined {
    const start = this.contentStart;
    return this.#contentLength < 0
      ? undefined
      : this.#bytes.subarray(start, start + this.#contentLength);
  }
  get contentStart(): number {
    return this.xattrStart + this.#xattrLength;
  }
  /** -1 when the content was not read. */
  get contentLength(): number {
    this.#entry();
    return this.#contentLength;
  }

  /** Where the 128-byte head starts in the batch, so that it can be copied as it is. */
  get headStart(): number {
    return this.#entry();
  }
  get kind(): EntryKind {
    return this.#view.getUint8(this.#entry() + ENTRY_HEAD.kind) as EntryKind;
  }
  get flags(): number {
    return this.#view.getUint16(this.#entry() + ENTRY_HEAD.flags, true);
  }
  get nlink(): number {
    return this.#u32(ENTRY_HEAD.nlink);
  }
  get mode(): number {
    return this.#u32(ENTRY_HEAD.mode);
  }
  get uid(): number {
    return this.#u32(ENTRY_HEAD.uid);
  }
  get gid(): number {
    return this.#u32(ENTRY_HEAD.gid);
  }
  /** Bytes; see {@link sizeIsExact}. */
  get size(): number {
    return this.#u32(ENTRY_HEAD.size + 4) * TWO_32 + this.#u32(ENTRY_HEAD.size);
  }
  /** False for a size above 2^53, which `size` then only approximates. */
  get sizeIsExact(): boolean {
    return this.#u32(ENTRY_HEAD.size + 4) < 0x20_0000;
  }
  get sizeLo(): number {
    return this.#u32(ENTRY_HEAD.size);
  }
  get sizeHi(): number {
    return this.#u32(ENTRY_HEAD.size + 4);
  }
  get inoLo(): number {
    return this.#u32(ENTRY_HEAD.ino);
  }
  get inoHi(): number {
    return this.#u32(ENTRY_HEAD.ino + 4);
  }
  get devLo(): number {
    return this.#u32(ENTRY_HEAD.dev);
  }
  get devHi(): number {
    return this.#u32(ENTRY_HEAD.dev + 4);
  }
  /** st_dev; exact below 2^53, which every Linux device number is. */
  get dev(): number {
    return this.devHi * TWO_32 + this.devLo;
  }
  /** Seconds since the epoch, may be negative; exact to 2^53 (285 million years). */
  get mtimeSeconds(): number {
    return this.#i64(ENTRY_HEAD.mtimeS);
  }
  get mtimeNanoseconds(): number {
    return this.#u32(ENTRY_HEAD.mtimeNs);
  }
  get ctimeSeconds(): number {
    return this.#i64(ENTRY_HEAD.ctimeS);
  }
  get ctimeNanoseconds(): number {
    return this.#u32(ENTRY_HEAD.ctimeNs);
  }
  /** Low word of xxh3_64 over the inode number (8 bytes, little endian, seed 0). */
  get inoHashLo(): number {
    this.#entry();
    return this.#view.getUint32(this.#at + RECORD_PREFIX.inoHash, true);
  }
  get inoHashHi(): number {
    this.#entry();
    return this.#view.getUint32(this.#at + RECORD_PREFIX.inoHash + 4, true);
  }
  /**
   * When the object came into being, in nanoseconds, or its generation (`hpc_scan.h`), as two
   * words; both 0: not known.
   */
  get birthLo(): number {
    this.#entry();
    return this.#view.getUint32(this.#at + RECORD_PREFIX.birth, true);
  }
  get birthHi(): number {
    this.#entry();
    return this.#view.getUint32(this.#at + RECORD_PREFIX.birth + 4, true);
  }
  /** A 64-bit field without rounding (times signed, the rest unsigned). Allocates a bigint. */
  exact(field: WideField): bigint {
    const at = this.#entry() + ENTRY_HEAD[field];
    const signed = field === "mtimeS" || field === "atimeS" || field === "ctimeS";
    return signed ? this.#view.getBigInt64(at, true) : this.#view.getBigUint64(at, true);
  }
  /**
   * Writes to `request`, a `struct hpc_open_request`, which object the entry is. `bytes`: the
   * batch.
   */
  identify(bytes: Buffer, request: Buffer): void {
    const head = this.#entry();
    const prefix = this.#at;
    const copy = (to: number, from: number, length: number) =>
      void bytes.copy(request, to, from, from + length);
    copy(OPEN_REQUEST.dev, head + ENTRY_HEAD.dev, 8);
    copy(OPEN_REQUEST.ino, head + ENTRY_HEAD.ino, 8);
    copy(OPEN_REQUEST.birth, prefix + RECORD_PREFIX.birth, 8);
    copy(OPEN_REQUEST.size, head + ENTRY_HEAD.size, 8);
    copy(OPEN_REQUEST.ctimeS, head + ENTRY_HEAD.ctimeS, 8);
    copy(OPEN_REQUEST.ctimeNs, head + ENTRY_HEAD.ctimeNs, 4);
    copy(OPEN_REQUEST.mode, head + ENTRY_HEAD.mode, 4);
  }
  /** A 32-bit field by its name: `blksize`, `layout`, `atimeNs` … */
  u32(
    field:
      | "nlink"
      | "mtimeNs"
      | "atimeNs"
      | "ctimeNs"
      | "mode"
      | "uid"
      | "gid"
      | "blksize"
      | "layout",
  ): number {
    return this.#u32(ENTRY_HEAD[field]);
  }

  #enterDir(at: number, body: number, length: number): void {
    const mdtBytes = this.#view.getUint32(at + RECORD_PREFIX.xattrLen, true);
    if (length <= mdtBytes) this.#bad(at, "directory without a path");
    if (mdtBytes % 4 !== 0) this.#bad(at, `${mdtBytes} bytes of MDTs`);
    this.#dirStart = body;
    this.#dirLength = length - mdtBytes;
    this.#dir = undefined;
    this.#mdtBytes = mdtBytes;
    this.#mdts = undefined;
  }

  #enterEntry(at: number, body: number, length: number): void {
    if (this.#dirStart < 0) this.#bad(at, "entry before its directory");
    if (length < ENTRY_HEAD_BYTES) this.#bad(at, `entry of ${length} bytes`);
    const view = this.#view;
    const version = view.getUint8(body + ENTRY_HEAD.version);
    if (version !== ENTRY_VERSION) this.#bad(at, `entry version ${version}`);
    const kind = view.getUint8(body + ENTRY_HEAD.kind);
    if (kind < EntryKind.REGULAR || kind > EntryKind.SOCKET) this.#bad(at, `entry kind ${kind}`);
    const nameLength = view.getUint32(body + ENTRY_HEAD.nameLen, true);
    const linkLength = view.getUint32(body + ENTRY_HEAD.linkLen, true);
    const xattrLength = view.getUint32(at + RECORD_PREFIX.xattrLen, true);
    const content = view.getUint32(at + RECORD_PREFIX.contentLen, true);
    const contentBytes = content === CONTENT_NONE ? 0 : content;
    // Sums of u32 are exact as doubles, so nothing can wrap round here. A scan never maps holes.
    if (ENTRY_HEAD_BYTES + nameLength + linkLength + xattrLength + contentBytes !== length)
      this.#bad(at, "entry lengths do not add up");
    if (view.getUint32(body + ENTRY_HEAD.holeCount, true) !== 0)
      this.#bad(at, "holes in a scan batch");
    this.#head = body;
    this.#nameStart = body + ENTRY_HEAD_BYTES;
    this.#nameLength = nameLength;
    this.#linkLength = linkLength;
    this.#xattrLength = xattrLength;
    this.#contentLength = content === CONTENT_NONE ? -1 : content;
  }

  #enterError(at: number, body: number, length: number): void {
    if (this.#dirStart < 0) this.#bad(at, "error before its directory");
    if (length < RECORD_ERROR_BYTES) this.#bad(at, `error of ${length} bytes`);
    const op = this.#view.getUint32(body + RECORD_ERROR.op, true);
    if (op < 1 || op > 3) this.#bad(at, `operation ${op}`);
    const nameLength = this.#view.getUint32(body + RECORD_ERROR.nameLen, true);
    if (RECORD_ERROR_BYTES + nameLength !== length) this.#bad(at, "error lengths do not add up");
    this.#nameStart = body + RECORD_ERROR_BYTES;
    this.#nameLength = nameLength;
  }

  #readMdts(): readonly number[] {
    if (this.#mdtBytes === 0) return NO_MDTS;
    const from = this.#dirStart + this.#dirLength;
    return Array.from({ length: this.#mdtBytes / 4 }, (_, i) =>
      this.#view.getUint32(from + 4 * i, true),
    );
  }

  #current(): number {
    if (this.#type === 0) this.#bad(this.#at, "no current record");
    return this.#at;
  }
  #notDir(): void {
    if (this.#type !== RecordType.ENTRY && this.#type !== RecordType.ERROR)
      this.#bad(this.#at, "a DIR has no name");
  }
  #entry(): number {
    if (this.#head < 0) this.#bad(this.#at, "not an ENTRY record");
    return this.#head;
  }
  #u32(offset: number): number {
    return this.#view.getUint32(this.#entry() + offset, true);
  }
  #i64(offset: number): number {
    const at = this.#entry() + offset;
    return this.#view.getInt32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
  #bad(at: number, what: string): never {
    throw new HpcError(
      "HPC_BAD_BATCH",
      `scan batch, record at byte ${at} of ${this.#end}: ${what}`,
      "The scan library and this package are of different versions: run `npm run build` again.",
    );
  }
}

/** Bytes of a whole record with a body of this length: prefix, body, padding. */
export function paddedLength(bodyLength: number): number {
  return Math.ceil((RECORD_PREFIX_BYTES + bodyLength) / RECORD_ALIGN) * RECORD_ALIGN;
}
