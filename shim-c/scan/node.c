/* Directories in work: reference counts, paths, and the descriptors they hold. */
#include "engine.h"

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

int count_fd(struct scan *s, int fd)
{
    if (fd >= 0) {
        int64_t now = atomic_fetch_add(&s->fds, 1) + 1;
        int64_t peak = atomic_load_explicit(&s->fds_peak, memory_order_relaxed);

        while (now > peak && !atomic_compare_exchange_weak(&s->fds_peak, &peak, now))
            ;
    }
    return fd;
}

bool node_hold_fd(struct scan *s, struct node *n, int fd)
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

void node_fd_get(struct node *n)
{
    atomic_fetch_add_explicit(&n->fd_users, 1, memory_order_relaxed);
}

void node_incomplete(struct worker *w, struct node *n, int error)
{
    if (atomic_exchange_explicit(&n->incomplete, true, memory_order_relaxed))
        return;
    if (atomic_load_explicit(&n->listed, memory_order_relaxed))
        count_add(w, DIRS_LISTED, (uint64_t)-1); /* after all not */
    emit_error(w, n, error, HPC_OP_READDIR, NULL, 0);
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
        node_incomplete(w, n, error);
}

void node_fd_put(struct worker *w, struct node *n)
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

int open_counted(struct worker *w, int at, const char *name, int flags)
{
    const struct timespec pause = { 0, 1000000 };
    int waited = 0;

    for (;;) {
        int64_t begin = time_begin(w);
        int fd = openat(at, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int error = errno;

        time_end(w, begin);
        if (fd >= 0)
            return count_fd(w->scan, fd);
        if (error == EPERM && (flags & O_NOATIME)) {
            flags &= ~O_NOATIME; /* neither owner nor CAP_FOWNER */
            continue;
        }
        if ((error != EMFILE && error != ENFILE) || waited++ >= FD_WAIT_MS || stopped(w->scan))
            return -error;
        nanosleep(&pause, NULL);
    }
}

void close_counted(struct scan *s, int fd)
{
    close(fd);
    atomic_fetch_sub(&s->fds, 1);
}

void cache_set(struct worker *w, struct node *n, int fd)
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
        int fd = open_counted(w, at, chain[count]->name, flags);

        if (own_at)
            close_counted(w->scan, at);
        if (fd < 0)
            return fd;
        at = fd;
        own_at = true;
    }
    return at;
}

int node_reopen(struct worker *w, struct node *n)
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
            node_fd_put(w, top);
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
        close_counted(w->scan, fd); /* another directory stands there now */
        return -ESTALE;
    }
    cache_set(w, n, fd);
    return fd;
}
