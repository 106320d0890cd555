/* The block of an entry's extended attributes, as hpc_scan.h describes it, while it is made. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* What was read stands in w->xattr_block. */
struct xattrs {
    bool wanted, done;
    size_t len;
    int error; /* errno of what is missing */
};

/* The first error is what is said. */
void xattr_block_error(struct xattrs *x, int error);
/* Makes room for `more` bytes behind what is there. */
bool xattr_block_room(struct worker *w, struct xattrs *x, size_t more);
/* Puts the head and the name before a value that stands in its place already. */
void xattr_block_put(struct worker *w, struct xattrs *x, const char *name, uint32_t value_len);
void xattr_block_put_u32(struct worker *w, struct xattrs *x, const char *name, uint32_t value);
/* The entry was handed out. */
void xattr_block_end(struct worker *w);
