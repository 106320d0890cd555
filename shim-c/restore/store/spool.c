#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int spool_open(struct spool *s, int dir)
{
    s->end = 8; /* no record lies at 0 */
    s->fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd >= 0)
        return 0;
    /* Filesystems without O_TMPFILE (Lustre, NFS): a name for an instant. */
    char name[64];
    snprintf(name, sizeof name, ".podheitor-hpc.dirs.%d.%p", (int)getpid(), (void *)s);
    s->fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return -errno;
    unlinkat(dir, name, 0);
    return 0;
}

int spool_read(const struct spool *s, void *data, size_t len, uint64_t at)
{
    for (char *to = data; len;) {
        ssize_t n = pread(s->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        to += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

int spool_write(const struct spool *s, const void *data, size_t len, uint64_t at)
{
    for (const char *from = data; len;) {
        ssize_t n = pwrite(s->fd, from, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        from += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

int spool_append(struct spool *s, const void *data, size_t len, uint64_t *at)
{
    int err = spool_write(s, data, len, s->end);
    if (err)
        return err;
    *at = s->end;
    s->end += len;
    return 0;
}
