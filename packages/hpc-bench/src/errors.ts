import { HpcError as BaseError } from "@podheitor/hpc-base";

export type BenchErrorCode = "HPC_BENCH_FAILED" | "HPC_BENCH_TREE";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<BenchErrorCode>;
export type HpcError = BaseError<BenchErrorCode>;
