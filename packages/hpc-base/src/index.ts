export { causeOf, errnoName, errnoOf, errnoRemedy, errnoText } from "./errno";
export { type ErrorDetails, type ErrorReport, errorLine, HpcError, type Sentence } from "./errors";
export type { StateErrorCode } from "./state/errors";
export { StateLock } from "./state/lock";
export { Spool } from "./state/spool";
export { readStamp, type StampState, writeStamp } from "./state/stamp";
export { type Readers, StateDir } from "./state/state-dir";
