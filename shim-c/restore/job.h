/* A restore: what its entries share. */
#pragma once

#include "hpc_restore.h"
#include "place/dir.h"
#include "place/roots.h"
#include "store/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Directories held open for the entries to come. */
#define DIRS_KEPT 16u

struct counters { /* struct hpc_restore_stats, for many threads */
    atomic_ullong files, directories, symlinks, hardlinks, specials, bytes, skipped, failed,
        attributes_failed, xattrs, unfinished, owners_refused;
};
struct grain {
    uint64_t dev;
    int64_t nanoseconds;
};
struct hpc_restore {
    struct dir *base;
    struct roots roots;
    enum hpc_replace replace;
    unsigned flags;
    uint64_t secret[2];
    atomic_bool cancelled, keep_xattrs;
    int64_t patience; /* milliseconds that the last pass goes on when cancelled */
    atomic_ullong temp_seed;
    struct hpc_create_ops create; /* all NULL: none */
    struct counters stats;
    struct hpc_restore_entry *single; /* of hpc_restore_begin() and the like */

    pthread_mutex_t lock; /* guards what follows */
    struct dir *dirs[DIRS_KEPT];
    uint64_t clock;
    struct spool spool;
    struct table names;                   /* records by parent and name */
    struct table leaders;                 /* first names of files with several */
    uint64_t root;                        /* the base's record */
    uint64_t todo;                        /* records that the last pass has to do something about */
    uint64_t first_late, last_late, late; /* links whose leader has not come */
    uint64_t last_stash;                  /* files that are there for their other names only */
    struct grain grains[8];
    size_t grain_count;

    pthread_mutex_t reports; /* guards what follows */
    hpc_restore_attribute on_attribute;
    void *on_attribute_context;
    hpc_restore_failure on_failure;
    void *on_failure_context;
    uint64_t attributes_named;
};
