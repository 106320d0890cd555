/**
 * Limits of the native engine's TypeScript side, with their reasons; those of the C side are in
 * shim-c/scan/limits.h.
 */

/**
 * One pull's buffer: `HPC_SCAN_MIN_CAP`, room for one entry with the longest path, content and
 * attributes at once. It is about 12,000 ordinary entries, so a call costs nothing per entry.
 */
export const PULL_BYTES = 2 * 1024 * 1024;
/**
 * How long a pull, or a call for frames, may hold the main thread when there is nothing, and half
 * of it (`GATHER_MS`) when there is little.
 */
export const PULL_TIMEOUT_MS = 10;
/**
 * Pulls follow one another for so long, and a call for frames goes on for so long, before timers,
 * signals and finished writes have their turn: those wait for this, and for one more pull and batch
 * of each scan.
 */
export const TURN_MS = 5;
/** How long close() waits for a thread that hangs in the kernel. */
export const CLOSE_GRACE_MS = 5000;
/** Between two looks at such a thread. */
export const CLOSE_POLL_MS = 5;
/**
 * `THREADS_MAX`, `HPC_SCAN_MAX_INLINE` and `HPC_SCAN_MAX_PATH` of shim-c/scan: what the C engine
 * takes.
 */
export const MAX_THREADS = 512;
export const MAX_INLINE = 512 * 1024;
export const MAX_ROOT = 256 * 1024;
/** `HPC_SCAN_ABI` of shim-c/scan/hpc_scan.h: the interface that this package speaks. */
export const SCAN_ABI = 9;
