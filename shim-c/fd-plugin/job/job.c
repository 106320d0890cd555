#include "job.h"
#include "../limits.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool job_cancelled(struct job *job)
{
    return atomic_load(&job->cancel.requested);
}

int job_wake(struct job *job)
{
    int fd = atomic_load(&job->cancel.wake);
    if (fd >= 0)
        return fd;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    atomic_store(&job->cancel.wake, fd);
    return fd;
}

static int number_of(const struct job *job, enum say kind)
{
    switch (kind) {
    case SAY_FATAL: return job->abi->message.fatal;
    case SAY_ERROR: return job->abi->message.error;
    case SAY_WARNING: return job->abi->message.warning;
    case SAY_SAVED: return job->abi->message.saved;
    case SAY_NOTSAVED: return job->abi->message.notsaved;
    case SAY_SKIPPED: return job->abi->message.skipped;
    case SAY_MOUNT: return job->abi->message.mount;
    case SAY_RESTORED: return job->abi->message.restored;
    case SAY_INFO: break;
    }
    return job->abi->message.info;
}

void job_say_bytes(struct job *job, enum say kind, const void *text, size_t len)
{
    if (kind == SAY_FATAL) {
        if (job->fatal)
            return;
        job->fatal = true;
    }
    const char *bytes = text;
    while (len > 0 && bytes[len - 1] == '\n')
        len--;
    static const char cut[] = "... (cut)";
    char line[MESSAGE_MAX + sizeof cut + 1];
    size_t kept = len > MESSAGE_MAX ? MESSAGE_MAX : len;
    memcpy(line, bytes, kept);
    if (kept < len) {
        memcpy(line + kept, cut, sizeof cut - 1);
        kept += sizeof cut - 1;
    }
    memcpy(line + kept, "\n", 2);
    job->fd->job_message(job->ctx, "podheitor-hpc", 0, number_of(job, kind), 0, "%s", line);
}

void job_say(struct job *job, enum say kind, const char *format, ...)
{
    char text[MESSAGE_MAX];
    int head = snprintf(text, sizeof text, "podheitor-hpc: ");
    va_list args;
    va_start(args, format);
    vsnprintf(text + head, sizeof text - (size_t)head, format, args);
    va_end(args);
    job_say_bytes(job, kind, text, strlen(text));
}

const char *job_printable(char *out, size_t cap, const void *name, size_t len)
{
    const unsigned char *bytes = name;
    size_t used = 0;
    for (size_t i = 0; i < len && used + 8 < cap; i++) {
        if (bytes[i] == '\n')
            used += (size_t)snprintf(out + used, cap - used, "\\n");
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            used += (size_t)snprintf(out + used, cap - used, "\\x%02x", bytes[i]);
        else
            out[used++] = (char)bytes[i];
        if (i + 1 < len && used + 8 >= cap)
            used += (size_t)snprintf(out + used, cap - used, "...");
    }
    out[used] = 0;
    return out;
}

const char *job_string(struct job *job, int var)
{
    char *value = NULL;
    if (job->fd->get_value(job->ctx, var, &value) != RC_OK || !value || !*value)
        return NULL;
    return value;
}

int job_int(struct job *job, int var, int otherwise)
{
    int value = otherwise;
    return job->fd->get_value(job->ctx, var, &value) == RC_OK ? value : otherwise;
}
