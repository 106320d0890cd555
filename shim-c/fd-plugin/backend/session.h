/* A conversation with one backend (hpc/1, docs/ptcomm.md): start, handshake, frames in between,
 * end. */
#pragma once

#include "../../wire/hpc_params.h"
#include "../job/job.h"
#include "stream.h"

struct session {
    struct job *job;
    struct conf conf;
    struct child child;
    struct stream stream;
    bool talking;              /* the handshake is over */
    uint64_t not_saved;        /* N messages */
    uint32_t said, said_bytes; /* messages that were passed on */
    uint64_t dropped;          /* and those that were not */
};

/*
 * Starts the backend and talks up to its answer to `start` ("BackupStart" or "EstimateStart"). 0,
 * or -1: the job has been told why (SAY_FATAL) unless it was cancelled. Either way session_close()
 * must follow.
 */
int session_open(struct session *s, struct job *job, const char *start,
                 const struct hpc_params *params);
/*
 * The next frame that is not a message or a heartbeat (those are passed to the job's log here);
 * payload as stream_next(). 0, or -1: as above, and the backend has been ended.
 */
int session_next(struct session *s, struct hpc_frame *frame);
/* As stream_data(), but -1: as above. */
int session_data(struct session *s, void *out, size_t cap);
int session_send(struct session *s, const void *frames, size_t len);
/* The backend did what the protocol does not allow: fails the job, ends the backend. Returns -1. */
int session_broken(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* END, its acknowledgement, T; a backend that then ends badly is a warning. */
int session_finish(struct session *s);
/* Ends the backend if it still lives, and releases everything. */
void session_close(struct session *s);
