export {
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  EntryFlag,
  EntryKind,
  FramesStop,
  OpenFlag,
  RECORD_PREFIX,
  RECORD_PREFIX_BYTES,
  RecordType,
  ScanFlag,
  ScanOp,
} from "@podheitor/hpc-wire";
export * from "./errors";
export { Excludes, excludeProblem, markerProblem } from "./excludes/exclude";
export { CACHEDIR_TAG, isCachedirTag } from "./excludes/markers";
export { NamePattern, namePatternProblem } from "./excludes/name-pattern";
export {
  dropCache,
  fileHoles,
  rootLink,
  widenPipe,
} from "./native/files";
export {
  type FileIdentity,
  type Filled,
  NativeFrames,
  type RunCounts,
} from "./native/frames";
export { openNativeScanner } from "./native/native-scanner";
export { type OpenedEntry, Openers, type SeenEntry, seenEntry } from "./native/opener";
export { type Streamed, type Streamer, streamerTo } from "./native/stream";
export { type CreateScannerOptions, createScanner } from "./open-scanner";
export { paddedLength, RecordCursor, type WideField } from "./records/record";
export { type EntryFields, RecordWriter } from "./records/record-writer";
export {
  type EntryBatch,
  type FillFrames,
  type GivenName,
  NO_COUNTS,
  type ScanControl,
  type ScanCounts,
  type Scanner,
  type ScanOptions,
  type ScanStats,
  type ScanWaits,
} from "./scanner";
export { type ScannerCapabilities, TreeScanner } from "./tree-scanner";
