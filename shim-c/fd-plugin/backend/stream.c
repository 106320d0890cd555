#include "stream.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int stream_open(struct stream *s, struct child *child, atomic_bool *cancelled, int wake,
                int stall_seconds)
{
    *s = (struct stream){
        .child = child, .cancelled = cancelled, .wake = wake, .stall_seconds = stall_seconds
    };
    /* A pipe's pages are copied to the same place of a page: what malloc gives, 16 bytes behind it,
     * takes three times as long (shim-c/scan/stream.c). */
    s->buf = aligned_alloc(4096, STREAM_BUFFER);
    return s->buf ? 0 : -ENOMEM;
}

void stream_close(struct stream *s)
{
    free(s->buf);
    s->buf = NULL;
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void stream_drain_stderr(struct stream *s)
{
    char chunk[1024];
    ssize_t n;
    while (s->child->err >= 0 && (n = read(s->child->err, chunk, sizeof chunk)) != 0) {
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        size_t len = (size_t)n, room = STDERR_TAIL - s->tail_len;
        if (len > room) {
            size_t drop = len - room;
            memmove(s->tail, s->tail + drop, s->tail_len - drop);
            s->tail_len -= drop;
        }
        memcpy(s->tail + s->tail_len, chunk, len);
        s->tail_len += len;
        s->tail[s->tail_len] = 0;
    }
    if (s->child->err >= 0) { /* end of file: nothing to poll for any more */
        close(s->child->err);
        s->child->err = -1;
    }
}

/* 0 when fd is ready for `events` (or hung up). */
static int wait_for(struct stream *s, int fd, short events)
{
    int64_t deadline = milliseconds() + (int64_t)s->stall_seconds * 1000;
    for (;;) {
        if (atomic_load(s->cancelled))
            return -ECANCELED;
        int64_t left = deadline - milliseconds();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd set[3] = { { .fd = fd, .events = events },
                                 { .fd = s->wake, .events = POLLIN },
                                 { .fd = s->child->err, .events = POLLIN } };
        int n = poll(set, 3, left < LOOK_MILLISECONDS ? (int)left : LOOK_MILLISECONDS);
        if (n < 0 && errno != EINTR)
            return -errno;
        /* A process that a dead backend left behind may hold the pipe open. What the backend wrote
         * last is taken first. */
        if (n == 0 && child_ended(s->child) && poll(set, 1, 0) == 0)
            return -EPIPE;
        if (n <= 0)
            continue;
        if (set[2].revents)
            stream_drain_stderr(s);
        if (set[0].revents && !atomic_load(s->cancelled))
            return 0;
    }
}

/* At least one byte more in the buffer. */
static int more(struct stream *s)
{
    if (s->start == s->end)
        s->start = s->end = 0;
    if (s->end == STREAM_BUFFER) {
        memmove(s->buf, s->buf + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    for (;;) {
        int rc = wait_for(s, s->child->out, POLLIN);
        if (rc < 0)
            return rc;
        ssize_t n = read(s->child->out, s->buf + s->end, STREAM_BUFFER - s->end);
        if (n > 0) {
            s->end += (size_t)n;
            return 0;
        }
        if (n == 0)
            return -EPIPE;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

int stream_data(struct stream *s, void *out, size_t cap)
{
    if (s->data_left == 0)
        return 0;
    if (s->start == s->end) {
        int rc = more(s);
        if (rc < 0)
            return rc;
    }
    size_t n = s->end - s->start;
    if (n > s->data_left)
        n = s->data_left;
    if (n > cap)
        n = cap;
    if (out)
        memcpy(out, s->buf + s->start, n);
    s->start += n;
    s->data_left -= (uint32_t)n;
    return (int)n;
}

int stream_next(struct stream *s, struct hpc_frame *frame)
{
    while (s->data_left > 0) {
        int n = stream_data(s, NULL, s->data_left);
        if (n < 0)
            return n;
    }
    for (;;) {
        int rc = hpc_frame_parse_header(s->buf + s->start, s->end - s->start, frame);
        if (rc < 0)
            return rc;
        if (rc > 0 && frame->status == 'D') {
            s->start += HPC_FRAME_HEADER;
            s->data_left = frame->len;
            return 0;
        }
        if (rc > 0 && s->end - s->start - HPC_FRAME_HEADER >= frame->len) {
            frame->payload = s->buf + s->start + HPC_FRAME_HEADER;
            s->start += HPC_FRAME_HEADER + frame->len;
            return 0;
        }
        rc = more(s);
        if (rc < 0)
            return rc;
    }
}

int stream_send(struct stream *s, const void *frames, size_t len)
{
    const char *at = frames;
    while (len > 0) {
        /* The File Daemon ignores SIGPIPE, so a dead backend is EPIPE here. */
        ssize_t n = write(s->child->in, at, len);
        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            int rc = wait_for(s, s->child->in, POLLOUT);
            if (rc < 0)
                return rc;
        } else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
