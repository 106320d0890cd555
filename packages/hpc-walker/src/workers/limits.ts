/** Limits of the TypeScript engine, with their reasons. */

/**
 * Workers. Each costs 8 to 9 MiB of memory before it does anything, and eight keep a process that
 * also holds a backend below 256 MiB. Not bounded by the cores: on a network filesystem workers
 * wait, they do not compute.
 */
export const MAX_WORKERS = 8;
/**
 * Bytes of a slot (at least): large enough that a hand-over costs nothing per entry, about 300
 * entries.
 */
export const SLOT_BYTES = 64 * 1024;
/**
 * Slots: two for each worker, so that it can go on while one is read, and some for a slow consumer.
 */
export const maxSlots = (workers: number): number => 2 * workers + 8;
/**
 * Names that are read from a directory at a time; what they give is worked off before the next are
 * read.
 */
export const NAMES_PER_READ = 512;
/** Names that one worker gives another at a time from a large directory. */
export const NAMES_PER_GIFT = 64;
/**
 * Directories that lie ready for each worker that waits: to wake one costs as much as listing one
 * or two small directories.
 */
export const DIRS_PER_WAITING = 8;
/** A worker looks whether others are hungry after this many names. */
export const NAMES_PER_LOOK = 16;
/**
 * Large directories that one worker keeps open, half read. Beyond, the rest of a directory is read
 * at once, so that memory grows with the sub-directories of that directory: it takes 32 nested
 * directories of more than 512 names each to get there.
 */
export const MAX_STREAMS = 32;
/** The shared stack of work: gifts are small and taken at once, so a few per worker are enough. */
export const STACK_BYTES = 1024 * 1024;
/**
 * An entry that is replaced each time we look at it is reported after this many looks. The native
 * engine does the same.
 */
export const LOOKS_MAX = 4;
/**
 * PATH_MAX with its NUL: what Linux takes in one call. This engine has no other way to name a file.
 */
export const PATH_MAX = 4096;
/**
 * How long close() lets a worker end by itself before it is terminated; an idle one needs a
 * millisecond.
 */
export const END_GRACE_MS = 1000;
/** How long close() waits for a worker that hangs in a system call. */
export const CLOSE_GRACE_MS = 5000;
