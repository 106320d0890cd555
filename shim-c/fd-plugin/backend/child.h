/* The backend as a child process: started with nothing of the File Daemon's but three pipes, and
 * never left behind. */
#pragma once

#include "conf.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pthread_mutex_t
        lock;    /* guards pid between the job's thread (reaps) and the cancelling one (signals) */
    pid_t pid;   /* also its process group; 0: none, or reaped */
    int status;  /* of waitpid, once reaped */
    bool killed; /* we sent SIGKILL: its death needs no explanation */
    int in, out, err; /* our ends: its stdin, stdout, stderr; non-blocking, -1 when closed */
    char mark[80]; /* stands in the environment of it and of all that it starts, and of nobody else
                    */
};

void child_init(struct child *child);
/* Starts `[node] backend command`; 0 or -errno (also of the exec). */
int child_start(struct child *child, const struct conf *conf, const char *command);
void child_terminate(struct child *child); /* SIGTERM to the process; any thread */
/* Closes its input, gives it limit_ms to end by itself, then SIGTERM, then SIGKILL to its whole
 * group; reaps it. */
void child_end(struct child *child, int limit_ms);
/* It has ended and was not reaped yet. Looks only. */
bool child_ended(const struct child *child);
/* Waits up to limit_ms for a child that is expected to be dead; true when it was reaped. */
bool child_wait(struct child *child, int limit_ms);
void child_close(struct child *child); /* the pipes */
/* Ends what the backend started and what left its process group. After its end, once. */
void child_sweep(struct child *child);
/*
 * A process in an uninterruptible wait (a dead server) outlives even SIGKILL, and its job does not
 * wait for that: it is remembered, and reaped by the first child_reap_left() after its end. No
 * process that was reaped is touched again.
 */
void child_leave(struct child *child);
void child_reap_left(void); /* any thread */
/* "was killed by signal 9 (Killed)", "ended with exit code 1"; after child_wait() or child_end().
 */
void child_describe(const struct child *child, char *out, size_t cap);
