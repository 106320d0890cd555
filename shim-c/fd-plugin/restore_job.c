#include "restore_job.h"
#include "../path/hpc_base.h"
#include "../restore/hpc_restore.h"
#include "../wire/hpc_frame.h"
#include "job/paths.h"
#include "job/stat_pack.h"
#include "limits.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One directory that files are restored below. Of the symlinks on the way to it root's own are
 * followed (hpc_base.h), below it none is. */
struct base {
    char *path;               /* without trailing '/'; "" is the root */
    struct hpc_restore *core; /* NULL: there is a symlink on the way that may be somebody else's */
    uint64_t refused;         /* entries, for that reason */
    struct job *job;
};

struct restore_job {
    struct base bases[RESTORE_BASES];
    size_t count;
    char *plugin_string; /* the last one, and the paths of all */
    struct paths paths;
    size_t roots;             /* of those, how many the root's base knows */
    bool keep_xattrs;         /* the job that saved them did not look at extended attributes */
    struct hpc_restore *core; /* of the file whose data are being written, NULL: none */
    struct hpc_restore *last; /* of the entry that began last, whose xattr block may come */
    bool still; /* that entry is complete and has no data, but the FD opens and closes it */
    char *name; /* of the file in progress, for messages */
    uint64_t expected, size, offset;
    bool closed;
    int error;  /* of a write to that file: the FD goes on without a word about the rest of it */
    int unread; /* errno with which its reading failed when it was saved */
};

static struct restore_job *get(struct job *job)
{
    if (!job->restore)
        job->restore = calloc(1, sizeof *job->restore);
    if (!job->restore)
        job_say(job, SAY_FATAL, "out of memory");
    return job->restore;
}

static void say_name(struct job *job, enum say kind, const char *name, const char *what)
{
    char text[1024];
    job_say(job, kind, "%s: %s", job_printable(text, sizeof text, name, strlen(name)), what);
}

int restore_job_command(struct job *job, const char *plugin_string)
{
    struct restore_job *r = get(job);
    struct hpc_params params;
    char error[512];
    if (!r)
        return RC_ERROR;
    if (r->plugin_string && strcmp(r->plugin_string, plugin_string) == 0)
        return RC_OK;
    free(r->plugin_string);
    r->plugin_string = strdup(plugin_string);
    /* The paths only choose a better base; a string that does not parse restores all the same. */
    if (hpc_params_parse((const uint8_t *)plugin_string, strlen(plugin_string), &params, error,
                         sizeof error) == 0) {
        int rc = paths_add(&r->paths, &params);
        r->keep_xattrs = false;
        for (size_t i = 0; i < params.count; i++)
            if (params.pairs[i].key_len == 6 && memcmp(params.pairs[i].key, "xattrs", 6) == 0)
                r->keep_xattrs = params.pairs[i].value_len == 2 &&
                                 memcmp(params.pairs[i].value, "no", 2) == 0;
        hpc_params_free(&params);
        if (rc != 0)
            return job_say(job, SAY_FATAL, "out of memory"), RC_ERROR;
    }
    return RC_OK;
}

/* Nowhere else than where it came from. */
static bool in_place(const char *where)
{
    return !where || !where[strspn(where, "/")];
}

/* How much of ofname is the base: `where`, or in place ("/" is in place, too) the saved path
 * itself, or nothing. */
static size_t base_length(struct restore_job *r, const char *where, const char *ofname,
                          bool is_directory)
{
    size_t len = where ? strlen(where) : 0;
    while (len > 0 && where[len - 1] == '/')
        len--;
    if (len > 0 && strncmp(ofname, where, len) == 0 && (ofname[len] == '/' || ofname[len] == 0))
        return len;
    if (!in_place(where))
        return 0;
    const char *path = paths_above(&r->paths, ofname);
    len = path ? strlen(path) : 0;
    if (len > 0 && ofname[len] == 0 && !is_directory) /* the path is a file: its directory */
        while (len > 0 && ofname[len - 1] != '/')
            len--;
    while (len > 0 && ofname[len - 1] == '/')
        len--;
    return len;
}

/* From the core: something that could not be set on an entry that is otherwise fine. */
static void on_attribute(void *context, const char *path, size_t len, const char *attribute,
                         int error)
{
    struct base *base = context;
    char text[1024], name[300];
    const char *slash = len > 0 ? "/" : "";
    int n = snprintf(text, sizeof text, "%s%s%.*s", base->path, slash, (int)(len < 700 ? len : 700),
                     path);
    char shown[1100];
    job_printable(shown, sizeof shown, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    job_say(base->job, SAY_WARNING, "%s: cannot set %s: %s", shown,
            job_printable(name, sizeof name, attribute, strlen(attribute)), strerror(error));
}

/* From the core, at its end: a hard link that waited for its leader. */
static void on_failure(void *context, const char *path, size_t len, const char *link,
                       size_t link_len, int error)
{
    struct base *base = context;
    char text[1400], name[1024], other[1024];
    int n = snprintf(name, sizeof name, "%s/%.*s", base->path, (int)(len < 700 ? len : 700), path);
    int m = snprintf(other, sizeof other, "%s/%.*s", base->path,
                     (int)(link_len < 700 ? link_len : 700), link);
    char shown[1100], shown_other[1100];
    job_printable(shown, sizeof shown, name, (size_t)n < sizeof name ? (size_t)n : sizeof name - 1);
    job_printable(shown_other, sizeof shown_other, other,
                  (size_t)m < sizeof other ? (size_t)m : sizeof other - 1);
    snprintf(
        text, sizeof text, "%s %s", shown_other,
        error == ENOENT ? "is not there to link to; remedy: restore it as well"
        : error == EEXIST
            ? "is another file, which was kept; remedy: restore elsewhere, or with replace=always"
            : strerror(error));
    job_say(base->job, SAY_ERROR, "%s: not restored: its other name %s", shown, text);
}

/* -ENOSPC: there are too many. */
static int add_base(struct job *job, struct restore_job *r, const struct base *base)
{
    if (r->count ==
        RESTORE_BASES -
            (*base->path != 0)) /* the last place is the root's, below which everything is */
        return -ENOSPC;
    pthread_mutex_lock(&job->cancel.lock);
    r->bases[r->count++] = *base;
    job->cancel.restore = r;
    pthread_mutex_unlock(&job->cancel.lock);
    return 0;
}

static void say_link(struct job *job, const char *base)
{
    char *link, text[400], shown[700];
    int fd = hpc_base_open(base, 0, &link);
    if (fd >= 0)
        close(fd);
    snprintf(shown, sizeof shown,
             "nothing is restored below it: the symbolic link %s on the way may lead where another "
             "user wants; "
             "remedy: restore with `where` set to the directory that it should lead to",
             job_printable(text, sizeof text, link ? link : base, strlen(link ? link : base)));
    say_name(job, SAY_ERROR, base, shown);
    free(link);
}

/* More of the job's paths may have come with another plugin string. */
static int reach(struct restore_job *r, struct base *base)
{
    if (!base->core)
        return -ELOOP;
    for (; !*base->path && r->roots < r->paths.count; r->roots++)
        hpc_restore_root(base->core, r->paths.list[r->roots], strlen(r->paths.list[r->roots]));
    return 0;
}

/* 0, -ELOOP (has been said), -ENOSPC, or what else is wrong with it, which has been said and ends
 * the job. */
static int find_base(struct job *job, struct restore_job *r, const char *ofname, size_t len,
                     int replace, struct base **found)
{
    int error = -ENOMEM;
    for (size_t i = 0; i < r->count; i++)
        if (strlen(r->bases[i].path) == len && memcmp(r->bases[i].path, ofname, len) == 0)
            return *found = &r->bases[i], reach(r, *found);
    struct base base = { .path = strndup(ofname, len), .job = job };
    const char *path = len > 0 && base.path ? base.path : "/";
    if (base.path)
        base.core = hpc_restore_new(path, job_string(job, job->abi->var.working_dir),
                                    (enum hpc_replace)replace, 0, &error);
    if (!base.core && error != -ELOOP) {
        say_name(job, SAY_FATAL, path, strerror(-error));
        free(base.path);
        return error;
    }
    int full = add_base(job, r, &base);
    if (full) {
        hpc_restore_free(base.core);
        free(base.path);
        return full;
    }
    *found = &r->bases[r->count - 1];
    if (!base.core) {
        say_link(job, path);
        return -ELOOP;
    }
    hpc_restore_on_attribute(base.core, on_attribute, *found);
    hpc_restore_on_failure(base.core, on_failure, *found);
    if (job_cancelled(job))
        hpc_restore_cancel(base.core);
    return reach(r, *found);
}

void restore_job_cancel(struct restore_job *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->bases[i].core)
            hpc_restore_cancel(r->bases[i].core);
}

/* Takes back a file that was begun and will not be finished. */
static void abandon(struct job *job, struct restore_job *r, const char *why)
{
    if (!r->core)
        return;
    hpc_restore_end(r->core, 0);
    r->core = NULL;
    if (!job_cancelled(job))
        say_name(job, SAY_ERROR, r->name, why);
}

static int begin(struct job *job, struct restore_job *r, const void *pkt, const char *ofname)
{
    const struct abi *abi = job->abi;
    struct stat st = pkt_stat(pkt, abi->restore.statp);
    struct hpc_entry_head head;
    int type = pkt_i32(pkt, abi->restore.type);
    const char *olname = pkt_ptr(pkt, abi->restore.olname);
    const char *where = pkt_ptr(pkt, abi->restore.where);
    size_t len = base_length(r, where, ofname, S_ISDIR(st.st_mode));
    /* Names of one file below several paths of the job: only the root is above them all, and what
     * it links to it must have made itself. */
    bool apart = type == TYPE_HARDLINK && olname &&
                 (strncmp(olname, ofname, len) != 0 || olname[len] != '/');
    bool named_twice = r->paths.count > 1 && !S_ISDIR(st.st_mode) &&
                       (type == TYPE_HARDLINK || st.st_nlink > 1);
    if (in_place(where) && (apart || named_twice))
        len = 0;
    int replace = pkt_i32(pkt, abi->restore.replace);
    if (!replace || !strchr("awon", replace))
        replace = HPC_REPLACE_ALWAYS;
    struct base *base;
    int wrong = find_base(job, r, ofname, len, replace, &base);
    if (wrong == -ENOSPC)
        wrong = find_base(job, r, ofname, len = 0, replace, &base);
    if (wrong == -ELOOP)
        base->refused++;
    if (wrong)
        return -ECANCELED; /* has been said */
    stat_pack_to_entry(&head, &st);
    if (type == TYPE_HARDLINK) {
        head.flags |= HPC_ENTRY_LINK;
        if (!olname || strncmp(olname, ofname, len) != 0)
            return -EXDEV;
        olname += len;
    } else if (type == TYPE_REGULAR)
        head.flags |= HPC_ENTRY_HAS_DATA;
    const char *name = ofname[len] ? ofname + len : "/";
    /* An empty file, too, stays open until its end: its extended attributes come after it. */
    if (S_ISREG(head.mode) && type == TYPE_EMPTY && head.size == 0)
        head.flags |= HPC_ENTRY_HAS_DATA;
    hpc_restore_keep_xattrs(base->core, r->keep_xattrs);
    int rc = hpc_restore_begin(base->core, &head, name, strlen(name), olname ? olname : "",
                               olname ? strlen(olname) : 0);
    if (rc >= 0 && rc != HPC_BEGIN_SKIPPED)
        r->last = base->core;
    r->still = rc == HPC_BEGIN_DONE && (type == TYPE_SPECIAL || type == TYPE_SYMLINK);
    if (rc == HPC_BEGIN_DATA) {
        free(r->name);
        r->name = strdup(ofname);
        if (!r->name)
            return -ENOMEM;
        r->core = base->core;
        r->expected = head.size;
        r->size = r->offset = 0;
        r->closed = false;
        r->error = r->unread = 0;
    }
    return rc;
}

int restore_job_create_file(struct job *job, void *pkt)
{
    const struct abi *abi = job->abi;
    struct restore_job *r = get(job);
    if (!r || job->fatal)
        return RC_ERROR;
    if (!pkt_is(pkt, abi->restore.size, abi->restore.end)) {
        job_say(job, SAY_FATAL,
                "this File Daemon's restore packet is not the one of release %s; remedy: use a "
                "plugin for this release",
                abi->release);
        return RC_ERROR;
    }
    const char *ofname = pkt_ptr(pkt, abi->restore.ofname);
    abandon(job, r, "not restored: its end never came");
    r->last = NULL;
    r->still = false;
    int rc = ofname ? begin(job, r, pkt, ofname) : -EINVAL;
    /* The FD hands on no extended attributes of what was merely "created", except of directories
     * (and of symlinks, but not 9.6). */
    int status = rc == HPC_BEGIN_DATA || r->still ? CREATE_EXTRACT
                 : rc == HPC_BEGIN_DONE           ? CREATE_CREATED
                 : rc == HPC_BEGIN_SKIPPED        ? CREATE_SKIP
                                                  : CREATE_ERROR;
    if (rc < 0 && rc != -ECANCELED) {
        char text[160];
        snprintf(text, sizeof text, "not restored: %s%s", strerror(-rc),
                 rc == -ERANGE  ? " (this filesystem cannot keep its device number)"
                 : rc == -ELOOP ? " (a directory above it is a symbolic link; none is followed)"
                                : "");
        say_name(job, SAY_ERROR, ofname ? ofname : "", text);
    }
    pkt_put_i32(pkt, abi->restore.create_status, status);
    return RC_OK;
}

static int io_fails(struct io_pkt *io, int error)
{
    io->status = -1;
    io->io_errno = error;
    return RC_ERROR;
}

static int seek(struct restore_job *r, struct io_pkt *io)
{
    int64_t from = io->whence == SEEK_SET ? 0
                                          : (int64_t)(io->whence == SEEK_CUR ? r->offset : r->size);
    int64_t to;
    if (__builtin_add_overflow(from, io->offset, &to) || to < 0)
        return io_fails(io, EINVAL);
    r->offset = (uint64_t)to;
    io->offset = to;
    return RC_OK;
}

static int write_data(struct restore_job *r, struct io_pkt *io)
{
    int rc = hpc_restore_write(r->core, r->offset, io->buf, (size_t)io->count);
    if (rc < 0) {
        r->error = -rc;
        return io_fails(io, -rc);
    }
    r->offset += (uint64_t)io->count;
    if (r->offset > r->size)
        r->size = r->offset;
    io->status = io->count;
    return RC_OK;
}

int restore_job_io(struct job *job, struct io_pkt *io)
{
    struct restore_job *r = job->restore;
    io->status = 0;
    if (!r || !r->core) { /* a symlink, fifo or device that is opened as if it were a file, for its
                             extended attributes' sake */
        if (r && r->still && (io->func == IO_OPEN || io->func == IO_SEEK)) {
            io->offset = 0;
            return RC_OK;
        }
        return io->func == IO_CLOSE ? RC_OK : io_fails(io, EBADF);
    }
    switch (io->func) {
    case IO_OPEN: return RC_OK;
    case IO_SEEK: return seek(r, io);
    case IO_WRITE: return io->count >= 0 ? write_data(r, io) : io_fails(io, EINVAL);
    case IO_CLOSE: r->closed = true; return RC_OK;
    default: return io_fails(io, EINVAL);
    }
}

/* The core sets attributes when the file is complete. Any status but CREATE_CORE keeps the FD from
 * doing it again by name. */
int restore_job_set_attributes(struct job *job, void *pkt)
{
    if (pkt_is(pkt, job->abi->restore.size, job->abi->restore.end))
        pkt_put_i32(pkt, job->abi->restore.create_status, CREATE_CREATED);
    return RC_OK;
}

/* The errno at the end of the block of a file that could not be read in full, which is cut off; 0:
 * it was. */
static int take_unread(const uint8_t *block, size_t *len)
{
    struct hpc_xattr x;
    uint32_t error;
    for (size_t at = 0, begin = 0; hpc_xattr_next(block, *len, &at, &x) > 0; begin = at)
        if (x.name_len == strlen(HPC_XATTR_UNREAD) &&
            memcmp(x.name, HPC_XATTR_UNREAD, x.name_len) == 0 && x.value_len == sizeof error) {
            memcpy(&error, x.value, sizeof error);
            *len = begin;
            return error > 0 && error < 4096 ? (int)error : EIO;
        }
    return 0;
}

int restore_job_xattrs(struct job *job, const struct xacl_pkt *pkt)
{
    struct restore_job *r = job->restore;
    if (!r || !r->last || pkt->count <= 0 || !pkt->content)
        return RC_OK;
    size_t len = (size_t)pkt->count;
    r->unread = take_unread((const uint8_t *)pkt->content, &len);
    int rc = len > 0 ? hpc_restore_xattrs(r->last, (const uint8_t *)pkt->content, len) : 0;
    return rc == 0 || rc == -ECANCELED ? RC_OK : RC_ERROR;
}

int restore_job_end_file(struct job *job)
{
    struct restore_job *r = job->restore;
    char text[200];
    if (r)
        r->last = NULL;
    if (!r || !r->core)
        return RC_OK;
    if (r->error) {
        snprintf(text, sizeof text, "not restored: %s", strerror(r->error));
        abandon(job, r, text);
        return RC_OK;
    }
    if (!r->closed || (r->size == 0 && r->expected > 0)) {
        snprintf(text, sizeof text, "not restored: its data did not come from the volume");
        if (r->unread)
            snprintf(text, sizeof text, "not restored: it could not be read during the backup (%s)",
                     strerror(r->unread));
        abandon(job, r, text);
        return RC_OK;
    }
    if (r->offset > r->size) /* a hole at the end */
        hpc_restore_write(r->core, r->size = r->offset, NULL, 0);
    int rc = hpc_restore_end(r->core, 1);
    r->core = NULL;
    if (rc < 0 && rc != -ECANCELED) {
        snprintf(text, sizeof text, "not restored: %s", strerror(-rc));
        say_name(job, SAY_ERROR, r->name, text);
    } else if (rc == 0 && r->unread) {
        snprintf(text, sizeof text,
                 "restored in part, %llu of %llu bytes: its reading failed during the backup (%s)",
                 (unsigned long long)r->size, (unsigned long long)r->expected, strerror(r->unread));
        say_name(job, SAY_ERROR, r->name, text);
    } else if (rc == 0 && r->size != r->expected) {
        snprintf(text, sizeof text,
                 "restored with %llu bytes, %llu when its attributes were read: it changed during "
                 "the backup",
                 (unsigned long long)r->size, (unsigned long long)r->expected);
        say_name(job, SAY_WARNING, r->name, text);
    }
    return RC_OK;
}

static void add_stats(struct hpc_restore_stats *sum, const struct hpc_restore *core)
{
    struct hpc_restore_stats one;
    uint64_t *to = (uint64_t *)sum, *from = (uint64_t *)&one; /* u64 each, by contract */
    hpc_restore_get_stats(core, &one);
    for (size_t i = 0; i < sizeof one / sizeof *to; i++)
        to[i] += from[i];
}

void restore_job_finish(struct job *job)
{
    struct restore_job *r = job->restore;
    struct hpc_restore_stats sum = { 0 };
    if (!r)
        return;
    abandon(job, r, "not restored: its end never came");
    /* Of all, before any directory gets its times: what one base links may lie in a directory of
     * another. */
    for (size_t i = 0; i < r->count; i++)
        if (r->bases[i].core)
            hpc_restore_links(r->bases[i].core);
    for (size_t i = 0; i < r->count; i++) {
        sum.failed += r->bases[i].refused;
        if (!r->bases[i].core)
            continue;
        int rc = hpc_restore_finish(r->bases[i].core);
        if (rc < 0 && rc != -ECANCELED)
            say_name(job, SAY_ERROR, *r->bases[i].path ? r->bases[i].path : "/",
                     "attributes of some directories below could not be set");
        add_stats(&sum, r->bases[i].core);
    }
    pthread_mutex_lock(&job->cancel.lock);
    job->cancel.restore = NULL;
    pthread_mutex_unlock(&job->cancel.lock);
    if (r->count > 0)
        job_say(job, SAY_INFO,
                "restored %llu files (%llu bytes), %llu directories, %llu symbolic links, %llu "
                "hard links, %llu fifos and devices; skipped %llu, failed %llu, attributes not set "
                "in full %llu; %llu extended attributes",
                (unsigned long long)sum.files, (unsigned long long)sum.bytes,
                (unsigned long long)sum.directories, (unsigned long long)sum.symlinks,
                (unsigned long long)sum.hardlinks, (unsigned long long)sum.specials,
                (unsigned long long)sum.skipped, (unsigned long long)sum.failed,
                (unsigned long long)sum.attributes_failed, (unsigned long long)sum.xattrs);
    if (sum.attributes_failed > 0)
        job_say(job, SAY_WARNING,
                "owner, extended attributes, ACL, mode, times or flags of %llu entries could not "
                "be set in full",
                (unsigned long long)sum.attributes_failed);
    for (size_t i = 0; i < r->count; i++) {
        hpc_restore_free(r->bases[i].core);
        free(r->bases[i].path);
    }
    paths_free(&r->paths);
    free(r->plugin_string);
    free(r->name);
    free(r);
    job->restore = NULL;
}
