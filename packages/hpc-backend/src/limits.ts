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
 * What a pipe may hold: what an ordinary user is allowed. With 64 KiB, the default, one write of
 * frames sleeps four times.
 */
export const PIPE_SIZE = 1 * MIB;
/**
 * What is gathered for one write to a file: each is a way through the thread pool. An archive of
 * small files takes 0.92 of the time that it takes with 256 KiB.
 */
export const FILE_FLUSH = 1 * MIB;
/**
 * A quiet job hands over what it has after this long, so that the receiver's stall clock and CHECK
 * answers move.
 */
export const FLUSH_IDLE_MS = 50;

/** One positioned read of a large file, and so the payload of its `D` frames (at most 999,999). */
export const READ_SIZE = 512 * KIB;
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
 * Holes shorter than this are read as the zeros that they are: a block of every filesystem we know
 * is at least this long, and restore makes holes of zero blocks.
 */
export const MIN_HOLE = 4 * KIB;
/**
 * Holes of one file that are told apart (docs/ptcomm.md: 32,768 in a record); with more of them the
 * smallest are read. Most files have few.
 */
export const HOLES_FEW = 256;
export const HOLES_MAX = 32_768;

/**
 * Hard-link groups held in memory, each with the full name of its leader: about 260 bytes with an
 * ordinary name, so 17 MiB. More go to a file in the working directory.
 */
export const LINK_GROUPS = 65_536;

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

/** Progress events per second are 1000 / this. */
export const PROGRESS_MS = 250;

/** With drop-behind: how much at once, and how far behind what was read: more than a pipe holds. */
export const DROP_PIECE = 16 * MIB;
export const DROP_LAG = 4 * MIB;

/** How often a fifo that nobody reads yet is tried again: unnoticed by people, and no work. */
export const FIFO_POLL_MS = 20;
/**
 * Shards of one set whose archives, if they are there already, are looked for beside the one that
 * is written.
 */
export const SIBLINGS_MAX = 1024;

/**
 * What an archive may say of its job, mostly its paths: these bytes, each line with so many more
 * for its place in memory. That is 350,000 paths, and bounds what an endless row of lines costs
 * whoever reads it.
 */
export const FACTS_BYTES = 64 * MIB;
export const FACT_COST = 128;

/** One read of an archive. */
export const ARCHIVE_READ_SIZE = 1 * MIB;

/** Frames handed to the restore core in one call: large enough to make the call's cost vanish. */
export const FEED_SIZE = 1 * MIB;
/** Room for failure reports of one call; more entries than fit are reported by the next one. */
export const FAILURES_SIZE = 256 * KIB;
/**
 * One message per failed entry up to here (of each level), so that a dead filesystem does not fill
 * the catalog; the rest are counted.
 */
export const MESSAGES_MAX = 1_000;

/**
 * Verify: archived names that are held at once while the tree is walked, 12 bytes in at most two
 * slots each: 48 MiB. A larger archive takes as many walks as it has times this many names.
 */
export const NAMES_PER_PASS = 2_000_000;
/**
 * Verify: notes of an archive that are held to tell why something is missing, a few hundred bytes
 * each; more are not looked at.
 */
export const NOTES_MAX = 100_000;

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
