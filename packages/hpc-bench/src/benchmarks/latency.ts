import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "../contest";
import { type Peer, takePart } from "../peers";
import { mountSlowly, unmount } from "../slow-mount";
import { makeBenchTree, type Shape } from "../trees";
import { type Benchmark, type BenchSetup, count, fresh, remove, roomOf } from "./setup";
import { bfs, fd, find, fpart, ours, rsync, scanlimit } from "./walk";

const THREADS = [32, 8, 128] as const;
const ALL_THREADS = [32, 1, 2, 4, 8, 16, 64, 128] as const;
const FD_THREADS = 64;

/**
 * Walks while every metadata operation of every contestant takes its time. Those that do one thing
 * at a time walk a smaller tree, or a round would take a quarter of an hour.
 */
export function latency(setup: BenchSetup): Benchmark[] {
  const { entries } = setup;
  return [
    slowWalk(setup, "latency-walk", "ordinary", Math.ceil(entries * 0.4), THREADS, (tree) => [
      ...THREADS.map((threads) => scanlimit(setup, tree, threads)),
      find(tree),
      fd(tree, FD_THREADS),
    ]),
    slowWalk(setup, "latency-peers", "ordinary", Math.ceil(entries * 0.05), [32], (tree) => [
      find(tree),
      bfs(tree),
      fpart(tree),
      rsync(tree),
    ]),
    slowWalk(setup, "latency-flat", "flat", Math.ceil(entries * 0.05), [32], (tree) => [
      find(tree),
      fd(tree, FD_THREADS),
    ]),
    slowWalk(
      setup,
      "latency-threads",
      "ordinary",
      Math.ceil(entries * 0.05),
      ALL_THREADS,
      (tree) => [find(tree)],
    ),
    slowMount(setup),
  ];
}

/**
 * Through FUSE, where what waits is a process that answers, as behind a network, and its work takes
 * processor time of the same machine.
 */
function slowMount(setup: BenchSetup): Benchmark {
  const { folder, latencyMicroseconds, tools } = setup;
  const entries = Math.ceil(setup.entries * 0.02);
  const [below, mount] = [join(folder, "below"), join(folder, "mount")];
  const peers = [
    scanlimit(setup, mount, 32),
    find(mount),
    bfs(mount),
    fd(mount, FD_THREADS),
    fpart(mount),
    rsync(mount),
  ];
  const { contestants, missing } = takePart(peers);
  const own = [32, 8].map(
    (n): Contestant => ({ name: `podheitor-hpc, ${n} threads`, argv: ours(setup, mount, n) }),
  );
  const absent = tools.labfs === undefined ? "labfs (make -C shim-c/labfs)" : whyNoFuse();
  return {
    name: "latency-fuse",
    title: `Walk through FUSE with ${latencyMicroseconds} µs to each metadata operation`,
    facts: `${count(entries)} names; each stat, listing and open of labfs takes so much longer`,
    contestants: absent === undefined ? [...own, ...contestants] : [],
    missing: absent === undefined ? missing : [absent],
    against: "find",
    needs: roomOf("ordinary", entries, 0),
    prepare: async (how) => {
      await fresh(below, () => makeBenchTree(below, "ordinary", entries, 0, how));
      mountSlowly(tools.labfs ?? "", below, mount, latencyMicroseconds);
    },
    release: () => unmount(mount),
    clean: () => remove(below, mount),
  };
}

function whyNoFuse(): string | undefined {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return "/dev/fuse";
  }
}

function slowWalk(
  setup: BenchSetup,
  name: string,
  shape: Shape,
  entries: number,
  threads: readonly number[],
  peersOf: (tree: string) => Peer[],
): Benchmark {
  const tree = join(setup.folder, name);
  const { contestants, missing } = takePart(peersOf(tree));
  const own = threads.map(
    (n): Contestant => ({ name: `podheitor-hpc, ${n} threads`, argv: ours(setup, tree, n) }),
  );
  const one: Benchmark = {
    name,
    title: `Walk with ${setup.latencyMicroseconds} µs to each metadata operation, ${shape}`,
    facts: `${count(entries)} names; each stat, open of a directory and open of a file sleeps first`,
    contestants: [...own, ...contestants],
    missing,
    against: "find",
    needs: roomOf(shape, entries, 0),
    prepare: (how) => fresh(tree, () => makeBenchTree(tree, shape, entries, 0, how)),
    clean: () => remove(tree),
  };
  return slowed(setup, one, tree);
}

/** Each metadata operation in `tree` takes its time, whoever does it. */
export function slowed(
  { latencyMicroseconds, tools }: BenchSetup,
  one: Benchmark,
  tree: string,
): Benchmark {
  // Without the library nobody would be slow, and figures would say nothing.
  if (tools.latency === undefined)
    return { ...one, contestants: [], missing: ["latency.so (make -C shim-c/latency)"] };
  const env = {
    LD_PRELOAD: tools.latency,
    LATENCY_US: String(latencyMicroseconds),
    LATENCY_BELOW: tree,
  };
  return { ...one, contestants: one.contestants.map((contestant) => ({ ...contestant, env })) };
}
