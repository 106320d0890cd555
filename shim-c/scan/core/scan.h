/*
 * What the threads of one scan share, and what each of them has for itself.
 *
 * A *node* is a directory. Work comes as *items* in one deque per thread: a node to open, a node
 * whose listing goes on (stream), or a chunk of names to look at. A thread takes its newest item
 * and steals the oldest of others, so the walk goes down before it goes on, and what is known but
 * not yet done stays small however wide or deep the tree is.
 */
#pragma once

#include "../limits.h"
#include "backoff.h"
#include "deque.h"
#include "pace.h"
#include "ring.h"
#include "waits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum counter {
    SCANNED,
    HANDED_OUT,
    FILTERED_SHARD,
    FILTERED_OLDER,
    VANISHED,
    FAILED,
    DIRS_LISTED,
    DIRS_VANISHED,
    DIRS_FAILED,
    CONTENT_BYTES,
    FILTERED_EXCLUDED,
    DIRS_PRUNED_MARKER,
    DIRS_PRUNED_FILESYSTEM,
    XATTR_FAILED,
    ASKED_AHEAD,
    COUNTERS
};

struct excludes;
struct nested;
struct node;
struct whole;

struct worker {
    _Alignas(64) struct deque deque;
    struct scan *scan;
    unsigned index;
    pthread_t thread;
    bool started;
    struct block *block;
    char *dirents;              /* DIRENT_BYTES */
    uint8_t *content;           /* inline_bytes + 1, made when first needed */
    bool small_before;          /* the last regular file was read into it */
    uint32_t reads, slow_reads; /* of small files; of those that were timed, so many in a row */
    uint32_t ahead_names;       /* so many more are asked for ahead */
    uint32_t ahead_step, since_ahead; /* how many that were to begin with; reads that were timed
                                         since they were over */
    int64_t sleeps;                   /* of the thread, when the read that is timed began */
    struct node *cached; /* a directory reopened by names, and its descriptor; referenced */
    int cached_fd;
    uint64_t next_id;
    uint64_t trust_dev; /* last device asked about, and the answer */
    bool trust_known, trust;
    uint64_t *active; /* how far each exclude pattern matches the path of directory active_dir */
    uint64_t active_dir;
    char *xattr_names;    /* XATTR_LIST_MAX, made when first needed */
    uint8_t *xattr_block; /* of the entry in work */
    size_t xattr_cap;
    uint64_t xattr_dev; /* last device that had none to give, and for which kinds (bits 1 << enum
                           hpc_kind) */
    uint32_t xattr_none;
    uint64_t flags_dev; /* last device whose files were asked for flags, and whether it has more
                           than statx tells */
    bool flags_known, flags_more;
    uint64_t generation_dev; /* last device that has no generations to tell */
    bool generation_none;
    _Atomic uint64_t count[COUNTERS];
    struct waits waits;
};

struct mount_parents { /* directories in which something is mounted: d_ino is not st_ino there */
    pthread_mutex_t lock;
    bool looked, complete;
    size_t count;
    struct {
        uint64_t dev, ino;
    } * at;
};

struct scan {
    uint64_t magic;
    struct hpc_scan_options options;
    _Atomic bool stop;
    _Atomic int fatal;            /* errno that ended the scan (out of memory), 0 = none */
    _Atomic uint64_t outstanding; /* items queued or being worked on; 0 = all done */
    _Atomic uint64_t backlog;     /* names known and not yet worked off */
    _Atomic uint64_t pending, pending_peak;
    _Atomic int64_t held_fds, fds, fds_peak;
    int64_t held_max;
    _Atomic uint32_t roots_held; /* root_fds that are taken; more were wanted */
    int root_fds[ROOTS_HELD];
    _Atomic uint32_t idle;
    pthread_mutex_t idle_lock;
    pthread_cond_t work;
    uint32_t expected, finished; /* threads started, and those that have handed in their last block;
                                    under ring.lock */
    struct ring ring;
    struct mount_parents mounts;
    struct pace pace;
    struct waited waited;
    struct backoff back_off;
    struct excludes *excludes; /* NULL: no patterns */
    struct nested *nested;     /* NULL: no root lies below another */
    char **markers;            /* ends in NULL; NULL: none */
    struct whole *whole;       /* NULL: none */
    unsigned threads;
    struct worker worker[];
};

#define SCAN_MAGIC UINT64_C(0x6e61637363706870)

/* NULL: none. */
struct scan *scan_of(int64_t handle);
void scan_stop(struct scan *s);
/* Nothing may be lost silently: the scan ends with this errno. */
void scan_fail(struct worker *w, int error);

static inline void scan_count(struct worker *w, enum counter which, uint64_t n)
{
    /* one writer: no locked instruction needed */
    atomic_store_explicit(&w->count[which],
                          atomic_load_explicit(&w->count[which], memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline bool scan_stopped(const struct scan *s)
{
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

static inline bool scan_pressed(const struct scan *s)
{
    return atomic_load_explicit(&s->backlog, memory_order_relaxed) > BACKLOG_MAX;
}

static inline bool scan_other_shard(const struct scan *s, uint64_t hash)
{
    return s->options.shard_count > 1 && hash % s->options.shard_count != s->options.shard_index;
}
