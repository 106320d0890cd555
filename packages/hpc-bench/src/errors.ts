export type BenchErrorCode = "HPC_BENCH_FAILED" | "HPC_BENCH_TREE";

/** What went wrong in a benchmark, and what to do about it. */
export class BenchError extends Error {
  readonly code: BenchErrorCode;
  readonly remedy: string;

  constructor(code: BenchErrorCode, message: string, remedy: string) {
    super(message);
    this.name = "BenchError";
    this.code = code;
    this.remedy = remedy;
  }
}
