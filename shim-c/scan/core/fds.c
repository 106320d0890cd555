#include "fds.h"
#include "backoff.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int fds_count(struct scan *s, int fd)
{
    if (fd >= 0) {
        int64_t now = atomic_fetch_add(&s->fds, 1) + 1;
        int64_t peak = atomic_load_explicit(&s->fds_peak, memory_order_relaxed);

        while (now > peak && !atomic_compare_exchange_weak(&s->fds_peak, &peak, now))
            ;
    }
    return fd;
}

int fds_open(struct worker *w, int at, const char *name, int flags)
{
    const struct timespec pause = { 0, 1000000 };
    int waited = 0;

    for (;;) {
        int64_t begin = backoff_begin(w);
        int fd = openat(at, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int error = errno;

        backoff_end(w, begin);
        if (fd >= 0)
            return fds_count(w->scan, fd);
        if (error == EPERM && (flags & O_NOATIME)) {
            flags &= ~O_NOATIME; /* neither owner nor CAP_FOWNER */
            continue;
        }
        if ((error != EMFILE && error != ENFILE) || waited++ >= FD_WAIT_MS || scan_stopped(w->scan))
            return -error;
        nanosleep(&pause, NULL);
    }
}

void fds_close(struct scan *s, int fd)
{
    close(fd);
    atomic_fetch_sub(&s->fds, 1);
}

int64_t fds_read_to_end(int fd, uint8_t *buf, size_t cap, uint64_t size)
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
