/** The closed set of what can be wrong with a shard. docs/errors.md says the same in sentences. */
export type ShardErrorCode =
  /** `shard=` is not K/N, or K is not one of the N. */
  | "HPC_BAD_SHARD"
  /** `strategy=` is unknown, or cannot split. */
  | "HPC_BAD_STRATEGY";

export class ShardError extends Error {
  override readonly name = "ShardError";

  constructor(
    readonly code: ShardErrorCode,
    message: string,
    /** One sentence: what the reader can do. */
    readonly remedy: string,
  ) {
    super(message);
  }
}
