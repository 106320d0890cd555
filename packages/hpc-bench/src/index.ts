export { BENCHES, type Benchmark, type BenchName, type BenchSetup, benchmarksOf } from "./benchmarks";
export { type Contest, type Contestant, type ContestResult, contest, type Standing } from "./contest";
export { BenchError, type BenchErrorCode } from "./errors";
export { machineFacts } from "./machine";
export { median, plot, spread, table } from "./report";
export { scanOnce } from "./scan-once";
export { makeBenchTree, SHAPES, type Shape } from "./trees";
