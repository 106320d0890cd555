/* The table of entry points: each finds its job in the context and hands on. The only globals are
 * set once, by loadPlugin. */
#include "backend/child.h"
#include "backup/announce.h"
#include "backup/backup.h"
#include "cancel.h"
#include "job/abi.h"
#include "job/job.h"
#include "job/lines.h"
#include "job/paths.h"
#include "restore_job.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT  __attribute__((visibility("default")))
#define RELEASE "0.1.0"

/* Constant after loadPlugin, which runs once, before any job. */
static const struct fd_funcs *fd_funcs;
static const struct abi *fd_abi;

static struct job *job_of(struct fd_context *ctx)
{
    return ctx ? ctx->plugin : NULL;
}

static int new_plugin(struct fd_context *ctx)
{
    struct job *job = calloc(1, sizeof *job);
    child_reap_left();
    if (!job)
        return RC_ERROR;
    job->ctx = ctx;
    job->abi = fd_abi;
    job->fd = fd_funcs;
    job->level = 'F';
    atomic_init(&job->cancel.wake, -1);
    pthread_mutex_init(&job->cancel.lock, NULL);
    ctx->plugin = job;
    return RC_OK;
}

/* Jobs end in many ways; whichever event comes first cleans up, and the others find nothing to do.
 */
static void end_of_job(struct job *job)
{
    backup_end(job);
    restore_job_finish(job);
}

static int free_plugin(struct fd_context *ctx)
{
    struct job *job = job_of(ctx);
    if (!job)
        return RC_OK;
    end_of_job(job);
    int wake = atomic_load(&job->cancel.wake);
    if (wake >= 0)
        close(wake);
    paths_free(&job->paths);
    if (job->lines)
        lines_free(job->lines);
    free(job->lines);
    free(job->clash);
    pthread_mutex_destroy(&job->cancel.lock);
    free(job);
    ctx->plugin = NULL;
    child_reap_left();
    return RC_OK;
}

static int handle_event(struct fd_context *ctx, struct fd_event *event, void *value)
{
    struct job *job = job_of(ctx);
    if (!job || !event)
        return RC_OK;
    switch (event->type) {
    case EVENT_LEVEL: job->level = (int)(intptr_t)value; return RC_OK;
    case EVENT_SINCE: job->since = (int64_t)(intptr_t)value; return RC_OK;
    case EVENT_PLUGIN_COMMAND: return value ? announce_line(job, value), RC_OK : RC_ERROR;
    case EVENT_START_BACKUP: return announce_job_starts(job), RC_OK;
    case EVENT_OPTION_PLUGIN:
    case EVENT_HANDLE_FILE:
        job_say(job, SAY_FATAL,
                "the FileSet has `Plugin = \"podheitor-hpc:…\"` inside Options { }; remedy: write "
                "it directly into Include { }, behind the Options");
        return RC_ERROR;
    case EVENT_BACKUP_COMMAND: return value ? backup_begin(job, value, false) : RC_ERROR;
    case EVENT_ESTIMATE_COMMAND: return value ? backup_begin(job, value, true) : RC_ERROR;
    case EVENT_RESTORE_COMMAND: return value ? restore_job_command(job, value) : RC_ERROR;
    case EVENT_CANCEL: cancel_request(job); return RC_OK;
    case EVENT_JOB_END: /* never comes for a cancelled job; 4, 6 and 8 do */
    case EVENT_END_BACKUP:
    case EVENT_END_RESTORE:
    case EVENT_END_VERIFY: end_of_job(job); return RC_OK;
    default: return RC_OK;
    }
}

static int start_backup_file(struct fd_context *ctx, void *pkt)
{
    struct job *job = job_of(ctx);
    return job && pkt ? backup_start_file(job, pkt) : RC_ERROR;
}

static int end_backup_file(struct fd_context *ctx)
{
    struct job *job = job_of(ctx);
    return job ? backup_end_file(job) : RC_ERROR;
}

static int start_restore_file(struct fd_context *ctx, const char *command)
{
    (void)command;
    return job_of(ctx) ? RC_OK : RC_ERROR;
}

static int end_restore_file(struct fd_context *ctx)
{
    struct job *job = job_of(ctx);
    return job ? restore_job_end_file(job) : RC_ERROR;
}

static int plugin_io(struct fd_context *ctx, struct io_pkt *io)
{
    struct job *job = job_of(ctx);
    if (!job || !io)
        return RC_ERROR;
    if (io->pkt_size != (int32_t)sizeof *io || io->pkt_end != (int32_t)sizeof *io) {
        job_say(job, SAY_FATAL,
                "this File Daemon's I/O packet is not the one of release %s; remedy: use a plugin "
                "for this release",
                job->abi->release);
        return RC_ERROR;
    }
    return job->backup ? backup_io(job, io) : restore_job_io(job, io);
}

static int create_file(struct fd_context *ctx, void *pkt)
{
    struct job *job = job_of(ctx);
    return job && pkt ? restore_job_create_file(job, pkt) : RC_ERROR;
}

static int set_attributes(struct fd_context *ctx, void *pkt)
{
    struct job *job = job_of(ctx);
    return job && pkt ? restore_job_set_attributes(job, pkt) : RC_ERROR;
}

/*
 * A name of the accurate list that no entry of this job was. It may be gone, or belong to another
 * shard, or have been left out: only the filesystem knows. Seen = do not record it as deleted.
 * Names that are not below our paths are not ours to judge.
 */
static int check_file(struct fd_context *ctx, char *name)
{
    struct job *job = job_of(ctx);
    const char *path = job && name ? paths_above(&job->paths, name) : NULL;
    if (!path)
        return RC_OK;
    return job_cancelled(job) || paths_exists(name, strlen(path)) ? RC_SEEN : RC_OK;
}

/* ACLs are extended attributes and travel with them, in one record of the XATTR stream. */
static int handle_xacl(struct fd_context *ctx, struct xacl_pkt *pkt)
{
    struct job *job = job_of(ctx);
    if (!job || !pkt)
        return RC_ERROR;
    if (pkt->pkt_size != (int32_t)sizeof *pkt || pkt->pkt_end != (int32_t)sizeof *pkt) {
        job_say(job, SAY_FATAL,
                "this File Daemon's ACL packet is not the one of release %s; remedy: use a plugin "
                "for this release",
                job->abi->release);
        return RC_ERROR;
    }
    switch (pkt->func) {
    case XATTR_BACKUP: return backup_xattrs(job, pkt);
    case XATTR_RESTORE: return restore_job_xattrs(job, pkt);
    case ACL_RESTORE: return RC_OK; /* nothing that we saved */
    default: pkt->count = 0; return RC_OK;
    }
}

static int no_value(struct fd_context *ctx, int var, void *value)
{
    (void)ctx, (void)var, (void)value;
    return RC_ERROR;
}

static struct plugin_info info = {
    .size = sizeof(struct plugin_info),
    .magic = "*FDPluginData*",
    .license = "Bacula AGPLv3",
    .author = "PodHeitor",
    .date = "2026",
    .release = RELEASE,
    .description = "Parallel backup of parallel filesystems",
};

static struct plugin_funcs funcs = {
    .new_plugin = new_plugin,
    .free_plugin = free_plugin,
    .get_value = no_value,
    .set_value = no_value,
    .handle_event = handle_event,
    .start_backup_file = start_backup_file,
    .end_backup_file = end_backup_file,
    .start_restore_file = start_restore_file,
    .end_restore_file = end_restore_file,
    .io = plugin_io,
    .create_file = create_file,
    .set_attributes = set_attributes,
    .check_file = check_file,
    .xacl = handle_xacl,
};

static int refuse(const struct fd_info *in, const struct fd_funcs *fd, const char *why)
{
    char text[256];
    snprintf(text, sizeof text,
             "podheitor-hpc: not loaded: interface version %u: %s. Known: 14 (9.6), 21 (11), 22 "
             "(13), 23 (15)\n",
             in ? in->version : 0, why);
    fputs(text, stderr);
    /* JobMessage has stood at the same place in every release. 6 is information up to 11 and a
     * warning since 13: harmless in both. */
    if (fd && fd->size >= ABI_FUNCS_MIN && fd->job_message)
        fd->job_message(NULL, "podheitor-hpc", 0, 6, 0, "%s", text);
    return RC_ERROR;
}

EXPORT int loadPlugin(struct fd_info *in, struct fd_funcs *fd, struct plugin_info **info_out,
                      struct plugin_funcs **funcs_out);
EXPORT int unloadPlugin(void);

int loadPlugin(struct fd_info *in, struct fd_funcs *fd, struct plugin_info **info_out,
               struct plugin_funcs **funcs_out)
{
    if (!in || !fd || !info_out || !funcs_out)
        return refuse(in, NULL, "the File Daemon passed no tables");
    const struct abi *abi = abi_find(in->version);
    if (!abi)
        return refuse(in, fd,
                      "this release of Bacula is not known to this plugin; remedy: install a "
                      "plugin made for it");
    if (fd->version != in->version || fd->size != abi->fd_funcs_size)
        return refuse(in, fd,
                      "the File Daemon's function table has an unexpected version or size; remedy: "
                      "install a plugin made for it");
    fd_abi = abi;
    fd_funcs = fd;
    info.version = funcs.version = in->version;
    funcs.size = abi->plugin_funcs_size;
    *info_out = &info;
    *funcs_out = &funcs;
    return RC_OK;
}

int unloadPlugin(void)
{
    return RC_OK;
}
