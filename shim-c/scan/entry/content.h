/* Content of small files, and opening and reading paths of any length. */
#pragma once

#include "xattr_block.h"

struct node;
struct statx;

enum {
    CONTENT_CHANGED = 1,
    CONTENT_LEFT = 2 /* to the consumer, who reads it as any larger file */
};

/* Names end in NUL in dirents and nodes; root != NULL: read the root itself. st becomes what the
 * file is that was opened. */
int content_read(struct worker *w, struct node *root, int dirfd, const char *name, struct statx *st,
                 size_t *len, struct xattrs *x);
/* st: of fd, a regular file. */
int content_read_opened(struct worker *w, int fd, const struct statx *st, size_t *len,
                        struct xattrs *x);
