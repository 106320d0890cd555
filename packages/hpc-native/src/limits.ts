import { availableParallelism } from "node:os";
import type { Filesystem } from "./filesystem";

/**
 * Scan threads on a parallel or network filesystem. A metadata operation there is a round trip, and 32 threads kept 22 of
 * 32 possible operations in flight at 150 µs each, 64 and more brought little. It is polite too: a Lustre client sends at
 * most 8 requests at once to one metadata server (max_rpcs_in_flight), so more than 64 threads would only queue.
 */
export const NETWORK_THREADS = 32;
/** What `threads` may be on Lustre without a warning: one server's 8 requests in flight … 8 servers' worth. */
export const LUSTRE_THREADS = { min: 8, max: 64 } as const;
/** Threads per core on a local filesystem: two, because half of them may wait for the disk; a warm cache loses nothing by it. */
export const LOCAL_THREADS_PER_CORE = 2;

/** How many scan threads to use when the operator did not say. */
export function defaultThreads(filesystem: Pick<Filesystem, "isNetwork">, cores = availableParallelism()): number {
  return filesystem.isNetwork ? NETWORK_THREADS : Math.max(1, cores) * LOCAL_THREADS_PER_CORE;
}
