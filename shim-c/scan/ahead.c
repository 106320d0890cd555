/*
 * Readahead of the next small files, once reads are seen to wait for a disk: a scan of a local filesystem has few threads, and a disk answers several questions in the time of
 * one. Behind a network threads are many instead, because there each open asks a server.
 */
#include "engine.h"

#include <fcntl.h>
#include <sys/stat.h>

int64_t read_begin(struct worker *w)
{
    bool timed = w->scan->options.flags & HPC_SCAN_READ_AHEAD && w->reads++ % AHEAD_SAMPLE == 0;

    return timed ? now_ns() : 0;
}

void read_end(struct worker *w, int64_t begin, uint64_t size)
{
    if (!begin)
        return;
    w->slow_reads = now_ns() - begin > AHEAD_SLOW_NS + (int64_t)size ? w->slow_reads + 1 : 0;
    if (w->slow_reads >= AHEAD_SLOW_READS)
        w->ahead_names = AHEAD_NAMES;
}

bool read_ahead(struct worker *w, int dirfd, const char *name)
{
    const struct hpc_scan_options *o = &w->scan->options;
    int fd = count_fd(w->scan, openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat st;

    if (fd < 0) { /* visit() says why; what cannot be read, or not now, is not tried in vain time and again */
        w->ahead_names = 0;
        return false;
    }
    w->ahead_names--;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= o->inline_bytes) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
        count_add(w, ASKED_AHEAD, 1);
    }
    close_counted(w->scan, fd);
    return true;
}
