/* Limits of the scan engine, each with its reason. */
#ifndef HPC_SCAN_LIMITS_H
#define HPC_SCAN_LIMITS_H

#include "hpc_scan.h"

/* getdents64 buffer: about 2,000 names a call; larger buffers measured no faster. */
#define DIRENT_BYTES         (64u * 1024u)
/* The same while the backlog is above its bound: a level of a deep tree then adds about a hundred
 * names, not thousands. */
#define DIRENT_BYTES_PRESSED (4u * 1024u)
/* Stripes of a directory of Lustre that are looked at; one with more counts as not striped. */
#define MDT_STRIPES_MAX      2000u
/* Names known and not yet worked off, above which directories are read in small steps and not by
 * thieves. About 6 MiB. */
#ifndef BACKLOG_MAX /* the tests set a small one */
#define BACKLOG_MAX 32768u
#endif
/* A directory's names are split into pieces of this many, so that idle threads may take some: 64
 * stats of 150 us are 10 ms. */
#define CHUNK_NAMES          64u
/* Records gathered by one thread before they go to the ring; with the block's head 16 pages. */
#define BLOCK_BYTES          (64u * 1024u - 64u)
/* ... or this many bytes when the consumer waits for anything at all. */
#define BLOCK_HUNGRY_BYTES   (32u * 1024u)
/*
 * What is worth a call of hpc_scan_next(): this part of the entries that the ring may hold, or so
 * many bytes. A consumer that is faster than the scan would wake for every block. With content the
 * copying counts, and less stays in the processor's cache: 8 % of the time of files of 4 KiB.
 */
#define GATHER_PARTS         2u
#define GATHER_BYTES         (1024u * 1024u)
#define GATHER_CONTENT_BYTES (128u * 1024u)
/* How long it waits for that when there is less, in milliseconds. */
#define GATHER_MS            5
/* Blocks kept for the next records, beside one for each thread: what one call of hpc_scan_next()
 * gives back at most. Unmapping one interrupts every core. */
#define SPARE_BLOCKS         (HPC_SCAN_MIN_CAP / (64u * 1024u))
/* C code on a scan thread needs a few KiB of stack; 128 threads must stay cheap. */
#define THREAD_STACK         (128u * 1024u)
/* Directories held open for their children. More would only hold memory of the kernel and open
 * handles on servers. */
#define HELD_FDS_MAX         2048
/* Roots held until the end of the scan; others are found again when they must be opened again. */
#define ROOTS_HELD           16
/* Descriptors one thread may need beside the held ones: directory, its parent reopened, a step of
 * the way there, a file. */
#define FDS_PER_THREAD       4
/* An entry that is replaced each time we look at it is reported after this many looks. */
#define LOOKS_MAX            4
/* How long a thread waits for a descriptor when the process has none left, in milliseconds. */
#define FD_WAIT_MS           5000
/*
 * One read of so many is timed. One that took longer, and a nanosecond for each byte, did not find
 * its file in the page cache, or the thread lost its processor, as it does all the time where
 * everybody has something to do: so the next ones that are timed must have slept, too.
 */
#define AHEAD_SAMPLE         4u
#ifndef AHEAD_SLOW_NS /* to two of the test programs every read is slow, */
#define AHEAD_SLOW_NS INT64_C(30000)
#endif
#ifndef AHEAD_SLEEPS /* and to one of them it need not have slept */
#define AHEAD_SLEEPS 1
#endif
#define AHEAD_SLOW_READS   2u
/*
 * Files that are asked for before it is their turn; and how many are before a slow read must be
 * seen again: few, because where only some files are not in the page cache the others are opened
 * twice in vain, and more each time that this happens again within so many reads that are timed.
 */
#define AHEAD_FILES        16u
#define AHEAD_NAMES_MIN    32u
#define AHEAD_NAMES_MAX    512u
#define AHEAD_SOON         16u
/* Names of extended attributes: room on the stack for what files ordinarily have, and what Linux
 * allows at most (XATTR_LIST_MAX). */
#define XATTR_FEW_BYTES    1024
#define XATTR_LIST_BYTES   65536
/* A thread's xattr block, to begin with; it grows to HPC_XATTR_BLOCK. Above the second bound it
 * is given back after the entry. */
#define XATTR_BLOCK_BYTES  4096u
#define XATTR_BLOCK_KEEP   (128u * 1024u)
/* How long a thread sleeps that sees only directories it may not continue. */
#define IDLE_POLL_MS       20
/* An operation that took less was answered from a cache. */
#define BACK_OFF_SAMPLE_NS INT64_C(50000)
/* Operations whose mean is looked at: one slow answer is not a slow server. */
#define BACK_OFF_WINDOW    256
/* So many times the best mean, and more than the floor, is slow; less than so many times is near
 * it. */
#define BACK_OFF_SLOW      4
#define BACK_OFF_FLOOR_NS  INT64_C(1000000)
#define BACK_OFF_NEAR      2
/* By this part the best mean grows with each window that is not better: it doubles in 90. */
#define BACK_OFF_FORGET    128

#endif
