/*
 * A File Daemon, played: loads the plugin as release 9.6, 11, 13 or 15 would, calls it in the order
 * that those daemons were seen to, and keeps what it gets. A backup is written to a volume file of
 * our own, from which a restore reads.
 */
#ifndef TEST_FD_H
#define TEST_FD_H

#include "../job/abi.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

struct release;

/* A loaded plugin: one per File Daemon, shared by its jobs. */
struct daemon {
    const struct release *release;
    void *library;
    struct fd_info info;
    struct fd_funcs *funcs; /* allocated with the release's own length */
    struct plugin_info *plugin;
    struct plugin_funcs *calls;
};

enum said {
    SAID_FATAL,
    SAID_ERROR,
    SAID_WARNING,
    SAID_INFO,
    SAID_NOTSAVED,
    SAID_OTHER,
    SAID_KINDS
};

struct known { /* an entry of the accurate list */
    char *name;
    struct stat st;
    bool seen;
};

struct job_run {
    /* what the Director would say */
    struct daemon *daemon;
    int job_id, level;
    int64_t since;
    bool accurate, estimate;
    const char *where, *work_dir, *prev_job;
    int replace;
    const char *previous; /* volume of the previous job: the accurate list */
    int64_t cancel_after; /* entries, after which another thread cancels; -1: never */
    bool cancel_in_data;  /* and not before data of a file was read */
    int (*at_entry)(struct job_run *, uint64_t number); /* called for every offered entry; tests */
    int io_bytes;                                       /* of one read; 0: 65536 */
    int other_files;      /* saved by File lines before each Plugin line */
    bool no_announcement; /* no event 20 */
    /* the result */
    struct fd_context ctx;
    uint64_t said[SAID_KINDS];
    char log[1 << 19];
    size_t log_len;
    pthread_mutex_t log_lock;
    uint64_t entries, deleted, data_bytes, data_errors, xattr_records;
    int file_index;
    bool failed;        /* a fatal message, or a call of the plugin that breaks the rules */
    double end_seconds; /* from the cancel to the end of the job */
    FILE *volume;
    struct known *known;
    size_t known_count;
    pthread_t canceller;
    bool cancelling, cancelled;
    struct timespec cancelled_at;
};

/* versions: 14, 21, 22, 23; 0 ends the list */
extern const uint32_t fd_versions[];
/* 0, or -1 with the reason in error. fd_open_as() lets a test lie about version and table size. */
int fd_open(struct daemon *d, const char *plugin, uint32_t version, char *error, size_t cap);
int fd_open_as(struct daemon *d, const char *plugin, uint32_t version, uint32_t claimed_version,
               int32_t size_change, char *error, size_t cap);
void fd_close(struct daemon *d);

void run_init(struct job_run *r, struct daemon *d);
void run_free(struct job_run *r);
/* lines: plugin strings, NULL at the end. volume NULL: nothing is kept. 0 when the job ended well.
 */
int run_backup(struct job_run *r, const char *const *lines, const char *volume);
int run_estimate(struct job_run *r, const char *line);
int run_restore(struct job_run *r, const char *line, const char *volume);
/* The raw calls, for tests of single steps. */
int run_begin(struct job_run *r);
void run_end(struct job_run *r, uint32_t event);
int run_event(struct job_run *r, uint32_t event, const void *value);

/* One record of a volume: header, name, link, then chunks { i64 offset, i32 length, bytes } up to
 * one of length -1 (or -2: read error). An ACL or XATTR record is a chunk of length -3, its
 * function (1 or 3) as offset, followed by { i32 length, bytes }. */
struct volume_entry {
    uint64_t magic;
    int32_t index, type, link_index, no_read;
    uint32_t name_len, link_len;
    struct stat st;
};
#define VOLUME_MAGIC 0x5645484350484453u
/* 1: next record, name and link allocated into *name, *link (reused); 0: end; -1: damaged */
int volume_next(FILE *volume, struct volume_entry *e, char **name, char **link);
/* 1: a chunk in buf (at least 1 MiB); 2: an ACL or XATTR record in buf, its function in *offset; 3:
 * here a read error ended the content; 0: end of this entry; -1: damaged */
int volume_chunk(FILE *volume, int64_t *offset, char *buf, int32_t *len);

#endif
