export { cancelled, type ErrorCode, HpcError } from "./common/errors";
export { HOLE, holeBytes, holesOf, NO_HOLES, type Run, runsOf } from "./common/holes";
export { absolutePath, fullName, isInside, parentOf } from "./common/paths";
export { counted, pendingCalls } from "./common/pending-calls";
export { printable } from "./common/printable";
export { readBuffer } from "./common/read-buffer";
export { WorkFile } from "./common/work-file";
export { digestOf, RunningDigest } from "./common/xxh";
export { archiveHeader } from "./format/header";
export { EREMOTE, encodeNote, isGone, type Note, NoteOperation } from "./format/note";
export type {
  Difference,
  JobEvents,
  MessageLevel,
  Progress,
  Reason,
  RestoreSummary,
  TimeBy,
  VerifySummary,
} from "./job/job-events";
export { JobLog } from "./job/job-log";
export { throttled } from "./job/throttled";
export { MESSAGES_MAX, MIN_HOLE, READ_SIZE } from "./limits";
export { hashOf, hasKey, type Inode, KEY_WORDS, keyOf } from "./links/link-key";
export { LinkGroups } from "./links/links";
export type { LaterName } from "./links/links-spill";
export { NameSpace } from "./links/name-space";
export { type ArchiveItem, ArchiveReader } from "./read/archive-reader";
export { type ListedEntry, listArchive } from "./read/list-archive";
export { type RestoreArchive, restoreArchive } from "./restore/restore-archive";
export type { Replace } from "./restore/restore-core";
export { type Selection, type Selector, selector } from "./restore/selection";
export { type TreeScan, type VerifyArchive, verifyArchive } from "./verify/verify-archive";
export { openArchiveOutput } from "./write/archive-output";
export { ArchiveWriter } from "./write/archive-writer";
export { type ByteSink, sinkOf } from "./write/byte-sink";
export { isOwnOutput, ownOutputs, rememberOutput } from "./write/own-outputs";
