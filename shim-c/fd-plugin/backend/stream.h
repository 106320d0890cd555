/*
 * Frames to and from the backend. Every wait watches the backend's output, its stderr, the job's
 * cancel event and the stall limit. Time that the File Daemon spends elsewhere does not count as
 * silence: the clock runs only inside a wait.
 */
#pragma once

#include "../../wire/hpc_frame.h"
#include "../limits.h"
#include "child.h"
#include <stdatomic.h>

struct stream {
    struct child *child;
    atomic_bool *cancelled;
    int wake; /* eventfd */
    int stall_seconds;
    uint8_t *buf;       /* STREAM_BUFFER bytes */
    size_t start, end;  /* unread bytes */
    uint32_t data_left; /* of the data frame that is being read */
    char tail[STDERR_TAIL + 1];
    size_t tail_len; /* last bytes of stderr */
};

/* Errors of all calls: -ECANCELED; -EPIPE: the backend closed the pipe; -ETIMEDOUT: it is silent;
 * -EBADMSG: not frames. */
int stream_open(struct stream *s, struct child *child, atomic_bool *cancelled, int wake,
                int stall_seconds);
void stream_close(struct stream *s);
/*
 * The next frame; its payload is valid until the next call. A `D` frame has no payload here: fetch
 * it with stream_data() until stream.data_left is 0 (what is not fetched is skipped).
 */
int stream_next(struct stream *s, struct hpc_frame *frame);
/* 1 .. cap bytes of the data frame, copied to out; 0 when it is finished. */
int stream_data(struct stream *s, void *out, size_t cap);
int stream_send(struct stream *s, const void *frames, size_t len);
/* Collects what the backend last wrote to stderr. */
void stream_drain_stderr(struct stream *s);
