import { openNativeScanner, type StartOptions } from "./native/native-scanner";
import type { ScanOptions } from "./scanner";
import type { TreeScanner } from "./tree-scanner";
import { openWorkersScanner, type WorkersOptions } from "./workers/workers-scanner";

/** What holds where nothing else is asked for. */
const DEFAULTS = {
  threads: 16,
  inlineBytes: 0,
  keepOlder: false,
  serialDirectories: false,
  ringEntries: 8192,
  ringBytes: 8 * 2 ** 20,
} as const;

export interface CreateScannerOptions
  extends Partial<ScanOptions>,
    StartOptions,
    Pick<WorkersOptions, "trustedTree"> {
  readonly paths: ScanOptions["paths"];
  /**
   * `native` needs libhpcscan; `workers` needs nothing but Node, and can do less:
   * `scanner.capabilities`. Default: native.
   */
  readonly engine?: "native" | "workers";
}

/**
 * Starts a scan: of 16 threads, without content, unless asked otherwise. Throws the reason of a
 * signal that has fired already, HpcError when libhpcscan cannot be had, HpcError for bad
 * options, and HPC_ENGINE_REFUSED when root asks for `workers` without `trustedTree`.
 *
 *     for await (const batch of createScanner({ paths: ["/data"] })) bytes += batch.bytes.length;
 */
export function createScanner(options: CreateScannerOptions): TreeScanner {
  options.signal?.throwIfAborted();
  const asked = { ...DEFAULTS, ...options };
  return options.engine === "workers" ? openWorkersScanner(asked) : openNativeScanner(asked);
}
