export { fromBytes, rawArguments, toBytes } from "./bytes";
export { type Attributes, atimeNs, decodeLstat, mtimeNs } from "./catalog/lstat";
export { type CliErrorCode, reportOf } from "./errors";
export { escapeName, escapeText } from "./escape";
export { Exit, type ExitCode } from "./exit";
export type { Io, Sink } from "./io";
export { helpText, run } from "./run";
export { shardArchive } from "./shards";
