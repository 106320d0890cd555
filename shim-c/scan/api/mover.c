/*
 * Bulk data to the output without a copy: splice(2) moves pages of the page cache, or buffers of a
 * socket, to a pipe of our own, which tells how many bytes they are; then the frame's header is
 * written, and they move on to the output.
 */
#include "../../wire/hpc_frame.h"
#include "../core/clock.h"
#include "../hpc_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
/* Of one frame: as many whole pages as its header can say. */
#define PIECE      (HPC_FRAME_MAX / 4096u * 4096u)
#define LOOK_MS    50 /* at the stop flag */
/*
 * Empty frames before each header. Whoever reads the pipe into a buffer copies pages to where their
 * frame's header ends, and processors take loads for dependent on stores that lie less than 32
 * bytes ahead modulo 4 KiB: 8 bytes after the start of a page such a copy takes three times as long
 * as 32 bytes after it.
 */
#define PADS       3

struct mover {
    int from, to;
    int in, out; /* ends of our own pipe */
    uint32_t piece;
    int64_t waited; /* for room in the output, ns */
    struct hpc_stream_control *control;
};

/* 0: ready, or worth another try. */
static int wait_for(struct mover *m, int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t begin = clock_now();
    int failed;

    if (__atomic_load_n(&m->control->stop, __ATOMIC_ACQUIRE))
        return -ECANCELED;
    failed = poll(&p, 1, LOOK_MS) < 0 && errno != EINTR ? -errno : 0;
    if (events == POLLOUT)
        m->waited += clock_now() - begin;
    return failed;
}

/* Fills our pipe; returns what is in it, 0 at the end of the input. */
static int64_t take(struct mover *m, int64_t *offset, uint64_t want)
{
    for (;;) {
        off64_t at = *offset;
        ssize_t n = splice(m->from, *offset < 0 ? NULL : &at, m->in, NULL, want,
                           *offset < 0 ? SPLICE_F_NONBLOCK : 0);
        int failed;
        if (n >= 0) {
            if (*offset >= 0)
                *offset = at;
            return n;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        if ((failed = wait_for(m, m->from, POLLIN)))
            return failed;
    }
}

static int write_header(struct mover *m, uint32_t length)
{
    uint8_t header[(PADS + 1) * HPC_FRAME_HEADER], *at = header;
    size_t done = 0;

    for (int i = 0; i < PADS; i++)
        at = hpc_frame_header(at, 'D', 0);
    hpc_frame_header(at, 'D', length);
    while (done < sizeof header) {
        ssize_t n = write(m->to, header + done, sizeof header - done);
        int failed;
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        else if ((failed = wait_for(m, m->to, POLLOUT)))
            return failed;
    }
    return 0;
}

static int give(struct mover *m, uint64_t length)
{
    while (length > 0) {
        ssize_t n = splice(m->out, NULL, m->to, NULL, length, SPLICE_F_NONBLOCK | SPLICE_F_MORE);
        int failed;
        if (n > 0)
            length -= (uint64_t)n;
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        else if ((failed = wait_for(m, m->to, POLLOUT)))
            return failed;
    }
    return 0;
}

static int64_t move(struct mover *m, int64_t offset, uint64_t length)
{
    uint64_t moved = 0;

    while (moved < length) {
        uint64_t want = length - moved < m->piece ? length - moved : m->piece;
        int64_t n = take(m, &offset, want);
        int failed;
        if (n == -ECANCELED)
            return n;
        if (n < 0)
            m->control->error = (int32_t)-n;
        if (n <= 0)
            break;
        if ((failed = write_header(m, (uint32_t)n)) || (failed = give(m, (uint64_t)n)))
            return failed;
        moved += (uint64_t)n;
    }
    return (int64_t)moved;
}

int64_t hpc_stream(int64_t from, int64_t offset, int64_t length, int64_t to, uint8_t *control)
{
    struct mover m = { .from = (int)from,
                       .to = (int)to,
                       .control = (struct hpc_stream_control *)(void *)control };
    int ends[2];
    int64_t size, moved;

    if (length < 0 || offset < -1)
        return -EINVAL;
    m.control->error = 0;
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    m.out = ends[0];
    m.in = ends[1];
    size = hpc_pipe_size(m.in, PIPE_BYTES);
    if (size < 0) /* more than this user may have: as it is */
        size = fcntl(m.in, F_GETPIPE_SZ);
    m.piece = size > 0 && size < PIECE ? (uint32_t)size : PIECE;
    moved = move(&m, offset, (uint64_t)length);
    m.control->waited_ms = (uint32_t)(m.waited / 1000000);
    close(ends[0]);
    close(ends[1]);
    return moved;
}
