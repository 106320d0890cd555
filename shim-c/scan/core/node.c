#include "node.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct node *node_new(struct worker *w, struct node *parent, const char *name, size_t name_len)
{
    struct node *n = malloc(sizeof *n + name_len + 1);

    if (!n)
        return NULL;
    memset(n, 0, sizeof *n);
    n->fd = n->path_fd = -1;
    n->id = ((uint64_t)(w->index + 1) << 48) | ++w->next_id;
    n->name_len = (uint32_t)name_len;
    n->path_len = (uint32_t)name_len;
    memcpy(n->name, name, name_len);
    n->name[name_len] = 0;
    atomic_init(&n->refs, 1);
    atomic_init(&n->fd_users, 0);
    if (parent) {
        bool slash = parent->path_len == 1 && parent->name[0] == '/';
        n->parent = parent;
        n->depth = parent->depth + 1;
        n->path_len += parent->path_len + (slash ? 0 : 1);
        node_get(parent);
    }
    return n;
}

void node_get(struct node *n)
{
    atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
}

void node_put(struct node *n)
{
    /* a loop, not recursion: the last leaf of a deep tree lets go of the whole chain */
    while (n && atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1) {
        struct node *parent = n->parent;
        free(n->mdts);
        free(n);
        n = parent;
    }
}

void node_path(const struct node *n, uint8_t *out)
{
    size_t end = n->path_len;

    for (; n; n = n->parent) {
        end -= n->name_len;
        memcpy(out + end, n->name, n->name_len);
        if (end > 0 && !(n->parent->path_len == 1 && end == 1))
            out[--end] = '/';
    }
}
