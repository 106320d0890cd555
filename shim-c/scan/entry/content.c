#include "content.h"
#include "../../path/hpc_path.h"
#include "../core/fds.h"
#include "../core/pace.h"
#include "../core/root.h"
#include "../core/scan.h"
#include "ahead.h"
#include "hsm.h"
#include "object.h"
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read, but for signals. */
static int64_t read_once(int fd, uint8_t *buf, size_t cap)
{
    ssize_t n;

    do
        n = read(fd, buf, cap);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A small file with a hole is left to the consumer, who finds out where the holes are. */
static bool has_hole(int fd, uint64_t size, uint64_t blocks)
{
    off_t hole;

    if ((size + 511) / 512 <= blocks)
        return false;
    hole = lseek(fd, 0, SEEK_HOLE);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return false;
    return hole >= 0 && (uint64_t)hole < size;
}

/*
 * What came in one read is of one moment, as far as any reader can tell. Other files are looked at
 * again: one that changed meanwhile, or has more to give than it promises, is left to the consumer,
 * who says so.
 */
int content_read_opened(struct worker *w, int fd, const struct statx *st, size_t *len,
                        struct xattrs *x)
{
    size_t limit = w->scan->options.inline_bytes, size = (size_t)st->stx_size;
    int64_t begin, got, more = 0;
    struct statx now;

    if (size > limit ||
        (w->scan->options.flags & HPC_SCAN_SKIP_RELEASED && hsm_left_in_archive(fd, st)))
        return CONTENT_LEFT;
    if (!w->content && !(w->content = malloc(limit + 1)))
        return -ENOMEM;
    begin = ahead_begin(w);
    got = has_hole(fd, st->stx_size, st->stx_blocks) ? (int64_t)size + 1
                                                     : read_once(fd, w->content, size + 1);
    if (got >= 0 && (size_t)got < size) {
        more = fds_read_to_end(fd, w->content + got, size - (size_t)got, size - (size_t)got);
        if (more >= 0 && (object_stat(fd, &now) || !object_is_unchanged(&now, st)))
            return CONTENT_LEFT;
    }
    ahead_end(w, begin, size);
    xattrs_of_fd(w, x, fd, st);
    if (got < 0 || more < 0)
        return (int)(got < 0 ? got : more);
    *len = (size_t)(got + more);
    return *len > size ? CONTENT_LEFT : 0;
}

/* Names end in NUL in dirents and nodes; root != NULL: read the root itself. */
int content_read(struct worker *w, struct node *root, int dirfd, const char *name, struct statx *st,
                 size_t *len, struct xattrs *x)
{
    struct statx now;
    int fd, r;

    pace_wait(w);
    if (root) {
        fd = root_open(w, root, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    } else {
        fd = fds_open(w, dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    }
    if (fd == -ENOENT || fd == -ELOOP || fd == -ENXIO || fd == -ESTALE)
        return CONTENT_CHANGED;
    if (fd == -EAGAIN) /* somebody holds a lease (a file server); it is asked to let go now, and we
                          do not wait for it here */
        return CONTENT_LEFT;
    if (fd < 0)
        return fd;
    r = object_stat(fd, &now);
    if (!r && !object_is_same(&now, st))
        r = CONTENT_CHANGED;
    if (!r) {
        *st = now; /* it is saved as what it is now: whoever may read it may not read what it was
                      before, or the other way */
        r = content_read_opened(w, fd, st, len, x);
    }
    fds_close(w->scan, fd);
    return r;
}
