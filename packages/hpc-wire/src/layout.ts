// Generated from the headers of shim-c by shim-c/wire/tools/layout.c: `npm run layout` writes it anew.
// Integers are little endian; a comment says how wide each is.

export const ENTRY_VERSION = 1;
export const ENTRY_FLAGS = 127;
export const FRAME_HEADER = 8;
export const FRAME_MAX = 999999;
export const XATTR_NAME = 255;
export const XATTR_BLOCK = 900000;
export const HOLES_MAX = 32768;
export const CHECK_ENTRIES = 512;
export const CHECK_UNANSWERED = 4;
export const COUNTERS_LEAST = 20;
export const RECORD_ALIGN = 8;
export const CONTENT_NONE = 4294967295;
export const FRAMES_NO_DIR = 4294967295;
export const SCAN_ABI = 9;
export const SCAN_MAX_THREADS = 512;
export const SCAN_MAX_PATH = 262144;
export const SCAN_MAX_INLINE = 524288;
export const SCAN_MIN_CAP = 2097152;
export const SCAN_MAX_PATTERN = 4096;
export const SCAN_MAX_COMPONENTS = 63;
export const RESTORE_ABI = 1;

/** What an xattr block holds beside what the kernel has. */
export const XATTR_FLAGS = "podheitor.flags";
export const XATTR_PROJECT = "podheitor.project";

/** Status bytes of frames; and of those, the ones that never carry a payload. */
export const FRAME_STATUSES = [
  "C",
  "D",
  "F",
  "T",
  "E",
  "A",
  "Q",
  "W",
  "I",
  "S",
  "N",
  "R",
  "P",
  "O",
  "V",
  "M",
  "B",
  "Z",
  "K",
  "H",
  "G",
  "U",
  "X",
] as const;
export const FRAME_SIGNALS = [
  "F",
  "T",
  "H",
  "X",
] as const;

/** The type bits of st_mode, and what they are for each kind. */
export const S_IFMT = 0o170000;
export const ModeType = {
  REGULAR: 0o100000,
  DIRECTORY: 0o40000,
  SYMLINK: 0o120000,
  FIFO: 0o10000,
  CHARDEV: 0o20000,
  BLOCKDEV: 0o60000,
  SOCKET: 0o140000,
} as const;

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
export type EntryFlag = (typeof EntryFlag)[keyof typeof EntryFlag];

/** `enum hpc_data_end_flag`. */
export const DataEndFlag = {
  DIGEST: 1,
} as const;
export type DataEndFlag = (typeof DataEndFlag)[keyof typeof DataEndFlag];

/** `enum hpc_record_type`. */
export const RecordType = {
  DIR: 1,
  ENTRY: 2,
  ERROR: 3,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** `enum hpc_scan_op`. */
export const ScanOp = {
  STAT: 1,
  OPENDIR: 2,
  READDIR: 3,
} as const;
export type ScanOp = (typeof ScanOp)[keyof typeof ScanOp];

/** `enum hpc_frames_flag`. */
export const FramesFlag = {
  CONTENT: 1,
  DIGESTS: 2,
} as const;
export type FramesFlag = (typeof FramesFlag)[keyof typeof FramesFlag];

/** `enum hpc_frames_stop`. */
export const FramesStop = {
  END: 0,
  OTHER: 1,
  FULL: 2,
  MORE: 3,
} as const;
export type FramesStop = (typeof FramesStop)[keyof typeof FramesStop];

/** `enum hpc_scan_flag`. */
export const ScanFlag = {
  SERIAL_DIRS: 1,
  KEEP_OLDER: 2,
  XATTRS: 8,
  ONE_FILESYSTEM: 16,
  BACK_OFF: 32,
  READ_AHEAD: 64,
  SKIP_RELEASED: 128,
  PROJECTS: 256,
  PROJECTS_ALL: 1024,
  MDTS: 2048,
} as const;
export type ScanFlag = (typeof ScanFlag)[keyof typeof ScanFlag];

/** `enum hpc_open_flag`. */
export const OpenFlag = {
  CONTENT: 1,
  HOLES: 2,
  XATTRS: 4,
  XATTRS_NEW: 8,
  SKIP_RELEASED: 16,
  PROJECT: 32,
  ROOT: 64,
} as const;
export type OpenFlag = (typeof OpenFlag)[keyof typeof OpenFlag];

/** `enum hpc_replace`. */
export const ReplaceRule = {
  ALWAYS: 97,
  NEWER: 119,
  OLDER: 111,
  NEVER: 110,
} as const;
export type ReplaceRule = (typeof ReplaceRule)[keyof typeof ReplaceRule];

/** `enum hpc_restore_flag`. */
export const RestoreFlag = {
  IN_PLACE: 1,
  NAME_ATTRIBUTES: 2,
} as const;
export type RestoreFlag = (typeof RestoreFlag)[keyof typeof RestoreFlag];

/** `enum hpc_restore_op`. */
export const RestoreOp = {
  CREATE: 1,
  LINK: 2,
  WRITE: 3,
  COMMIT: 4,
  SOURCE: 5,
  DISCARD: 6,
  ATTRIBUTE: 7,
} as const;
export type RestoreOp = (typeof RestoreOp)[keyof typeof RestoreOp];

/** `enum hpc_counter`: the counters of a U frame in the order of the wire. */
export const COUNTERS = [
  "scanned",
  "emitted",
  "filteredShard",
  "filteredSince",
  "filteredUnchanged",
  "filteredSockets",
  "filteredDialect",
  "filteredOther",
  "vanished",
  "failed",
  "unlistedDirectories",
  "files",
  "directories",
  "symlinks",
  "hardlinks",
  "specials",
  "bytes",
  "listedDirectories",
  "restored",
  "skipped",
  "xattrBlocks",
  "xattrsFailed",
  "prunedDirectories",
  "holeBytes",
  "changed",
  "torn",
] as const;

/** Offsets in `struct hpc_entry_head`. */
export const ENTRY_HEAD = {
  version: 0, // u8
  kind: 1, // u8
  flags: 2, // u16
  nameLen: 4, // u32
  linkLen: 8, // u32
  nlink: 12, // u32
  ino: 16, // u64
  dev: 24, // u64
  size: 32, // u64
  blocks: 40, // u64
  mtimeS: 48, // i64
  atimeS: 56, // i64
  ctimeS: 64, // i64
  mtimeNs: 72, // u32
  atimeNs: 76, // u32
  ctimeNs: 80, // u32
  mode: 84, // u32
  uid: 88, // u32
  gid: 92, // u32
  rdev: 96, // u64
  blksize: 104, // u32
  layout: 108, // u32
  linkGroup: 112, // u64
  holeCount: 120, // u32
  reserved: 124, // u32
} as const;
export const ENTRY_HEAD_BYTES = 128;

/** Offsets in `struct hpc_hole`. */
export const HOLE = {
  offset: 0, // u64
  length: 8, // u64
} as const;
export const HOLE_BYTES = 16;

/** Offsets in `struct hpc_xattr_head`. */
export const XATTR_HEAD = {
  nameLen: 0, // u16
  flags: 2, // u16
  valueLen: 4, // u32
} as const;
export const XATTR_HEAD_BYTES = 8;

/** Offsets in `struct hpc_data_end`. */
export const DATA_END = {
  bytes: 0, // u64
  error: 8, // i32
  flags: 12, // u32
  digest: 16, // u64
} as const;
export const DATA_END_BYTES = 24;

/** Offsets in `struct hpc_record_prefix`. */
export const RECORD_PREFIX = {
  recordLen: 0, // u32
  type: 4, // u16
  xattrError: 6, // u16
  error: 8, // i32
  contentLen: 12, // u32
  inoHash: 16, // u64
  bodyLen: 24, // u32
  xattrLen: 28, // u32
  birth: 32, // i64
} as const;
export const RECORD_PREFIX_BYTES = 40;

/** Offsets in `struct hpc_record_error`. */
export const RECORD_ERROR = {
  op: 0, // u32
  nameLen: 4, // u32
} as const;
export const RECORD_ERROR_BYTES = 8;

/** Offsets in `struct hpc_frames_call`. */
export const FRAMES_CALL = {
  flags: 0, // u32
  ownCount: 4, // u32
  timeMs: 8, // u32
  used: 12, // u32
  at: 16, // u32
  dirAt: 20, // u32
  stop: 24, // u32
  files: 28, // u32
  directories: 32, // u32
  symlinks: 36, // u32
  specials: 40, // u32
  xattrBlocks: 44, // u32
  bytes: 48, // u64
  written: 56, // u64
} as const;
export const FRAMES_CALL_BYTES = 64;

/** Offsets in `struct hpc_scan_options`. */
export const SCAN_OPTIONS = {
  version: 0, // u32
  threads: 4, // u32
  inlineBytes: 8, // u32
  flags: 12, // u32
  shardIndex: 16, // u32
  shardCount: 20, // u32
  sinceS: 24, // i64
  ringEntries: 32, // u32
  ringBytes: 36, // u32
  pathCount: 40, // u32
  metadataOps: 44, // u32
} as const;
export const SCAN_OPTIONS_BYTES = 48;

/** Offsets in `struct hpc_scan_stats`. */
export const SCAN_STATS = {
  scanned: 0, // u64
  handedOut: 8, // u64
  filteredShard: 16, // u64
  filteredOlder: 24, // u64
  vanished: 32, // u64
  failed: 40, // u64
  dirsListed: 48, // u64
  dirsVanished: 56, // u64
  dirsFailed: 64, // u64
  contentBytes: 72, // u64
  pendingPeak: 80, // u64
  fdsPeak: 88, // u64
  filteredExcluded: 96, // u64
  dirsPrunedMarker: 104, // u64
  dirsPrunedFilesystem: 112, // u64
  xattrFailed: 120, // u64
  askedAhead: 128, // u64
  backOffs: 136, // u64
  threadsLeast: 144, // u64
  threadsNow: 152, // u64
  waitedNs: 160, // u64
  throttledNs: 168, // u64
  receiverNs: 176, // u64
} as const;
export const SCAN_STATS_BYTES = 184;

/** Offsets in `struct hpc_open_request`. */
export const OPEN_REQUEST = {
  id: 0, // u32
  dir: 4, // i32
  flags: 8, // u32
  pathLen: 12, // u32
  dev: 16, // u64
  ino: 24, // u64
  birth: 32, // i64
  size: 40, // u64
  ctimeS: 48, // i64
  ctimeNs: 56, // u32
  mode: 60, // u32
} as const;
export const OPEN_REQUEST_BYTES = 64;

/** Offsets in `struct hpc_open_answer`. */
export const OPEN_ANSWER = {
  length: 0, // u32
  id: 4, // u32
  error: 8, // i32
  fd: 12, // i32
  changed: 16, // u32
  holeCount: 20, // u32
  xattrLen: 24, // u32
  xattrError: 28, // u32
  head: 32, // bytes
} as const;
export const OPEN_ANSWER_BYTES = 160;

/** Offsets in `struct hpc_stream_control`. */
export const STREAM_CONTROL = {
  stop: 0, // u32
  error: 4, // i32
  waitedMs: 8, // u32
} as const;
export const STREAM_CONTROL_BYTES = 12;

/** Offsets in `struct hpc_restore_stats`. */
export const RESTORE_STATS = {
  files: 0, // u64
  directories: 8, // u64
  symlinks: 16, // u64
  hardlinks: 24, // u64
  specials: 32, // u64
  bytes: 40, // u64
  skipped: 48, // u64
  failed: 56, // u64
  attributesFailed: 64, // u64
  xattrs: 72, // u64
  unfinished: 80, // u64
  ownersRefused: 88, // u64
} as const;
export const RESTORE_STATS_BYTES = 96;

/** Offsets in `struct hpc_failure_head`. */
export const FAILURE_HEAD = {
  recordLen: 0, // u32
  error: 4, // i32
  nameLen: 8, // u32
  op: 12, // u32
} as const;
export const FAILURE_HEAD_BYTES = 16;

/** Offsets in `struct hpc_look`. */
export const LOOK = {
  dev: 0, // u64
  ino: 8, // u64
  mode: 16, // u64
  nlink: 24, // u64
  uid: 32, // u64
  gid: 40, // u64
  rdev: 48, // u64
  size: 56, // u64
  blocks: 64, // u64
  mtimeS: 72, // i64
  mtimeNs: 80, // i64
  ctimeS: 88, // i64
  ctimeNs: 96, // i64
} as const;
export const LOOK_BYTES = 104;
