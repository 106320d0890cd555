export { BACKUPS, type Backup, type BackupResult, LAB, measureBackups } from "./backup";
export { BENCHES, type BenchName, benchmarksOf } from "./benchmarks";
export {
  BACKEND_NOT_BUILT,
  type Benchmark,
  type BenchSetup,
  type Room,
  remove,
  roomOf,
  shortOf,
  type Tools,
} from "./benchmarks/setup";
export { emitSynthetic, relay } from "./by-hand";
export {
  type Contest,
  type Contestant,
  type ContestResult,
  contest,
  type Standing,
} from "./contest";
export type { BenchErrorCode } from "./errors";
export { machineFacts } from "./machine";
export type { Making } from "./making";
export { type MemoryRun, memoryOf, memoryPlot, memoryTable, watchMemory } from "./memory";
export { contestTable, median, plot, spread } from "./report";
export { scanOnce } from "./scan-once";
export { SyntheticScanner } from "./synthetic-scanner";
export { makeBenchTree, makeLargeFile, makeLinkTree, SHAPES, type Shape } from "./trees";
