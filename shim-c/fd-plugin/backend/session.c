#include "session.h"
#include "sweep.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- frames to the backend, collected so that a block is one write ---- */

struct block {
    uint8_t *bytes;
    size_t len, cap;
    bool failed;
};

static void add(struct block *b, const void *bytes, size_t len)
{
    if (b->len + len > b->cap && !b->failed) {
        size_t cap = (b->len + len) * 2;
        uint8_t *grown = realloc(b->bytes, cap);
        b->failed = !grown;
        if (grown)
            b->bytes = grown, b->cap = cap;
    }
    if (b->failed)
        return;
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
}

static void add_frame(struct block *b, uint8_t status, uint32_t len)
{
    uint8_t header[HPC_FRAME_HEADER];
    hpc_frame_header(header, status, len);
    add(b, header, sizeof header);
}

/* A command "key=value" of bytes, or just "key" without a value. */
static void add_command(struct block *b, const void *key, size_t key_len, const void *value,
                        size_t value_len)
{
    size_t len = key_len + (value ? 1 + value_len : 0) + 1;
    if (len > HPC_FRAME_MAX) {
        b->failed = true;
        return;
    }
    add_frame(b, 'C', (uint32_t)len);
    add(b, key, key_len);
    if (value) {
        add(b, "=", 1);
        add(b, value, value_len);
    }
    add(b, "\n", 1);
}

static void add_text(struct block *b, const char *key, const char *value)
{
    if (value)
        add_command(b, key, strlen(key), value, strlen(value));
}

static void add_word(struct block *b, const char *word)
{
    add_command(b, word, strlen(word), NULL, 0);
}

static void add_number(struct block *b, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_text(b, key, text);
}

static int send_block(struct session *s, struct block *b)
{
    int rc = b->failed ? session_broken(s, "the job's parameters do not fit a frame or memory")
                       : session_send(s, b->bytes, b->len);
    free(b->bytes);
    *b = (struct block){ 0 };
    return rc;
}

/* ---- how it fails ---- */

static void last_words(struct session *s, char *out, size_t cap)
{
    stream_drain_stderr(&s->stream);
    *out = 0;
    const char *text = s->stream.tail;
    size_t len = s->stream.tail_len;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len > 0)
        snprintf(out, cap, "; its last words: %.*s", (int)len, text);
}

static int fail(struct session *s, int rc)
{
    char how[128], words[STDERR_TAIL + 32];
    struct job *job = s->job;
    if (job_cancelled(job) || rc == -ECANCELED) {
        child_end(&s->child, 0);
        return -1;
    }
    if (rc == -ETIMEDOUT) {
        char state = sweep_state(s->child.pid);
        child_end(&s->child, 0);
        last_words(s, words, sizeof words);
        job_say(job, SAY_FATAL,
                "backend is silent: not one byte for %d seconds (stall-limit in "
                "podheitor-hpc-fd.conf). "
                "%s; it has been ended%s",
                s->stream.stall_seconds,
                state == 'T' || state == 't' ? "Somebody stopped it (SIGSTOP, or a debugger)"
                : state == 'D'
                    ? "It waits in the kernel, probably for a filesystem that does not answer"
                    : "It hangs, perhaps on a filesystem that does not answer",
                words);
    } else if (rc == -EPIPE || rc == -ECONNRESET) {
        bool dead = child_wait(&s->child, 500);
        if (dead)
            child_describe(&s->child, how, sizeof how);
        else
            snprintf(how, sizeof how, "closed its output and went on running");
        child_end(&s->child, 0);
        last_words(s, words, sizeof words);
        job_say(job, SAY_FATAL, "backend %s before the %s was complete%s", how,
                s->talking ? "job" : "handshake", words);
    } else if (rc == -EBADMSG) {
        return session_broken(s, "it sent bytes that are no frame");
    } else {
        child_end(&s->child, 0);
        job_say(job, SAY_FATAL, "cannot talk to the backend: %s", strerror(-rc));
    }
    return -1;
}

int session_broken(struct session *s, const char *format, ...)
{
    char text[512], words[STDERR_TAIL + 32];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    child_end(&s->child, 0);
    last_words(s, words, sizeof words);
    if (!job_cancelled(s->job))
        job_say(s->job, SAY_FATAL,
                "backend broke the protocol: %s%s. Remedy: install plugin and backend of the same "
                "release",
                text, words);
    return -1;
}

/* ---- frames from the backend ---- */

/* A broken backend must not fill the Director's catalog. What ends the job is always said. */
static void say_some(struct session *s, enum say kind, const struct hpc_frame *frame)
{
    uint32_t len = frame->len < MESSAGE_MAX ? frame->len : MESSAGE_MAX;
    if (s->said == MESSAGES || s->said_bytes + len > MESSAGE_BYTES) {
        s->dropped++;
        return;
    }
    s->said++;
    s->said_bytes += len;
    job_say_bytes(s->job, kind, frame->payload, frame->len);
}

/* 0: consumed; 1: not a message; -1: the job ended. */
static int message(struct session *s, const struct hpc_frame *frame)
{
    enum say kind;
    switch (frame->status) {
    case 'H': return 0;
    case 'I': kind = SAY_INFO; break;
    case 'W': kind = SAY_WARNING; break;
    case 'N':
        kind = SAY_NOTSAVED;
        s->not_saved++;
        break;
    case 'Q': kind = SAY_ERROR; break;
    case 'E': kind = s->talking ? SAY_ERROR : SAY_FATAL; break;
    case 'A': kind = SAY_FATAL; break;
    case 'S': kind = SAY_SAVED; break;
    case 'R': kind = SAY_RESTORED; break;
    case 'P': kind = SAY_SKIPPED; break;
    case 'O': kind = SAY_MOUNT; break;
    case 'V': kind = SAY_INFO; break;
    default: return 1;
    }
    if (kind != SAY_FATAL) {
        say_some(s, kind, frame);
        return 0;
    }
    if (!job_cancelled(s->job))
        job_say_bytes(s->job, kind, frame->payload, frame->len);
    child_end(&s->child, END_MILLISECONDS);
    return -1;
}

int session_next(struct session *s, struct hpc_frame *frame)
{
    for (;;) {
        int rc = stream_next(&s->stream, frame);
        if (rc < 0)
            return fail(s, rc);
        rc = frame->status == 'D' ? 1 : message(s, frame);
        if (rc != 0)
            return rc > 0 ? 0 : -1;
    }
}

int session_data(struct session *s, void *out, size_t cap)
{
    int n = stream_data(&s->stream, out, cap);
    return n < 0 ? fail(s, n) : n;
}

int session_send(struct session *s, const void *frames, size_t len)
{
    int rc = stream_send(&s->stream, frames, len);
    if (rc == -EPIPE) {
        /* Why it went is in what it said last: an A message explains more than "ended with exit
         * code 1". */
        struct hpc_frame frame;
        while (session_next(s, &frame) == 0)
            ;
        return -1;
    }
    return rc < 0 ? fail(s, rc) : 0;
}

static int expect_ack(struct session *s, const char *after)
{
    struct hpc_frame frame;
    if (session_next(s, &frame) != 0)
        return -1;
    return frame.status == 'F'
               ? 0
               : session_broken(s, "after %s it sent a frame '%c' instead of an acknowledgement",
                                after, frame.status);
}

/* ---- the dialogue ---- */

static int hello(struct session *s)
{
    static const char words[] = "Hello podheitor-hpc hpc/1";
    struct block b = { 0 };
    struct hpc_frame frame;
    add_word(&b, words);
    if (send_block(s, &b) != 0 || session_next(s, &frame) != 0)
        return -1;
    size_t len = frame.len > 0 && frame.payload && frame.payload[frame.len - 1] == '\n'
                     ? frame.len - 1
                     : frame.len;
    if (frame.status == 'C' && len == sizeof words - 1 && memcmp(frame.payload, words, len) == 0)
        return 0;
    char said[80];
    return session_broken(s, "it greeted with '%s' instead of '%s'",
                          frame.status == 'C' ? job_printable(said, sizeof said, frame.payload, len)
                                              : "something else",
                          words);
}

static int job_block(struct session *s, bool estimate)
{
    struct job *job = s->job;
    struct block b = { 0 };
    const char level[2] = { (char)(job->level == 'S'                        ? 'I'
                                   : job->level == 'I' || job->level == 'D' ? job->level
                                                                            : 'F'),
                            0 };
    add_word(&b, "Job");
    add_text(&b, "Name", job_string(job, job->abi->var.job_name));
    add_number(&b, "JobID", job_int(job, job->abi->var.job_id, 0));
    add_text(&b, "Type", estimate ? "E" : "B");
    add_text(&b, "Level", level);
    if (*level != 'F' && job->since > 0)
        add_number(&b, "Since", job->since);
    add_text(&b, "PrevJobName", job_string(job, job->abi->var.prev_job_name));
    if (job_int(job, job->abi->var.accurate, 0) != 0)
        add_text(&b, "Accurate", "1");
    add_text(&b, "WorkingDir", job_string(job, job->abi->var.working_dir));
    add_text(&b, "PluginDir", s->conf.directory); /* for what root says beside the configuration */
    add_frame(&b, 'F', 0);
    return send_block(s, &b) != 0 ? -1 : expect_ack(s, "the job block");
}

static int params_block(struct session *s, const struct hpc_params *params)
{
    struct block b = { 0 };
    add_word(&b, "Params");
    for (size_t i = 0; i < params->count; i++)
        add_command(&b, params->pairs[i].key, params->pairs[i].key_len, params->pairs[i].value,
                    params->pairs[i].value_len);
    add_frame(&b, 'F', 0);
    return send_block(s, &b) != 0 ? -1 : expect_ack(s, "the parameters");
}

static int start_command(struct session *s, const char *word)
{
    struct block b = { 0 };
    add_word(&b, word);
    return send_block(s, &b) != 0 ? -1 : expect_ack(s, word);
}

static void publish(struct session *s, struct child *child)
{
    pthread_mutex_lock(&s->job->cancel.lock);
    s->job->cancel.child = child;
    pthread_mutex_unlock(&s->job->cancel.lock);
}

int session_open(struct session *s, struct job *job, const char *start,
                 const struct hpc_params *params)
{
    char error[1024];
    *s = (struct session){ .job = job };
    child_init(&s->child);
    if (conf_load(&s->conf, error, sizeof error) != 0) {
        job_say(job, SAY_FATAL, "%s", error);
        return -1;
    }
    int rc = job_wake(job);
    if (rc >= 0)
        rc = stream_open(&s->stream, &s->child, &job->cancel.requested, rc, s->conf.stall_seconds);
    if (rc >= 0)
        rc = child_start(&s->child, &s->conf, "backup");
    if (rc < 0) {
        job_say(job, SAY_FATAL,
                "cannot start the backend %s: %s; remedy: check 'backend' and 'node' in "
                "podheitor-hpc-fd.conf",
                s->conf.backend, strerror(-rc));
        return -1;
    }
    publish(s, &s->child);
    if (hello(s) != 0 || job_block(s, strcmp(start, "EstimateStart") == 0) != 0 ||
        params_block(s, params) != 0 || start_command(s, start) != 0)
        return -1;
    s->talking = true;
    return 0;
}

int session_finish(struct session *s)
{
    char how[128], words[STDERR_TAIL + 32];
    struct block b = { 0 };
    add_word(&b, "END");
    if (send_block(s, &b) != 0 || expect_ack(s, "END") != 0)
        return -1;
    add_frame(&b, 'T', 0);
    stream_send(&s->stream, b.bytes,
                b.len); /* a backend that is gone already has nothing to lose */
    free(b.bytes);
    child_end(&s->child, END_MILLISECONDS);
    last_words(s, words, sizeof words);
    child_describe(&s->child, how, sizeof how);
    if (s->child.pid > 0 || s->child.killed || s->child.status != 0)
        job_say(s->job, SAY_WARNING, "the job is complete, but its backend %s%s", how, words);
    else if (*words)
        job_say(s->job, SAY_INFO, "backend wrote to stderr%s", words);
    return 0;
}

void session_close(struct session *s)
{
    if (s->child.pid > 0 && !s->child.killed)
        child_end(&s->child, 0);
    publish(s, NULL);
    child_sweep(&s->child);
    if (s->dropped > 0)
        job_say(s->job, SAY_WARNING, "%llu more messages of the backend are not shown",
                (unsigned long long)s->dropped);
    child_leave(&s->child);
    child_close(&s->child);
    stream_close(&s->stream);
    conf_free(&s->conf);
    pthread_mutex_destroy(&s->child.lock);
}
