/*
 * Inode flags and project id. statx(2) told some of the flags; for the rest Linux 6.17 has a call
 * that opens nothing. It is made only on filesystems that keep both and answer from memory. On
 * Lustre it is a request to a server for each entry, so that only those are asked of which the
 * options, or the project of their directory, say that it may be worth it.
 */
#pragma once

#include "xattr_block.h"

struct node;
struct statx;

struct reach {   /* how an entry is reached; -1: not so */
    int fd;      /* of the entry itself */
    int path_fd; /* the same, opened with O_PATH */
    int dirfd;   /* of its directory, on the same filesystem */
    bool ask;    /* a server for flags and project id */
    const char *name;
};

/* Of an entry whose directory says nothing of its filesystem: that it is opened with O_PATH. */
bool flags_are_worth_a_path(struct worker *w, const struct statx *st);
bool flags_project_wanted(const struct worker *w, const struct node *dir, const struct statx *st);
/* An id, or what is made below will have one. */
bool flags_has_project(int fd);
void flags_read(struct worker *w, struct xattrs *x, const struct reach *r, const struct statx *st);
