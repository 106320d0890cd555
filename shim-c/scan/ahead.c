/*
 * Readahead of the next small files, once reads are seen to wait for a disk: a scan of a local filesystem has few threads, and a disk answers several questions in the time of
 * one. Behind a network threads are many instead, because there each open asks a server.
 */
#include "engine.h"

#include <fcntl.h>

int64_t read_begin(struct worker *w)
{
    bool timed = w->scan->options.flags & HPC_SCAN_READ_AHEAD && w->reads++ % AHEAD_SAMPLE == 0;

    return timed ? now_ns() : 0;
}

void read_end(struct worker *w, int64_t begin)
{
    if (!begin)
        return;
    w->slow_reads = now_ns() - begin > AHEAD_SLOW_NS ? w->slow_reads + 1 : 0;
    if (w->slow_reads >= AHEAD_SLOW_READS)
        w->ahead_names = AHEAD_NAMES;
}

void read_ahead(struct worker *w, int dirfd, const char *name)
{
    int fd = open_counted(w, dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);

    if (fd < 0)
        return; /* visit() says why */
    posix_fadvise(fd, 0, w->scan->options.inline_bytes, POSIX_FADV_WILLNEED);
    close_counted(w->scan, fd);
    w->ahead_names--;
}
