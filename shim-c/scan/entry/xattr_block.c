#include "xattr_block.h"
#include "../../wire/hpc_xattr.h"
#include "../core/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void xattr_block_error(struct xattrs *x, int error)
{
    if (!x->error)
        x->error = error;
}

/* Room for `more` bytes behind what is there. */
bool xattr_block_room(struct worker *w, struct xattrs *x, size_t more)
{
    size_t cap = w->xattr_cap ? w->xattr_cap : XATTR_BLOCK_BYTES;
    uint8_t *block;

    if (x->len + more > HPC_XATTR_BLOCK) {
        xattr_block_error(x, E2BIG);
        return false;
    }
    while (cap < x->len + more)
        cap *= 2;
    if (cap == w->xattr_cap)
        return true;
    block = realloc(w->xattr_block, cap);
    if (!block) {
        xattr_block_error(x, ENOMEM);
        return false;
    }
    w->xattr_block = block;
    w->xattr_cap = cap;
    return true;
}

void xattr_block_put(struct worker *w, struct xattrs *x, const char *name, uint32_t value_len)
{
    x->len += hpc_xattr_put(w->xattr_block + x->len, name, value_len) + value_len;
}

void xattr_block_put_u32(struct worker *w, struct xattrs *x, const char *name, uint32_t value)
{
    if (!xattr_block_room(w, x, sizeof(struct hpc_xattr_head) + strlen(name) + sizeof value))
        return;
    xattr_block_put(w, x, name, sizeof value);
    memcpy(w->xattr_block + x->len - sizeof value, &value, sizeof value);
}

/* A few entries with large attributes shall not make every thread large for good. */
void xattr_block_end(struct worker *w)
{
    if (w->xattr_cap <= XATTR_BLOCK_KEEP)
        return;
    free(w->xattr_block);
    w->xattr_block = NULL;
    w->xattr_cap = 0;
}
