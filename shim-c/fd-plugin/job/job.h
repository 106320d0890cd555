/*
 * One job of the File Daemon: everything that the plugin knows between newPlugin and freePlugin.
 * All calls come from the job's own thread, except event 14 (cancel), which touches only `cancel`.
 */
#pragma once

#include "abi.h"
#include <pthread.h>
#include <stdatomic.h>

struct backup;
struct restore_job;
struct child;
struct hpc_restore;

/* What the cancelling thread may touch. */
struct cancel {
    atomic_bool requested;
    atomic_int wake; /* eventfd that every wait of the job's thread watches; -1 until the job does
                        something */
    pthread_mutex_t lock;        /* guards the two below */
    struct child *child;         /* gets SIGTERM */
    struct restore_job *restore; /* gets hpc_restore_cancel() */
};

/* Roots that this job's Plugin lines named, without trailing '/' ("" is the filesystem's root). For
 * checkFile. */
struct paths {
    char **list;
    size_t count;
};

struct lines;

struct job {
    struct fd_context *ctx;
    const struct abi *abi;
    const struct fd_funcs *fd;
    struct cancel cancel;
    int level;     /* 'F', 'I', 'D'; 'F' until event 12 */
    int64_t since; /* epoch seconds, 0: none */
    struct paths paths;
    struct lines *lines; /* what the FileSet has of us, from its first line on */
    char *clash;         /* two of them save the same names: what to say */
    bool announced;      /* all of them were told in advance (event 20) */
    int index_before;    /* FileIndex when our last line ended, or when the job began */
    bool fatal; /* the job has been told that it failed; more fatal messages would only repeat it */
    struct backup *backup;       /* between event 9 or 11 and the end of its file loop */
    struct restore_job *restore; /* from the first restored file on */
};

bool job_cancelled(struct job *job);
/* The eventfd, created at the first call; -errno. */
int job_wake(struct job *job);

enum say {
    SAY_FATAL,
    SAY_ERROR,
    SAY_WARNING,
    SAY_INFO,
    SAY_SAVED,
    SAY_NOTSAVED,
    SAY_SKIPPED,
    SAY_MOUNT,
    SAY_RESTORED
};
/* A line in the job's log. SAY_FATAL fails the job and is said once. */
void job_say(struct job *job, enum say kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes as they came (a backend's message), cut to MESSAGE_MAX. */
void job_say_bytes(struct job *job, enum say kind, const void *text, size_t len);
/* A name in a form that a log line can hold: control characters as \n or \x1b. Returns out. */
const char *job_printable(char *out, size_t cap, const void *name, size_t len);

const char *job_string(struct job *job, int var); /* NULL when the FD has none */
int job_int(struct job *job, int var, int otherwise);
