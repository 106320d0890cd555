/*
 * Directories below the base that are held: those which entries in work are in, and the last ones
 * that were asked for.
 */
#pragma once

#include "../store/bytes.h"
#include "identity.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hpc_restore;

struct dir {
    int fd;    /* O_PATH */
    int stage; /* -1, or a directory in it that only we can enter, */
    char stage_name[40];
    uint64_t record;
    struct identity id;
    /* Nobody else can change which names are in it, or what new objects inherit from it: then names
     * are as good as descriptors. */
    atomic_bool alone;
    atomic_bool no_acls; /* its filesystem has none */
    uint32_t owner;      /* of what we make in it */
    size_t users;
    uint64_t used; /* when it was last asked for */
    struct bytes path;
};

/* Takes the descriptor. The new one has one user. NULL: no memory. */
struct dir *dir_new(int fd, const struct statx *sx, uint64_t record, bool ours, const char *path,
                    size_t len);
/* One user less; r->lock is held. */
void dir_drop(struct dir *dir);
void dir_put(struct hpc_restore *r, struct dir *dir);
/* From now on one of the last that were asked for, which is a use of its own; r->lock is held. */
void dir_cache(struct hpc_restore *r, struct dir *dir);
/* The deepest at or above a path; r->lock is held. */
struct dir *dir_nearest(struct hpc_restore *r, const char *path, size_t len);
/* Remembers a directory that was just made or adopted; takes the descriptor. */
int dir_keep(struct hpc_restore *r, int fd, const struct statx *sx, uint64_t record, bool ours,
             const char *path, size_t len);
int dir_open_base(struct hpc_restore *r, int base);
/* Lets go of what is held and takes away what was made for our own use. No entry may be in
 * progress. */
void dir_rest(struct hpc_restore *r);
void dir_close(struct hpc_restore *r);
