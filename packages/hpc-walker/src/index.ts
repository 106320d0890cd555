export * from "./errors";
export { Excludes, excludeProblem, markerProblem } from "./exclude";
export * from "./layout";
export { CACHEDIR_TAG, isCachedirTag } from "./markers";
export { NamePattern, namePatternProblem } from "./name-pattern";
export {
  dropCache,
  fileHoles,
  rootLink,
  widenPipe,
} from "./native-files";
export {
  type FileIdentity,
  type Filled,
  FramesStop,
  NativeFrames,
  type RunCounts,
} from "./native-frames";
export { type OpenedEntry, Openers, OpenFlag, type SeenEntry, seenEntry } from "./native-opener";
export { ScanFlag } from "./native-options";
export { openNativeScanner } from "./native-scanner";
export { type Streamed, type Streamer, streamerTo } from "./native-stream";
export { type CreateScannerOptions, createScanner } from "./open-scanner";
export { paddedLength, RecordCursor, type WideField } from "./record";
export { type EntryFields, RecordWriter } from "./record-writer";
export type {
  EntryBatch,
  FillFrames,
  GivenName,
  ScanControl,
  Scanner,
  ScanOptions,
  ScanStats,
  ScanWaits,
} from "./scanner";
export { type ScannerCapabilities, TreeScanner } from "./tree-scanner";
