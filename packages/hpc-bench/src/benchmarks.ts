import { archive } from "./benchmarks/archive";
import { latency } from "./benchmarks/latency";
import { emit, relay } from "./benchmarks/pipes";
import { read } from "./benchmarks/read";
import type { Benchmark, BenchSetup } from "./benchmarks/setup";
import { walk } from "./benchmarks/walk";

const ALL = { walk, latency, read, archive, emit, relay } satisfies Record<
  string,
  (setup: BenchSetup) => Benchmark[]
>;

export type BenchName = keyof typeof ALL;
export const BENCHES = Object.keys(ALL) as BenchName[];

/** The contests of one benchmark. */
export function benchmarksOf(name: BenchName, setup: BenchSetup): Benchmark[] {
  return ALL[name](setup);
}
