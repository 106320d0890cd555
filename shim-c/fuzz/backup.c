/*
 * What a backend may send: the bytes stand in the session's buffer as if they had come through the
 * pipe, and the File Daemon's calls run over them. The packet is allocated with the release's own
 * size, and what the plugin has no business with must stay as it was.
 */
#include "../fd-plugin/backup/backup.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int file_index;
static unsigned choices;

static int get_value(struct fd_context *ctx, int var, void *out)
{
    const struct job *job = ctx->plugin;
    int value = var == job->abi->var.file_index ? file_index
                : var == job->abi->var.accurate ? (int)(choices & 1)
                                                : 0;
    if (var != job->abi->var.file_index && var != job->abi->var.accurate)
        return RC_ERROR;
    memcpy(out, &value, sizeof value);
    return RC_OK;
}

static int set_value(struct fd_context *ctx, int var, void *in)
{
    (void)ctx, (void)var;
    return strlen(in) > 0 ? RC_OK : RC_ERROR;
}

static int job_message(struct fd_context *ctx, const char *file, int line, int type, int64_t mtime,
                       const char *format, ...)
{
    char text[2000];
    va_list args;
    (void)ctx, (void)file, (void)line, (void)type, (void)mtime;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= (int)sizeof text)
        __builtin_trap();
    return RC_OK;
}

static int check_changes(struct fd_context *ctx, void *pkt)
{
    const struct job *job = ctx->plugin;
    return strlen(pkt_ptr(pkt, job->abi->save.fname)) % 2 == (choices >> 1 & 1) ? RC_SEEN : RC_OK;
}

static struct fd_funcs funcs = { .get_value = get_value,
                                 .set_value = set_value,
                                 .job_message = job_message,
                                 .check_changes = check_changes };

static uint8_t *new_packet(const struct abi *abi)
{
    uint8_t *pkt = malloc(abi->save.size);
    memset(pkt, 0xa5, abi->save.size);
    pkt_put_i32(pkt, 0, (int32_t)abi->save.size);
    pkt_put_i32(pkt, abi->save.end, (int32_t)abi->save.size);
    return pkt;
}

/* Bytes of the packet that are nobody's here. */
static void check_packet(const struct abi *abi, const uint8_t *pkt)
{
    struct {
        uint32_t at, size;
    } ours[] = {
        { 0, 4 },
        { abi->save.end, 4 },
        { abi->save.fname, 8 },
        { abi->save.link, 8 },
        { abi->save.statp, sizeof(struct stat) },
        { abi->save.type, 4 },
        { abi->save.flags, 8 },
        { abi->save.no_read, 1 },
        { abi->save.link_fi, 4 },
    };
    for (uint32_t i = 0; i < abi->save.size; i++) {
        bool own = false;
        for (size_t j = 0; j < sizeof ours / sizeof *ours; j++)
            own |= i >= ours[j].at && i < ours[j].at + ours[j].size;
        if (!own && pkt[i] != 0xa5)
            __builtin_trap();
    }
    if (!pkt_is(pkt, abi->save.size, abi->save.end))
        __builtin_trap();
}

/* A hole may be as long as a file can be, and is read as zeros; like an FD whose job is cancelled
 * we stop at some point. */
#define READS_MAX 4096

static void read_file(struct job *job)
{
    int reads = 0;
    size_t want = 1 + (choices >> 2) * 37u;
    char *buf = malloc(want);
    for (struct io_pkt io = { .func = IO_READ, .buf = buf, .count = (int32_t)want };;
         io = (struct io_pkt){ .func = IO_READ, .buf = buf, .count = (int32_t)want }) {
        int rc = backup_io(job, &io);
        if (io.status > (int32_t)want || (rc != RC_OK && (io.status != -1 || io.io_errno == 0)))
            __builtin_trap();
        if (rc != RC_OK || io.status == 0 || ++reads == READS_MAX)
            break;
    }
    free(buf);
}

static void run(struct job *job)
{
    for (;;) {
        uint8_t *pkt = new_packet(job->abi);
        int rc = backup_start_file(job, pkt);
        check_packet(job->abi, pkt);
        if (rc == RC_OK) {
            const char *name = pkt_ptr(pkt, job->abi->save.fname);
            if (strlen(name) == 0 || !pkt_ptr(pkt, job->abi->save.link))
                __builtin_trap();
            file_index += !(choices & 4);
            if (!pkt[job->abi->save.no_read] && !(choices & 8))
                read_file(job);
        }
        free(pkt);
        if (rc == RC_OK && choices & 16) {
            struct xacl_pkt xacl = { 0 };
            struct hpc_xattr x;
            size_t at = 0;
            backup_xattrs(job, &xacl);
            if (xacl.count > 0 &&
                hpc_xattr_next((const uint8_t *)xacl.content, (size_t)xacl.count, &at, &x) < 0)
                __builtin_trap();
        }
        if (rc != RC_OK) {
            if (rc == RC_MAX && job->fatal)
                __builtin_trap();
            return;
        }
        if (backup_end_file(job) != RC_MORE)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint32_t versions[] = { 14, 21, 22, 23 };
    if (len < 2 || len > STREAM_BUFFER)
        return 0;
    struct job job = { .abi = abi_find(versions[bytes[0] % 4]), .fd = &funcs, .level = 'F' };
    struct fd_context ctx = { .plugin = &job };
    choices = bytes[1];
    file_index = 0;
    job.ctx = &ctx;
    pthread_mutex_init(&job.cancel.lock, NULL);
    atomic_init(&job.cancel.wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

    struct backup *b = job.backup = calloc(1, sizeof *b);
    struct session *s = &b->session;
    b->paths = (struct paths){ .list = malloc(sizeof(char *)), .count = 1 };
    b->paths.list[0] = strdup(bytes[0] & 16 ? "/tree" : "");
    b->estimate = (bytes[0] >> 2) % 4 == 0;
    s->job = &job;
    child_init(&s->child);
    s->child.in = open("/dev/null", O_WRONLY | O_CLOEXEC);
    s->child.out = open("/dev/null",
                        O_RDONLY | O_CLOEXEC); /* behind the bytes: the backend is gone */
    if (links_open(&b->links, "/tmp") != 0 ||
        stream_open(&s->stream, &s->child, &job.cancel.requested, atomic_load(&job.cancel.wake),
                    1) != 0)
        abort();
    memcpy(s->stream.buf, bytes + 2, len - 2);
    s->stream.end = len - 2;
    s->talking = true;

    run(&job);
    backup_end(&job);
    close(atomic_load(&job.cancel.wake));
    pthread_mutex_destroy(&job.cancel.lock);
    return 0;
}
