export { type BackupToArchive, backupToArchive } from "./backup-archive";
export { type BackupStream, backupToStream } from "./backup-stream";
export type { OpenScanner } from "./backup-types";
export { sinkOf } from "./byte-sink";
export { Emitter } from "./emitter";
export { type ErrorCode, HpcError } from "./errors";
export type {
  BackupSummary,
  Difference,
  FilteredBy,
  JobEvents,
  MessageLevel,
  Progress,
  Reason,
  RestoreSummary,
  VerifySummary,
} from "./events";
export { THREADS } from "./limits";
export { type ListedEntry, listArchive } from "./list-archive";
export { type JobParams, KNOWN_KEYS, parseParams } from "./params";
export { type Selection, type Selector, selector } from "./patterns";
export { printable } from "./printable";
export { type RestoreArchive, restoreArchive } from "./restore-archive";
export type { Replace } from "./restore-core";
export { requireRoots } from "./roots";
export { shardingOf } from "./sharding";
export { type Surveyed, type Surveyor, surveyTree } from "./survey";
export { type VerifyArchive, verifyArchive } from "./verify-archive";
export { VERSION } from "./version";
