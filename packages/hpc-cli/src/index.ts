export { type Attributes, atimeNs, decodeLstat, mtimeNs } from "./catalog/lstat";
export { type CliErrorCode, reportOf } from "./errors";
export { Exit, type ExitCode } from "./exit";
export type { Io, Sink } from "./io";
export { helpText, run } from "./run";
export { shardArchive } from "./shards";
export { fromBytes, rawArguments, toBytes } from "./text/bytes";
export { escapeName, escapeText } from "./text/escape";
