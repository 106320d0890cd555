/**
 * Every limit of the protocol and its reason. A number that both ends must agree on is marked
 * (wire).
 */

/** (wire) Status byte, six digits, newline. */
export const FRAME_HEADER = 8;

/** (wire) The largest payload that six decimal digits can announce. */
export const MAX_PAYLOAD = 999_999;

/** (wire) Fixed part of an entry record; `shim-c/include/hpc_entry.h` asserts the same size. */
export const ENTRY_HEAD = 128;

/**
 * (wire) The largest xattr block of an entry: it fits a B frame, with a digest behind it. The scan
 * reports what does not fit.
 */
export const XATTR_BLOCK = 900_000;

/** (wire) The longest name of an extended attribute: the kernel's XATTR_NAME_MAX. */
export const XATTR_NAME = 255;

/** (wire) Holes in one record: 512 KiB of its frame, which leaves room for any name. */
export const MAX_HOLES = 32_768;

/**
 * (wire) Entries in one CHECK batch. 512 records of ordinary names are about 100 KB: one pipe
 * buffer's worth of questions per wake-up of the File Daemon, and an answer bitmap of 64 bytes.
 */
export const CHECK_ENTRIES = 512;

/**
 * (wire) CHECK batches without an answer. One would make the scan wait for every answer; four keep
 * both ends busy while at most 2048 records wait in memory, and the answers (4 × 80 bytes) always
 * fit the pipe, so that the two ends cannot block each other.
 */
export const CHECK_UNANSWERED = 4;

/**
 * (wire) Silence after which the backend sends a heartbeat, in milliseconds; the plugin gives up
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
