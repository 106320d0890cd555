export {
  CHECK_ENTRIES,
  CHECK_UNANSWERED,
  COUNTERS,
  ENTRY_HEAD,
  ENTRY_HEAD_BYTES,
  EntryFlag,
  EntryKind,
  modeType,
  XATTR_FLAGS,
  XATTR_PROJECT,
} from "@podheitor/hpc-wire";
export * from "./accounting";
export {
  type BackendEvent,
  BackendSession,
  HPC1_HELLO,
  type StartCommand,
} from "./backend-session";
export * from "./check";
export { type DataEnd, decodeDataEnd, encodeDataEnd } from "./data-end";
export * from "./entry";
export type { Digest, EntryParts } from "./entry-parts";
export * from "./errors";
export {
  encodeFrame,
  type Frame,
  FrameDecoder,
  type FrameStatus,
  isSignal,
  type Signal,
} from "./frame";
export { type JobInfo, jobPairs, parseJob } from "./job";
export * from "./limits";
export { commandText, messageText, type Pair, type Params, parsePair } from "./pairs";
export { formatPluginString, parsePluginString } from "./plugin-string";
export { FrameWriter, MESSAGE_STATUS, type MessageLevel } from "./writer";
export * from "./xattrs";
