/** Every limit and default of this package, with its reason. */

const KIB = 1024;
export const MIB = 1024 * KIB;

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

/** One positioned read of a large file, and so the payload of its `D` frames (at most 999,999). */
export const READ_SIZE = 512 * KIB;

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
 * Streams of entries that may feed one job, each with the link groups of a job (docs/ptcomm.md):
 * together what a number of JavaScript tells apart, 2^53.
 */
export const STREAM_GROUPS = 2 ** 40;
export const LINK_STREAMS = 8191;

/** Progress events per second are 1000 / this. */
export const PROGRESS_MS = 250;

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
