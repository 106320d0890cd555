import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoName } from "@podheitor/hpc-base";
import {
  countsOf,
  type FramesStop,
  SCAN_MAX_THREADS,
  SCAN_MIN_CAP,
  SCAN_STATS,
  SCAN_STATS_BYTES,
} from "@podheitor/hpc-wire";
import { HpcError } from "../errors";
import { loopTurn } from "../loop-turn";
import { type ScanLibrary, scanLibrary } from "../native-library";
import type { EntryBatch, FillFrames, ScanControl, ScanOptions, ScanStats } from "../scanner";
import { type ScannerCapabilities, TreeScanner } from "../tree-scanner";
import type { FileIdentity, NativeFrames } from "./frames";
import { CLOSE_GRACE_MS, CLOSE_POLL_MS, PULL_TIMEOUT_MS } from "./limits";
import { badOptions, encodeScanOptions } from "./options";

const { EAGAIN, EBUSY, ECANCELED, EINVAL } = constants.errno;

const NATIVE_CAPABILITIES: ScannerCapabilities = {
  threads: SCAN_MAX_THREADS,
  longPaths: true,
  pinsDirectories: true,
  refuses: [],
};

/** How a scan is started, beside what it is asked to do. */
export interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where libhpcscan may be, in this order. Default: beside this package, or beside the bundle. */
  readonly nativeLibrary?: readonly string[] | undefined;
}

/**
 * Starts a scan by libhpcscan's threads. Main thread only. Throws HpcError when the library is
 * not there or cannot be used, HpcError HPC_SCAN_OPTIONS or HPC_SCAN_ENGINE.
 */
export function openNativeScanner(options: ScanOptions & StartOptions): NativeScanner {
  const library = scanLibrary(options.nativeLibrary);
  const encoded = encodeScanOptions(options);
  const handle = library.start(encoded, encoded.length);
  if (handle === -EINVAL) throw badOptions("the native engine refuses them"); // a bound of C's that is not checked here
  if (handle <= 0) throw engineError("cannot start", handle);
  return new NativeScanner(library, handle, options);
}

/** Pulls whole batches, and lets the event loop turn in between. */
class NativeScanner extends TreeScanner {
  readonly capabilities = NATIVE_CAPABILITIES;
  readonly #library: ScanLibrary;
  /** Room for one entry with the longest path, content and attributes, or 12,000 ordinary ones. */
  readonly #buffer = Buffer.allocUnsafeSlow(SCAN_MIN_CAP);
  #handle: number; // 0 = closed
  #control: ScanControl;
  #pulling = false;
  #ended = false;
  #stopped = false;
  #lastStats: ScanStats | undefined;

  constructor(library: ScanLibrary, handle: number, options: ScanOptions & StartOptions) {
    super(options.signal);
    this.#library = library;
    this.#handle = handle;
    this.#control = { metadataOps: options.metadataOps ?? 0 };
  }

  async next(): Promise<EntryBatch | undefined> {
    await this.#begin();
    try {
      while (!this.#ended) {
        const n = this.#library.next(this.#handle, this.#buffer, SCAN_MIN_CAP, PULL_TIMEOUT_MS);
        if (n > 0) return { bytes: this.#buffer.subarray(0, n) };
        if (n === 0) this.#ended = true;
        else if (n !== -EAGAIN) throw failure(n);
        else await this.#turn();
      }
      return undefined;
    } finally {
      this.#pulling = false;
    }
  }

  async frames(
    maker: NativeFrames,
    fill: FillFrames,
    own: ReadonlySet<FileIdentity>,
  ): Promise<FramesStop> {
    await this.#begin();
    try {
      fill((buffer, length, to) => {
        const filled = maker.scan(this.#handle, to, buffer, length, own);
        if (typeof filled === "number") throw failure(filled);
        return filled;
      });
      return maker.stop;
    } finally {
      this.#pulling = false;
    }
  }

  async #begin(): Promise<void> {
    if (this.#pulling) throw new TypeError("a Scanner is not re-entrant: await the call before");
    this.#pulling = true;
    try {
      await this.#turn();
    } catch (error) {
      this.#pulling = false;
      throw error;
    }
  }

  async #turn(): Promise<void> {
    await loopTurn();
    if (this.#stopped) throw stoppedError();
  }

  stop(): void {
    this.#stopped ||= !this.#ended;
    if (this.#handle !== 0) this.#library.stop(this.#handle);
  }

  stats(): ScanStats {
    if (this.#lastStats) return this.#lastStats;
    const out = Buffer.alloc(SCAN_STATS_BYTES);
    this.#library.stats(this.#handle, out, out.length);
    const counts = countsOf(SCAN_STATS, out);
    const waits = {
      waitedMs: counts.waitedNs / 1e6,
      throttledMs: counts.throttledNs / 1e6,
      receiverMs: counts.receiverNs / 1e6,
    };
    return { ...counts, waits };
  }

  control(change: ScanControl): void {
    if (this.#handle === 0) return;
    const control = { ...this.#control, ...change };
    const { threads = 0, metadataOps = 0, paused = false } = control;
    if (this.#library.control(this.#handle, threads, metadataOps, paused ? 1 : 0) !== 0)
      throw badOptions("threads or metadataOps are out of their bounds");
    this.#control = control;
  }

  idleExcludes(): number[] {
    const idle = Buffer.alloc(this.#library.idleExcludes(this.#handle, Buffer.alloc(1), 0));
    this.#library.idleExcludes(this.#handle, idle, idle.length);
    return [...idle.entries()].flatMap(([index, is]) => (is === 1 ? [index] : []));
  }

  /**
   * A thread that hangs in the kernel after the grace is left behind: nothing can end it, and
   * nothing waits for it.
   */
  protected async release(): Promise<void> {
    this.stop();
    const giveUp = performance.now() + CLOSE_GRACE_MS;
    this.#lastStats = this.stats();
    const handle = this.#handle;
    this.#handle = 0;
    while (this.#library.free(handle, CLOSE_POLL_MS) === -EBUSY && performance.now() < giveUp)
      await sleep(CLOSE_POLL_MS);
  }
}

/** What the engine answered, instead of bytes. */
function failure(result: number): HpcError {
  return result === -ECANCELED ? stoppedError() : engineError("failed", result);
}

function stoppedError(): HpcError {
  return new HpcError("HPC_SCAN_STOPPED", "the scan was stopped", "Start another scan.");
}

function engineError(what: string, result: number): HpcError {
  const remedy = "Look at the memory and thread limits of the process (ulimit -u, cgroup).";
  return new HpcError("HPC_SCAN_ENGINE", `the scan engine ${what}: ${errnoName(-result)}`, remedy);
}
