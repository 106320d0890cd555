/**
 * Limits of the native engine's TypeScript side, with their reasons; those of the C side are in
 * shim-c/scan/limits.h.
 */

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
