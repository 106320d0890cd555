import { NativeError } from "@podheitor/hpc-native";
import { openNativeScanner } from "./native-scanner";
import type { Scanner } from "./scanner";
import { mayUseWorkers, openWorkersScanner, type WorkersOptions } from "./workers-scanner";

/**
 * Which engine to use. `auto`: native, and otherwise, but not for root, the TypeScript engine,
 * which `onFallback` is told about.
 */
export type EngineChoice = "auto" | "native" | "workers";

/** Why the TypeScript engine runs although the native one was wanted. */
export interface Fallback {
  readonly reason: string;
  readonly remedy: string;
  /** What is different now, one sentence. */
  readonly consequence: string;
}

/** What the TypeScript engine cannot do, because Node has neither openat(2) nor d_ino. */
export const WORKERS_CONSEQUENCE =
  "The TypeScript engine scans: paths beyond 4,095 bytes are reported as errors, every name is looked up by its whole path, " +
  "so that a parent directory which is replaced by a symlink during the scan is followed, a shard has to stat the names of " +
  "all others, at most 8 operations are under way at once, and extended attributes, ACLs, inode flags and holes are not read.";

const WORKERS_AND_XATTRS = {
  reason: "the TypeScript engine was asked for, and extended attributes, which Node cannot read",
  remedy: "Use the native engine, or do not ask for extended attributes.",
} as const;

export interface CreateScannerOptions extends WorkersOptions {
  readonly engine: EngineChoice;
  /** Where libhpcscan may be, in this order. Default: beside this package, or beside the bundle. */
  readonly nativeLibrary?: readonly string[];
  /**
   * Told at most once for each scanner: when `auto` has to take the TypeScript engine, or when that
   * was asked for, and xattrs too.
   */
  readonly onFallback?: (fallback: Fallback) => void;
}

/**
 * Starts a scan. Throws NativeError when `native` was asked for and cannot be had, or nothing else
 * may be taken; WalkerError for bad options, and HPC_ENGINE_REFUSED when root asks for `workers`
 * without `trustedTree`.
 */
export function createScanner(options: CreateScannerOptions): Scanner {
  if (options.engine === "workers") {
    if (options.xattrs)
      options.onFallback?.({ ...WORKERS_AND_XATTRS, consequence: WORKERS_CONSEQUENCE });
    return openWorkersScanner(options);
  }
  try {
    return openNativeScanner(options, options.nativeLibrary);
  } catch (error) {
    if (
      options.engine === "native" ||
      !mayUseWorkers(options) ||
      !(error instanceof NativeError) ||
      error.code === "HPC_UNTRUSTED_FILE"
    )
      throw error;
    options.onFallback?.({
      reason: error.message,
      remedy: error.remedy,
      consequence: WORKERS_CONSEQUENCE,
    });
    return openWorkersScanner(options);
  }
}
