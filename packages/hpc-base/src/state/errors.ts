import { HpcError as BaseError } from "../errors";

/** What can be wrong with state that outlives a process. */
export type StateErrorCode =
  /** The directory is not private, or somebody else's. */
  | "HPC_STATE_DIR"
  /** Another process, which lives, has the lock. */
  | "HPC_STATE_LOCKED"
  /** A file of the directory is not what was written there. */
  | "HPC_STATE_DAMAGED";

/** The one error class, with the codes of state directories. */
export const HpcError = BaseError<StateErrorCode>;
export type HpcError = BaseError<StateErrorCode>;
