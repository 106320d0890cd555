import { availableParallelism } from "node:os";
import type { Filesystem } from "./filesystem";

/**
 * Scan threads on a parallel or network filesystem. A metadata operation there is a round trip, and
 * 32 threads kept 22 of 32 possible operations in flight at 150 µs each, 64 and more brought
 * little. It is polite too: a Lustre client sends at most 8 requests at once to one metadata server
 * (max_rpcs_in_flight), so more than 64 threads would only queue.
 */
export const NETWORK_THREADS = 32;
/**
 * Of one metadata server, 8 requests at once: as many threads for each, and for a filesystem of
 * many servers no more than 64.
 */
export const LUSTRE_THREADS = { perMdt: 8, min: 8, max: 64 } as const;
/**
 * Threads per core on a local filesystem: two, because half of them may wait for the disk; a warm
 * cache loses nothing by it.
 */
export const LOCAL_THREADS_PER_CORE = 2;

/**
 * How many scan threads to use when the operator did not say. `mdts`: metadata targets of a Lustre
 * filesystem, where they can be counted.
 */
export function defaultThreads(
  filesystem: Pick<Filesystem, "isNetwork">,
  mdts?: number,
  cores = availableParallelism(),
): number {
  if (mdts !== undefined)
    return Math.min(LUSTRE_THREADS.max, Math.max(LUSTRE_THREADS.min, mdts * LUSTRE_THREADS.perMdt));
  return filesystem.isNetwork ? NETWORK_THREADS : Math.max(1, cores) * LOCAL_THREADS_PER_CORE;
}
