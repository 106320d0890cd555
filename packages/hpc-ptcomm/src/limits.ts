/**
 * Limits of the protocol's TypeScript side, and their reasons. What both ends must agree on is in
 * hpc-wire.
 */

/**
 * Silence after which the backend sends a heartbeat, in milliseconds; the plugin gives up
 * after several of these.
 */
export const HEARTBEAT_MS = 5_000;

/**
 * What a `FrameWriter` holds before its owner should write it out: a pipe of 1 MiB takes 64 KiB at
 * half the speed, and what is written from the processor's own cache (1 MiB and two buffers here)
 * costs a copy less: a mebibyte took 1.15 times as long.
 */
export const FLUSH_BYTES = 256 * 1024;

/** Room of a `FrameWriter` beyond a flush, for the frames that cross the line (most are small). */
export const FLUSH_ROOM = 64 * 1024;

/** First allocation of a `FrameWriter`. */
export const WRITER_BYTES = FLUSH_BYTES + FLUSH_ROOM;

/**
 * Pairs in a plugin string, and keys in a job block. Far beyond what a person writes; a bound all
 * the same.
 */
export const MAX_PAIRS = 4_096;

/**
 * Bytes in all commands of one block (job or parameters) together; Bacula's own limit for a FileSet
 * line is far below.
 */
export const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
