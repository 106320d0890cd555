/*
 * The plugin as a File Daemon of any version would drive it: tables and packets of the size that
 * they claim and not one byte more, filled with anything. The first byte chooses between loading,
 * the packet accessors, and a restore whose files land in the jail.
 */
#include "../fd-plugin/job/abi.h"
#include "../fd-plugin/job/job.h"
#include "../fd-plugin/job/stat_pack.h"
#include "jail.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int loadPlugin(struct fd_info *in, struct fd_funcs *fd, struct plugin_info **info_out,
               struct plugin_funcs **funcs_out);

struct input {
    const uint8_t *at;
    size_t left;
};

static void take(struct input *in, void *out, size_t len)
{
    size_t n = in->left < len ? in->left : len;
    memset(out, 0, len);
    memcpy(out, in->at, n);
    in->at += n, in->left -= n;
}

static uint8_t take_byte(struct input *in)
{
    uint8_t b;
    take(in, &b, 1);
    return b;
}

/* A terminated string behind `head`; never longer than what is left. */
static char *take_text(struct input *in, const char *head)
{
    uint16_t n;
    take(in, &n, sizeof n);
    size_t len = n % 600 < in->left ? n % 600 : in->left, before = strlen(head);
    char *text = malloc(before + len + 1);
    memcpy(text, head, before);
    memcpy(text + before, in->at, len);
    text[before + len] = 0;
    in->at += len, in->left -= len;
    return text;
}

static uint32_t version;
static char unread[1024];
static FILE *quiet;

static int job_message(struct fd_context *ctx, const char *file, int line, int type, int64_t mtime,
                       const char *format, ...)
{
    char text[2000];
    va_list args;
    (void)ctx, (void)file, (void)line, (void)type, (void)mtime;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof text)
        finding("a message longer than the File Daemon's");
    return RC_OK;
}

static int get_value(struct fd_context *ctx, int var, void *out)
{
    static const char *const work = "/work";
    const struct abi *abi = abi_find(version);
    (void)ctx;
    if (var != abi->var.working_dir)
        return RC_ERROR;
    memcpy(out, &work, sizeof work);
    return RC_OK;
}

static struct fd_funcs *new_table(uint32_t size, uint32_t said_size, uint32_t said_version)
{
    struct fd_funcs all = { .size = said_size,
                            .version = said_version,
                            .job_message = job_message,
                            .get_value = get_value };
    struct fd_funcs *table = calloc(1, size);
    memcpy(table, &all, size < sizeof all ? size : sizeof all);
    return table;
}

/* Only the four versions with exactly their tables may load. */
static void load(struct input *in)
{
    struct fd_info info = { .size = sizeof info };
    struct plugin_info *plugin = NULL;
    struct plugin_funcs *calls = NULL;
    uint32_t said;
    uint16_t size;
    take(in, &info.version, sizeof info.version);
    take(in, &said, sizeof said);
    take(in, &size, sizeof size);
    size %= 400;
    if (take_byte(in) % 2)
        info.version %= 32;
    if (take_byte(in) % 2)
        said = info.version;
    /* A real table has at least the common part; what is smaller is allocated as large as it says
     * it is. */
    struct fd_funcs *fd = new_table(size < 16 ? 16 : size, size, said);
    FILE *shown = stderr;
    stderr = quiet; /* refusals are said there, and are what is wanted */
    rewind(quiet);
    int rc = loadPlugin(&info, fd, &plugin, &calls);
    stderr = shown;
    const struct abi *abi = abi_find(info.version);
    if ((rc == RC_OK) != (abi && said == info.version && size == abi->fd_funcs_size))
        finding("loadPlugin took a table that it does not know, or refused one that it does");
    free(fd);
}

static void accessors(struct input *in)
{
    static const uint32_t versions[] = { 14, 21, 22, 23 };
    const struct abi *abi = abi_find(versions[take_byte(in) % 4]);
    uint32_t size = take_byte(in) % 2 ? abi->restore.size : abi->save.size;
    uint8_t *pkt = malloc(size);
    struct hpc_entry_head head, back;
    struct stat st;
    char out[64], name[200];
    take(in, pkt, size);
    if (size == abi->restore.size) {
        st = pkt_stat(pkt, abi->restore.statp);
        pkt_put_i32(pkt, abi->restore.create_status, pkt_i32(pkt, abi->restore.type));
        (void)pkt_ptr(pkt, abi->restore.olname);
    } else {
        st = pkt_stat(pkt, abi->save.statp);
        pkt_put_stat(pkt, abi->save.statp, &st);
        pkt_put_u64(pkt, abi->save.flags, (uint64_t)pkt_i32(pkt, abi->save.link_fi));
        pkt_put_bool(pkt, abi->save.no_read, pkt_is(pkt, size, abi->save.end));
    }
    stat_pack_to_entry(&head, &st);
    if (head.mtime_ns > 999999999 || head.atime_ns > 999999999)
        finding("nanoseconds beyond a second");
    stat_pack_from_entry(&st, &head);
    stat_pack_to_entry(&back, &st);
    if (memcmp(&head, &back, sizeof head) != 0)
        finding("attributes do not survive the packet");
    size_t len = in->left < sizeof name ? in->left : sizeof name;
    memcpy(name, in->at, len);
    size_t cap = 16 + len % (sizeof out - 16);
    if (strlen(job_printable(out, cap, name, len)) >= cap)
        finding("printable");
    free(pkt);
}

/* One file: its packet says anything, the strings exist. */
static void one_file(struct input *in, const struct abi *abi, const struct plugin_funcs *calls,
                     struct fd_context *ctx)
{
    uint8_t kind = take_byte(in);
    char *where = take_text(in, "/where"), *name = take_text(in, kind & 1 ? where : "/"),
         *link = take_text(in, kind & 2 ? where : "");
    uint8_t *pkt = malloc(abi->restore.size);
    struct stat st = { 0 };
    take(in, pkt, abi->restore.size);
    take(in, &st.st_mode, sizeof st.st_mode);
    take(in, &st.st_size, 3);
    st.st_uid = kind, st.st_rdev = 5;
    pkt_put_i32(pkt, 0, (int32_t)abi->restore.size);
    pkt_put_i32(pkt, abi->restore.end, (int32_t)abi->restore.size - !(kind & 0x70));
    pkt_put_stat(pkt, abi->restore.statp, &st);
    pkt_put_i32(pkt, abi->restore.type, take_byte(in) % 8);
    pkt_put_i32(pkt, abi->restore.replace, "awon"[kind % 4]);
    pkt_put_ptr(pkt, abi->restore.where, kind & 4 ? where : NULL);
    pkt_put_ptr(pkt, abi->restore.ofname, kind & 8 ? name : NULL);
    pkt_put_ptr(pkt, abi->restore.olname, link);
    calls->start_restore_file(ctx, "");
    if (calls->create_file(ctx, pkt) == RC_OK) {
        int status = pkt_i32(pkt, abi->restore.create_status);
        if (status < CREATE_SKIP || status > CREATE_CREATED)
            finding("createFile hands the file to the daemon");
        for (int i = take_byte(in) % 4; i > 0; i--) {
            uint8_t data[64];
            struct io_pkt io = { .pkt_size = sizeof io,
                                 .pkt_end = sizeof io,
                                 .buf = (char *)data,
                                 .func = take_byte(in) % 7,
                                 .whence = take_byte(in) % 4 };
            take(in, &io.offset, 3);
            take(in, data, sizeof data);
            io.count = take_byte(in) % (sizeof data + 1);
            int rc = calls->io(ctx, &io);
            if (rc == RC_OK && io.status > (int32_t)sizeof data)
                finding("more written than was given");
        }
        size_t len = take_byte(in) % (in->left + 1);
        char *block = malloc(len + 1);
        take(in, block, len);
        struct xacl_pkt xacl = { .pkt_size = sizeof xacl,
                                 .pkt_end = sizeof xacl,
                                 .func = take_byte(in) % 6,
                                 .content = block,
                                 .count = (int32_t)len };
        calls->xacl(ctx, &xacl);
        free(block);
        calls->set_attributes(ctx, pkt);
    }
    calls->end_restore_file(ctx);
    free(pkt), free(where), free(name), free(link);
}

static void restore(struct input *in)
{
    static const uint32_t versions[] = { 14, 21, 22, 23 };
    struct fd_info info = { .size = sizeof info, .version = version = versions[take_byte(in) % 4] };
    struct plugin_info *plugin;
    struct plugin_funcs *calls;
    struct fd_context ctx = { 0 };
    const struct abi *abi = abi_find(info.version);
    struct fd_funcs *fd = new_table(abi->fd_funcs_size, abi->fd_funcs_size, info.version);
    if (loadPlugin(&info, fd, &plugin, &calls) != RC_OK || calls->new_plugin(&ctx) != RC_OK)
        finding("the plugin does not load");
    char *command = take_text(in, "podheitor-hpc:path=/");
    calls->handle_event(&ctx, &(struct fd_event){ EVENT_RESTORE_COMMAND }, command);
    for (int files = 0; in->left > 0 && files < 8; files++)
        one_file(in, abi, calls, &ctx);
    char *name = take_text(in, "/");
    calls->check_file(&ctx, name);
    calls->handle_event(&ctx, &(struct fd_event){ in->left % 2 ? EVENT_END_RESTORE : EVENT_CANCEL },
                        NULL);
    calls->free_plugin(&ctx);
    if (ctx.plugin)
        finding("freePlugin left its context");
    free(name), free(command), free(fd);
    jail_clear("/");
    jail_prepare();
}

void jail_prepare(void)
{
    if (!quiet && !(quiet = fmemopen(unread, sizeof unread, "w")))
        finding("no memory");

    if (mkdir("/work", 0700) != 0)
        finding("/work");
}

void jailed(const uint8_t *bytes, size_t len)
{
    struct input in = { bytes, len };
    switch (take_byte(&in) % 4) {
    case 0: load(&in); break;
    case 1: accessors(&in); break;
    default: restore(&in);
    }
}
