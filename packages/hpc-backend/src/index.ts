export { type ListedEntry, listArchive } from "./archive/list-archive";
export { type RestoreArchive, restoreArchive } from "./archive/restore-archive";
export type { Replace } from "./archive/restore-core";
export { type VerifyArchive, verifyArchive } from "./archive/verify-archive";
export { sinkOf } from "./emit/byte-sink";
export { Emitter } from "./emit/emitter";
export { type TimeBy, timeText } from "./emit/waits";
export type { ErrorCode } from "./errors";
export { type BackupToArchive, backupToArchive } from "./job/backup-archive";
export { type BackupStream, backupToStream } from "./job/backup-stream";
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
} from "./job/job-events";
export { type Surveyed, type Surveyor, surveyTree } from "./job/survey";
export { checkParams, type JobParams, parseParams } from "./params/params";
export { type Selection, type Selector, selector } from "./params/patterns";
export { requireRoots } from "./params/roots";
export { shardingOf } from "./params/sharding";
export { printable } from "./printable";
export { scanSource } from "./source/scan-source";
export type {
  Change,
  EntrySource,
  OpenSource,
  Position,
  SourceCapabilities,
  SourceControl,
  SourceProgress,
} from "./source/source";
export { VERSION } from "./version";
