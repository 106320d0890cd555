#include "held.h"
#include "fds.h"
#include "node.h"
#include "record.h"
#include "root.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool held_keep(struct scan *s, struct node *n, int fd)
{
    if (atomic_fetch_add(&s->held_fds, 1) >= s->held_max) {
        atomic_fetch_sub(&s->held_fds, 1);
        return false;
    }
    n->fd = fd;
    n->held = true;
    atomic_store_explicit(&n->fd_users, 1, memory_order_release);
    return true;
}

void held_get(struct node *n)
{
    atomic_fetch_add_explicit(&n->fd_users, 1, memory_order_relaxed);
}

void held_incomplete(struct worker *w, struct node *n, int error)
{
    if (atomic_exchange_explicit(&n->incomplete, true, memory_order_relaxed))
        return;
    if (atomic_load_explicit(&n->listed, memory_order_relaxed))
        scan_count(w, DIRS_LISTED, (uint64_t)-1); /* after all not */
    record_error(w, n, error, HPC_OP_READDIR, NULL, 0);
}

/*
 * Lustre lists a directory that is striped over servers without the names of those it cannot reach;
 * only close(2) then fails (ESHUTDOWN). Nobody else's close(2) of a directory that was read fails,
 * so any errno means the same: names are missing. The descriptor is closed in any case.
 */
static void close_listed(struct worker *w, struct node *n, int fd)
{
    int error = close(fd) ? errno : 0;

    atomic_fetch_sub(&w->scan->fds, 1);
    if (error && error != EINTR)
        held_incomplete(w, n, error);
}

void held_put(struct worker *w, struct node *n)
{
    if (atomic_fetch_sub_explicit(&n->fd_users, 1, memory_order_acq_rel) == 1) {
        close_listed(w, n, n->fd);
        atomic_fetch_sub(&w->scan->held_fds, 1);
    }
}

/* One more user, but only while it is open: a directory of another thread may close at any moment.
 */
static bool node_fd_try_get(struct node *n)
{
    uint32_t users = atomic_load_explicit(&n->fd_users, memory_order_relaxed);

    while (users > 0)
        if (atomic_compare_exchange_weak_explicit(&n->fd_users, &users, users + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

void held_cache(struct worker *w, struct node *n, int fd)
{
    struct node *old = w->cached;

    if (old)
        close_listed(w, old, w->cached_fd);
    if (n)
        node_get(n);
    w->cached = n;
    w->cached_fd = fd;
    node_put(old);
}

/* Opens chain[count - 1] … chain[0] one below the other. `at` belongs to us when own_at. */
static int open_down(struct worker *w, struct node **chain, size_t count, int at, bool own_at)
{
    while (count-- > 0) {
        int last = count == 0;
        int flags = O_DIRECTORY | O_NOFOLLOW | (last ? O_RDONLY | O_NOATIME : O_PATH);
        int fd = fds_open(w, at, chain[count]->name, flags);

        if (own_at)
            fds_close(w->scan, at);
        if (fd < 0)
            return fd;
        at = fd;
        own_at = true;
    }
    return at;
}

int held_reopen(struct worker *w, struct node *n)
{
    struct node **chain, *top;
    struct stat st;
    size_t count = 0;
    int fd;

    if (w->cached == n)
        return w->cached_fd;
    chain = malloc(((size_t)n->depth + 1) * sizeof *chain);
    if (!chain)
        return -ENOMEM;
    for (top = n;; top = top->parent) {
        if (top == w->cached) {
            fd = open_down(w, chain, count, w->cached_fd, false);
            break;
        }
        if (node_fd_try_get(top)) {
            fd = open_down(w, chain, count, top->fd, false);
            held_put(w, top);
            break;
        }
        if (!top->parent) {
            fd = root_open(w, top, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOATIME);
            if (fd >= 0)
                fd = open_down(w, chain, count, fd, true);
            break;
        }
        chain[count++] = top;
    }
    free(chain);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) || st.st_dev != n->dev || st.st_ino != n->ino) {
        fds_close(w->scan, fd); /* another directory stands there now */
        return -ESTALE;
    }
    held_cache(w, n, fd);
    return fd;
}
