export { Emitter } from "./emit/emitter";
export { timeText } from "./emit/waits";
export { type BackupToArchive, backupToArchive } from "./job/backup-archive";
export { type BackupStream, backupToStream } from "./job/backup-stream";
export type { BackupSummary, FilteredBy } from "./job/backup-summary";
export { scanTree } from "./job/scan-tree";
export { type Surveyed, type Surveyor, surveyTree } from "./job/survey";
export { checkParams, type JobParams, parseParams } from "./params/params";
export { requireRoots } from "./params/roots";
export { shardingOf } from "./params/sharding";
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
