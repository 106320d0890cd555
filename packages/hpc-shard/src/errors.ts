import { HpcError as BaseError } from "@podheitor/hpc-base";

/** The closed set of what can be wrong with a shard. docs/errors.md says the same in sentences. */
export type ShardErrorCode =
  /** `shard=` is not K/N, or K is not one of the N. */
  | "HPC_BAD_SHARD"
  /** `strategy=` is unknown, or cannot split. */
  | "HPC_BAD_STRATEGY";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<ShardErrorCode>;
export type HpcError = BaseError<ShardErrorCode>;
