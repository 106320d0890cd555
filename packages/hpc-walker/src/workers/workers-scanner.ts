/// <reference lib="es2024.sharedmemory" />
import { Worker } from "node:worker_threads";
// An addon has to be loaded by the main thread before a worker loads it.
import "@node-rs/xxhash";
import { HpcError } from "../errors";

import { loopTurn } from "../loop-turn";
import { badOptions, encodeScanOptions, namesOf } from "../native/options";
import type { EntryBatch, ScanOptions, ScanStats } from "../scanner";
import { type ScannerCapabilities, TreeScanner } from "../tree-scanner";
import { CLOSE_GRACE_MS, END_GRACE_MS, MAX_WORKERS } from "./limits";
import { allocateMemory, type ScanMemory, signal, statsOf, stopAll, Word } from "./memory";
import type { WorkerSetup } from "./setup";
import { SlotReader } from "./slots";
import { type Gift, giftBytes, Work, WorkStack } from "./stack";
import { workerFile } from "./worker-file";

/** Node has neither openat(2) nor d_ino nor xattrs, and no thread that waits is cheap. */
const WORKERS_CAPABILITIES: ScannerCapabilities = {
  threads: MAX_WORKERS,
  longPaths: false,
  pinsDirectories: false,
  refuses: [
    "whole",
    "xattrs",
    "metadataOps",
    "backOff",
    "readAhead",
    "skipReleased",
    "projects",
    "mdts",
  ],
};

/** How this engine is started, beside what it is asked to do. */
export interface WorkersOptions {
  /**
   * Nobody but root may write to anything below the paths. Only with this promise does the workers
   * engine run for root: whoever may write there could lead it, by a symlink in a directory's
   * place, to files that only root may read. Default: no.
   */
  readonly trustedTree?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a scan by worker threads that call node:fs; no C is needed. Throws HpcError
 * HPC_SCAN_OPTIONS or HPC_SCAN_ENGINE; HPC_ENGINE_REFUSED for root without `trustedTree`.
 */
export function openWorkersScanner(options: ScanOptions & WorkersOptions): TreeScanner {
  if (!options.trustedTree && process.geteuid?.() === 0) {
    const why =
      "the workers engine is not for root: it follows a directory that a user exchanges for a symlink";
    const remedy =
      "Use the native engine (`npm run build`), run as another user, or say that the tree is trusted.";
    throw new HpcError("HPC_ENGINE_REFUSED", why, remedy);
  }
  const asked = WORKERS_CAPABILITIES.refuses.filter((name) => isAsked(options[name]));
  if (asked.length > 0)
    throw badOptions(`the workers engine cannot keep ${asked.join(", ")}; the native engine can`);
  encodeScanOptions(options); // only for what it refuses
  const roots = namesOf(options).paths.map(rootGift);
  const workers = Math.min(options.threads, MAX_WORKERS);
  const memory = allocateMemory(
    options,
    workers,
    roots.reduce((sum, root) => sum + giftBytes(root) + 4, 0),
  );
  const stack = new WorkStack(memory);
  // Last in, first out: pushed backwards, the roots are begun in their order.
  for (const root of roots.reverse()) {
    stack.began();
    stack.push(root);
  }
  return new WorkersScanner(options, memory, workers);
}

function isAsked(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

class WorkersScanner extends TreeScanner {
  readonly capabilities = WORKERS_CAPABILITIES;
  readonly #memory: ScanMemory;
  readonly #control: Int32Array;
  readonly #reader: SlotReader;
  readonly #workers: readonly Worker[];
  readonly #exits: readonly Promise<void>[];
  #failure: HpcError | undefined;
  #pulling = false;
  #ended = false;
  #stopped = false;

  constructor(options: ScanOptions & WorkersOptions, memory: ScanMemory, workers: number) {
    super(options.signal);
    this.#memory = memory;
    this.#control = memory.control;
    this.#reader = new SlotReader(memory);
    Atomics.store(this.#control, Word.RUNNING, workers);
    this.#workers = startWorkers(options, memory, workers);
    this.#exits = this.#workers.map((worker) => this.#watch(worker));
  }

  async next(): Promise<EntryBatch | undefined> {
    if (this.#pulling)
      throw new TypeError("Scanner.next() is not re-entrant: await the one before");
    this.#pulling = true;
    try {
      while (!this.#ended) {
        await loopTurn();
        const seen = Atomics.load(this.#control, Word.FILLED);
        // Read before the slots: what a worker filled before it ended is then seen below.
        const running = Atomics.load(this.#control, Word.RUNNING);
        if (this.#stopped) throw stoppedError();
        if (this.#failure !== undefined) throw this.#failure;
        const bytes = this.#reader.take();
        if (bytes !== undefined) return { bytes };
        if (running === 0) this.#ended = true;
        else await Atomics.waitAsync(this.#control, Word.FILLED, seen).value;
      }
      return undefined;
    } finally {
      this.#pulling = false;
    }
  }

  stop(): void {
    this.#stopped ||= !this.#ended;
    stopAll(this.#control);
  }

  stats(): ScanStats {
    return statsOf(this.#memory.counters);
  }

  /** Resolves when the worker is gone. A worker that fails ends the scan. */
  #watch(worker: Worker): Promise<void> {
    worker.on("error", (cause) => {
      this.#failure ??= new HpcError(
        "HPC_SCAN_ENGINE",
        `a worker of the scan failed: ${cause instanceof Error ? cause.message : String(cause)}`,
        "This is a defect, or the process is out of memory or threads: look at the cause, and at ulimit -u.",
        { cause },
      );
      stopAll(this.#control);
    });
    return new Promise((resolve) =>
      worker.once("exit", () => resolve(signal(this.#control, Word.FILLED))),
    );
  }

  protected async release(): Promise<void> {
    this.stop();
    const gone = Promise.all(this.#exits);
    if (await within(END_GRACE_MS, gone)) return;
    // A worker that hangs in the kernel cannot be ended by anybody: it is left behind, and nothing
    // waits for it.
    for (const worker of this.#workers) void worker.terminate();
    if (!(await within(CLOSE_GRACE_MS, gone))) for (const worker of this.#workers) worker.unref();
  }
}

function startWorkers(options: ScanOptions, memory: ScanMemory, count: number): Worker[] {
  const file = workerFile();
  const workers: Worker[] = [];
  try {
    for (let index = 0; index < count; index++)
      workers.push(startWorker(file, setupOf(options, memory, index)));
    return workers;
  } catch (cause) {
    stopAll(memory.control); // those that run already: nobody else knows of them
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = "Look at the memory and thread limits of the process (ulimit -u, cgroup).";
    throw new HpcError(
      "HPC_SCAN_ENGINE",
      `a worker of the scan cannot be started: ${why}`,
      remedy,
      { cause },
    );
  }
}

function startWorker(file: string, workerData: WorkerSetup): Worker {
  return new Worker(file, {
    workerData,
    // With these a worker never touches descriptor 1, which otherwise would become non-blocking.
    stdout: true,
    stderr: true,
    // No loaders or inspectors of the parent; and a small young generation, for entries die young.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 },
  });
}

function setupOf(options: ScanOptions, memory: ScanMemory, index: number): WorkerSetup {
  const {
    inlineBytes,
    shard,
    since,
    keepOlder,
    serialDirectories,
    oneFilesystem = false,
  } = options;
  const { paths, excludes, markers } = namesOf(options);
  const roots = paths.map((path) => rootGift(path).dir);
  const optional = {
    ...(shard && { shard }),
    ...(since !== undefined && { since }),
  };
  const selection = { roots, excludes, markers, oneFilesystem };
  return { memory, index, inlineBytes, keepOlder, serialDirectories, ...selection, ...optional };
}

function rootGift(path: Buffer): Gift {
  let length = path.length;
  while (length > 1 && path[length - 1] === 0x2f) length--;
  return { work: Work.ROOT, dir: path.subarray(0, length), dev: 0n, ino: 0n, names: [] };
}

function stoppedError(): HpcError {
  return new HpcError("HPC_SCAN_STOPPED", "the scan was stopped", "Start another scan.");
}

/** Did `promise` settle within `ms`? */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
