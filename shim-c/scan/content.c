/* Content of small files, and opening and reading paths of any length. */
#include "../path/hpc_path.h"
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t read_to_end(int fd, uint8_t *buf, size_t cap, uint64_t size)
{
    size_t have = 0;

    while (have < cap) {
        ssize_t n = read(fd, buf + have, cap - have);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        have += (size_t)n;
        if (have == size)
            break; /* no call more to be told that this is the end */
    }
    return (int64_t)have;
}

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
int read_opened(struct worker *w, int fd, const struct statx *st, size_t *len, struct xattrs *x)
{
    size_t limit = w->scan->options.inline_bytes, size = (size_t)st->stx_size;
    int64_t begin, got, more = 0;
    struct statx now;

    if (size > limit ||
        (w->scan->options.flags & HPC_SCAN_SKIP_RELEASED && left_in_archive(fd, st)))
        return CONTENT_LEFT;
    if (!w->content && !(w->content = malloc(limit + 1)))
        return -ENOMEM;
    begin = read_begin(w);
    got = has_hole(fd, st->stx_size, st->stx_blocks) ? (int64_t)size + 1
                                                     : read_once(fd, w->content, size + 1);
    if (got >= 0 && (size_t)got < size) {
        more = read_to_end(fd, w->content + got, size - (size_t)got, size - (size_t)got);
        if (more >= 0 && (stat_opened(fd, &now) || !same_moment(&now, st)))
            return CONTENT_LEFT;
    }
    read_end(w, begin, size);
    xattrs_of_fd(w, x, fd, st);
    if (got < 0 || more < 0)
        return (int)(got < 0 ? got : more);
    *len = (size_t)(got + more);
    return *len > size ? CONTENT_LEFT : 0;
}

/* Names end in NUL in dirents and nodes; root != NULL: read the root itself. */
int read_content(struct worker *w, struct node *root, int dirfd, const char *name, struct statx *st,
                 size_t *len, struct xattrs *x)
{
    struct statx now;
    int fd, r;

    pace(w);
    if (root) {
        fd = root_open(w, root, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    } else {
        fd = open_counted(w, dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    }
    if (fd == -ENOENT || fd == -ELOOP || fd == -ENXIO || fd == -ESTALE)
        return CONTENT_CHANGED;
    if (fd == -EAGAIN) /* somebody holds a lease (a file server); it is asked to let go now, and we
                          do not wait for it here */
        return CONTENT_LEFT;
    if (fd < 0)
        return fd;
    r = stat_opened(fd, &now);
    if (!r && !same_object(&now, st))
        r = CONTENT_CHANGED;
    if (!r) {
        *st = now; /* it is saved as what it is now: whoever may read it may not read what it was
                      before, or the other way */
        r = read_opened(w, fd, st, len, x);
    }
    close_counted(w->scan, fd);
    return r;
}

int64_t hpc_open(const uint8_t *path, int64_t path_len, int64_t flags)
{
    if (!path || path_len <= 0)
        return -EINVAL;
    return hpc_path_follow((const char *)path, (size_t)path_len, (int)flags | O_NOFOLLOW);
}

static int64_t read_one(const uint8_t *path, uint32_t path_len, uint8_t *out, size_t max,
                        size_t room)
{
    struct stat st;
    int64_t got;
    uint8_t more;
    int fd = hpc_path_follow((const char *)path, path_len, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st)) {
        got = -errno;
    } else if (!S_ISREG(st.st_mode)) {
        got = -EINVAL;
    } else {
        got = read_to_end(fd, out, max < room ? max : room, 0);
        if (got >= 0 && (size_t)got == (max < room ? max : room) && read(fd, &more, 1) == 1)
            got = max <= room ? -EFBIG : INT64_MIN;
    }
    close(fd);
    return got;
}

int64_t hpc_read_files(const uint8_t *requests, int64_t requests_len, uint8_t *out, int64_t cap,
                       uint8_t *used_out)
{
    uint64_t at = 0, used = 0, want = (uint64_t)requests_len, room = (uint64_t)cap;
    int64_t answered = 0;

    if (!requests || requests_len < 0 || !out || cap < 0 || !used_out)
        return -EINVAL;
    while (at + 8 <= want && used + 8 <= room) {
        uint32_t head[2];
        int32_t answer[2];
        uint64_t len, padded;
        int64_t got;

        memcpy(head, requests + at, sizeof head);
        if (at + 8 + head[0] > want)
            return -EINVAL;
        got = read_one(requests + at + 8, head[0], out + used + 8, head[1], room - used - 8);
        if (got == INT64_MIN)
            break; /* does not fit any more: the caller asks again from here */
        len = got < 0 ? 0 : (uint64_t)got;
        answer[0] = got < 0 ? (int32_t)-got : 0;
        answer[1] = (int32_t)len;
        memcpy(out + used, answer, sizeof answer);
        padded = (len + 7) & ~UINT64_C(7);
        if (padded > room - used - 8)
            padded = room - used - 8; /* nothing comes behind it */
        memset(out + used + 8 + len, 0, padded - len);
        used += 8 + padded;
        at += 8 + (((uint64_t)head[0] + 7) & ~UINT64_C(7));
        answered++;
    }
    memcpy(used_out, &used, sizeof used);
    return answered;
}
