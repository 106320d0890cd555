/*
 * What predictions rest on. A prediction is as good as these, so they are printed beside it and can
 * be given.
 */

/**
 * Files per second of one job: this plugin, files of 1 KiB, MD5, warm cache, two cores for all
 * daemons: 20,000 to 25,000 on 9.6.7 and on 15.0.3.
 */
export const FILES_PER_SECOND = 20_000;

/**
 * Bytes per second of one job, in MB. An assumption for a disk volume behind 10 GbE, not a
 * measurement: give your own.
 */
export const MEGABYTES_PER_SECOND = 200;

/**
 * Bytes that a Full adds to the catalog for each entry, its indexes included: 131 to 182 measured,
 * SQLite, 40,201 entries with names of 18 bytes, 9.6.7 and 15.0.3; the first Full of a tree is the
 * largest.
 */
export const CATALOG_BYTES_PER_ROW = 180;
