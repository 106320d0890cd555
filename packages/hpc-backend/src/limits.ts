/** Every limit and default of this package, with its reason. */

const KIB = 1024;
export const MIB = 1024 * KIB;

/**
 * Byte bound of the scan ring. Eight batches: enough to hide the emitter's pauses, small enough for
 * 96 MiB in all.
 */
export const RING_BYTES = 8 * MIB;

/**
 * A run of ordinary entries, in a batch or straight from the scan, with fewer than this does not
 * pay for its call into C (10 µs; an entry by itself costs half a microsecond).
 */
export const RUN_SHORT = 32;
/**
 * Entries that are taken one at a time between two short runs, at most: a tree of hard links costs
 * one call for as many.
 */
export const RUN_SKIP_MAX = 256;
/**
 * Batches that are taken between two calls for frames of which few came, at most: a tree of hard
 * links costs one call for as many.
 */
export const PULL_SKIP_MAX = 16;
/**
 * A quiet job hands over what it has after this long, so that the receiver's stall clock and CHECK
 * answers move.
 */
export const FLUSH_IDLE_MS = 50;
/**
 * Runs of data from this on are moved to the pipe without reading them, after a first block: a
 * shorter one does not pay for a call into another thread (0.1 ms).
 */
export const STREAM_MIN = 1 * MIB;
/**
 * Of one such call: a few milliseconds to a receiver that takes everything, a second to one of 64
 * MiB/s. Progress is told between two.
 */
export const STREAM_PIECE = 64 * MIB;
/**
 * With a limit of bandwidth, what is moved or written before it is waited for: a quarter of a
 * second's worth, but not less than this.
 */
export const PACE_MIN = 256 * KIB;
/**
 * Large files that are opened, and whose first block is read, before their turn: eight read
 * buffers, 4 MiB.
 */
export const OPEN_AHEAD = 8;
/**
 * Descriptors that a backup needs beside those of the process: the scan's few, eight files read
 * ahead in each of two passes, and three for each thread that opens.
 */
export const DESCRIPTORS_FREE = 40;
/** Threads that open them: what libuv's pool had for it before. */
export const OPENERS = 4;
/**
 * Roots that are held open for it at once; a list of a million files has as many roots, and is no
 * reason to run out of descriptors.
 */
export const ROOTS_HELD = 32;

/**
 * A CHECK batch is also closed at this size: it must fit one frame (999,999 bytes) with its longest
 * name (256 KiB).
 */
export const CHECK_BYTES = 512 * KIB;

/**
 * Cancel: the engine may take this long to end its threads; then the process kills itself. One
 * second in all.
 */
export const CANCEL_GRACE_MS = 600;

/** With drop-behind: how much at once, and how far behind what was read: more than a pipe holds. */
export const DROP_PIECE = 16 * MIB;
export const DROP_LAG = 4 * MIB;

/**
 * Shards of all sets of one tree that are looked at, and the bytes of a record of one: it is a few
 * hundred.
 */
export const SHARD_RECORDS_MAX = 4096;
export const SHARD_RECORD_MAX = 4096;

/**
 * No more often than so is the state of Lustre's targets asked in the middle of a job: operations
 * fail by the thousand then.
 */
export const TARGETS_AGAIN_MS = 5_000;

/**
 * Paths that a job could not see, for the next one to walk whole; more of them, and all is walked.
 */
export const UNSEEN_BYTES = 1 * MIB;
/**
 * Jobs of one set of paths of which that is remembered: a Full that later Differentials build on is
 * not the last one. And the file with all of them.
 */
export const UNSEEN_JOBS = 16;
/** Older ones are kept by name: what they could not see is then everything. */
export const UNSEEN_NAMES = 4096;
export const UNSEEN_FILE_MAX = 64 * MIB;
