import type { ScanOptions } from "../scanner";
import type { ScanMemory } from "./memory";

/** What a worker is started with (`workerData`); structured-cloned, shared memory stays shared. */
export interface WorkerSetup
  extends Pick<
    ScanOptions,
    "inlineBytes" | "shard" | "since" | "keepOlder" | "serialDirectories" | "oneFilesystem"
  > {
  /** Structured cloning makes plain Uint8Arrays of Buffers. */
  readonly roots: readonly Uint8Array[];
  readonly excludes: readonly Uint8Array[];
  readonly markers: readonly Uint8Array[];
  readonly memory: ScanMemory;
  /** Which worker this is: its place in `memory.counters`. */
  readonly index: number;
}
