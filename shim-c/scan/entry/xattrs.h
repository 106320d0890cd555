/*
 * Extended attributes of an entry, ACLs among them, into a block as hpc_scan.h describes it.
 *
 * Nothing is opened for them. Linux 6.13 has listxattrat(2) and getxattrat(2); before, a name in a
 * directory is reached through /proc/self/fd. Most entries have no attributes and cost one call; a
 * filesystem that has none at all is asked once for each kind.
 */
#pragma once

#include "flags.h"

/* Flags; and whether there may be more. */
void xattrs_begin(struct worker *w, struct xattrs *x, const struct reach *r,
                  const struct statx *st);
void xattrs_of_fd(struct worker *w, struct xattrs *x, int fd, const struct statx *st);
/* False: the name is gone, look again. */
bool xattrs_of_name(struct worker *w, struct xattrs *x, int dirfd, const char *name,
                    const struct statx *st);
/* By a descriptor of O_PATH. */
void xattrs_of_held(struct worker *w, struct xattrs *x, int path_fd, const struct statx *st);
