/**
 * The layout of `shim-c/include/hpc_entry.h`, `shim-c/scan/hpc_scan.h` and `shim-c/scan/frames.h`
 * in numbers. All integers are little endian.
 * A test compiles the headers and compares every offset, so the two cannot drift apart.
 */

/** Size of `struct hpc_entry_head`. */
export const ENTRY_HEAD = 128;
/** `HPC_ENTRY_VERSION`. */
export const ENTRY_VERSION = 1;
/** Size of `struct hpc_record_prefix`. */
export const RECORD_PREFIX = 40;
/** Every record starts at a multiple of this. */
export const RECORD_ALIGN = 8;
/** `HPC_CONTENT_NONE`: the content was not read. */
export const CONTENT_NONE = 0xffffffff;

/** Byte offset of each field of `struct hpc_entry_head`. */
export const ENTRY_OFFSETS = {
  version: 0, // u8
  kind: 1, // u8
  flags: 2, // u16
  name_len: 4, // u32
  link_len: 8, // u32
  nlink: 12, // u32
  ino: 16, // u64
  dev: 24, // u64
  size: 32, // u64
  blocks: 40, // u64
  mtime_s: 48, // i64
  atime_s: 56, // i64
  ctime_s: 64, // i64
  mtime_ns: 72, // u32
  atime_ns: 76, // u32
  ctime_ns: 80, // u32
  mode: 84, // u32
  uid: 88, // u32
  gid: 92, // u32
  rdev: 96, // u64
  blksize: 104, // u32
  layout: 108, // u32
  link_group: 112, // u64
  hole_count: 120, // u32
  reserved: 124, // u32
} as const;

/** Byte offset of each field of `struct hpc_record_prefix`. */
export const PREFIX_OFFSETS = {
  record_len: 0, // u32
  type: 4, // u16
  xattr_error: 6, // u16
  error: 8, // i32
  content_len: 12, // u32
  ino_hash: 16, // u64
  body_len: 24, // u32
  xattr_len: 28, // u32; of a DIR: bytes of MDTs behind its path, u32 each
  birth: 32, // i64
} as const;

/** Size of `struct hpc_open_request`, which a path follows. */
export const OPEN_REQUEST_BYTES = 64;
/** Byte offset of each of its fields. */
export const OPEN_REQUEST = {
  id: 0, // u32
  dir: 4, // i32
  flags: 8, // u32
  path_len: 12, // u32
  dev: 16, // u64
  ino: 24, // u64
  birth: 32, // i64
  size: 40, // u64
  ctime_s: 48, // i64
  ctime_ns: 56, // u32
  mode: 60, // u32
} as const;

/** Size of `struct hpc_open_answer`, which holes and an xattr block follow. */
export const OPEN_ANSWER_BYTES = 160;
/** Byte offset of each of its fields. */
export const OPEN_ANSWER = {
  length: 0, // u32
  id: 4, // u32
  error: 8, // i32
  fd: 12, // i32
  changed: 16, // u32
  hole_count: 20, // u32
  xattr_len: 24, // u32
  xattr_error: 28, // u32
  head: 32, // struct hpc_entry_head
} as const;

/** Size of `struct hpc_frames_call` (`shim-c/scan/frames.h`). */
export const FRAMES_CALL_BYTES = 64;
/** Byte offset of each of its fields. */
export const FRAMES_CALL = {
  flags: 0, // u32
  own_count: 4, // u32
  time_ms: 8, // u32
  used: 12, // u32
  at: 16, // u32
  dir_at: 20, // u32
  stop: 24, // u32
  files: 28, // u32
  directories: 32, // u32
  symlinks: 36, // u32
  specials: 40, // u32
  xattr_blocks: 44, // u32
  bytes: 48, // u64
  written: 56, // u64
} as const;

/** Body of an ERROR record: u32 operation, u32 name length, name. */
export const ERROR_OFFSETS = { op: 0, name_len: 4, name: 8 } as const;

/** `enum hpc_record_type`. */
export const RecordType = { DIR: 1, ENTRY: 2, ERROR: 3 } as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** `enum hpc_scan_op`: what failed in an ERROR record. */
export const ScanOp = { STAT: 1, OPENDIR: 2, READDIR: 3 } as const;
export type ScanOp = (typeof ScanOp)[keyof typeof ScanOp];

/** `enum hpc_kind`. */
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

/** `enum hpc_entry_flag`. */
export const EntryFlag = {
  HAS_DATA: 1,
  LINK: 2,
  LEADER: 4,
  LAST_LINK: 8,
  DIGEST: 16,
  OLDER: 32,
  ATTRS: 64,
} as const;

/** The kind that `st_mode` means; undefined for a type bit pattern that Linux does not have. */
export function kindOfMode(mode: number): EntryKind | undefined {
  switch (mode & 0o170000) {
    case 0o100000:
      return EntryKind.REGULAR;
    case 0o040000:
      return EntryKind.DIRECTORY;
    case 0o120000:
      return EntryKind.SYMLINK;
    case 0o010000:
      return EntryKind.FIFO;
    case 0o020000:
      return EntryKind.CHARDEV;
    case 0o060000:
      return EntryKind.BLOCKDEV;
    case 0o140000:
      return EntryKind.SOCKET;
    default:
      return undefined;
  }
}
