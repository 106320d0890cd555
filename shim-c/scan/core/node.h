/*
 * A node is a directory in work. It lives as long as somebody refers to it: an item in a deque, a
 * chunk of its names, or a child.
 *
 *     found ──▶ DIR in a deque ──▶ open ──▶ listed step by step (STREAM) ──▶ let go ──▶ freed
 *                                   │                  │
 *                         fd held, or reopened         └──▶ chunks of names, children: each holds
 *                         by names (held.h)                 a reference, and the fd for a time
 *
 * A node knows its parent and one name; a path is put together when it is needed. So a deep tree
 * costs a node for each level and no more.
 */
#pragma once

#include "deque.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum whole_place { NOT_WHOLE, ABOVE_WHOLE, WHOLE };

struct mdts { /* of Lustre, on which the names of a directory lie */
    uint32_t count;
    uint32_t at[];
};

struct node {
    struct item item;    /* first: an item of kind ROOT, DIR or STREAM is its node */
    struct node *parent; /* NULL for a root; referenced */
    _Atomic uint32_t refs;
    _Atomic uint32_t fd_users; /* > 0: fd is open and counted as held: one for the listing, each
                                  chunk and each child not yet opened */
    int fd;
    int path_fd;             /* of a root: held by O_PATH, or -1 */
    bool root_device;        /* on the filesystem of its root */
    bool held;               /* this directory is held open; else it is reopened by names */
    bool holds_parent_fd;    /* one of parent's fd_users is ours */
    uint8_t whole;           /* enum whole_place */
    bool project;            /* its files may have a project id; known once it was opened */
    _Atomic bool listed;     /* counted as DIRS_LISTED */
    _Atomic bool incomplete; /* said to be */
    uint64_t id;             /* never reused: names the DIR record that a block already has */
    uint64_t dev, ino;
    int64_t birth;     /* ns; 0: not known */
    int64_t resume;    /* d_off to go on from when the directory could not be held open */
    struct mdts *mdts; /* NULL: not known */
    uint32_t path_len, depth, name_len;
    char name[]; /* one component; of a root its whole path; ends in NUL */
};

struct worker;

struct node *node_new(struct worker *w, struct node *parent, const char *name, size_t name_len);
void node_get(struct node *n);
void node_put(struct node *n);
/* Writes path_len bytes. */
void node_path(const struct node *n, uint8_t *out);

static inline size_t node_mdts_bytes(const struct node *dir)
{
    return dir->mdts ? dir->mdts->count * sizeof dir->mdts->at[0] : 0;
}
