/*
 * The last pass: what directories are, children before their parents, and the inode flags that had
 * to wait. It walks the records as a tree and holds the directories of the last levels, so that
 * each is opened once and relative to its parent, however deep it lies. Nothing is given to a
 * directory that is not the one that was made or adopted.
 */
#include "../path/hpc_path.h"
#include "../wire/hpc_xattr.h"
#include "attributes/attributes.h"
#include "attributes/report.h"
#include "attributes/xattrs.h"
#include "entry.h"
#include "late.h"
#include "leader.h"
#include "place/identity.h"
#include "place/roots.h"
#include "place/way.h"
#include "store/record.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Directories of the way down that are held: one for each level. */
#define LEVELS_KEPT 64u

/* A directory on the way down. */
struct level {
    int fd; /* or -errno */
    size_t depth;
};
struct finishing {
    struct hpc_restore *r;
    int first_error;
    uint64_t done;
    int64_t deadline; /* CLOCK_MONOTONIC in milliseconds; 0: not cancelled */
    struct level levels[LEVELS_KEPT];
    size_t depth; /* of the directory in hand; the base's is 0 */
    struct bytes name, block;
};

/* A cancelled restore still gives directories what it knows of them, but not for long. */
static bool out_of_time(struct finishing *f)
{
    struct timespec time;
    if (!atomic_load(&f->r->cancelled))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t now = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
    if (!f->deadline)
        f->deadline = now + f->r->patience;
    return now >= f->deadline;
}

/* ---- descriptors of the way down ---- */

static struct level *level(struct finishing *f, size_t depth)
{
    return &f->levels[depth % LEVELS_KEPT];
}

static void set_level(struct finishing *f, size_t depth, int fd)
{
    struct level *l = level(f, depth);
    if (l->fd >= 0)
        close(l->fd);
    *l = (struct level){ .fd = fd, .depth = depth };
}

static int open_in(int parent, const char *name)
{
    int fd = hpc_path_open(parent, name, strlen(name), O_RDONLY | O_DIRECTORY);
    /* One that we may not read can still be gone through. */
    return fd == -EACCES ? hpc_path_open(parent, name, strlen(name), O_PATH | O_DIRECTORY) : fd;
}

/* A root that was adopted through a symlink. */
static int open_root(struct hpc_restore *r, uint64_t at)
{
    struct bytes path = { 0 };
    int err = r->roots.count ? record_path(r, at, &path) : -ELOOP;
    int dir = err ? err : roots_whole(&r->roots, path.data, path.len);
    int fd = dir < 0 ? dir : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = errno;
    free(path.data);
    if (dir < 0)
        return dir;
    close(dir);
    return fd < 0 ? -err : fd;
}

/* The parent of the directory in hand, when its descriptor had to be given up: what its child says,
 * if that is the right one, or all the way from the base. */
static int open_above(struct finishing *f, uint64_t at, const struct record *record, int child)
{
    struct bytes path = { 0 };
    struct statx sx;
    int fd = child >= 0 ? openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0 && identity_look(fd, NULL, &sx) == 0) {
        struct identity id = identity_of(&sx);
        if (identity_is_same(&id, &record->body.id))
            return fd;
    }
    if (fd >= 0)
        close(fd);
    int err = record_path(f->r, at, &path);
    fd = err ? err : hpc_path_open(f->r->base->fd, path.data, path.len, O_RDONLY | O_DIRECTORY);
    free(path.data);
    return fd == -ELOOP ? open_root(f->r, at) : fd;
}

/* ---- one record ---- */

static int check(int fd, const struct body *body)
{
    struct statx sx;
    int err = identity_look(fd, NULL, &sx);
    struct identity id = identity_of(&sx);
    return err ? err : identity_is_same(&id, &body->id) ? 0 : -ESTALE;
}

static bool give(struct finishing *f, const struct target *t, const struct body *body)
{
    struct hpc_restore *r = f->r;
    struct attributes attributes = body->attributes;
    struct stat st;
    if (body->kind == RECORD_FLAGS)
        return xattrs_apply_flags(r, t, body->inode_flags);
    if (body->kind == RECORD_PLACEHOLDER) {
        if (fstat(t->fd, &st) < 0 || !way_is_placeholder(st.st_mode, st.st_uid))
            return true;
        return report_took(r, t, "mode", fchmod(t->fd, DEFAULT_DIR_MODE) < 0 ? -errno : 0);
    }
    int err = bytes_reserve(&f->block, body->block_len + (size_t)1);
    if (!err)
        err = spool_read(&r->spool, f->block.data, body->block_len, body->block);
    if (err)
        return report_took(r, t, "xattrs", err);
    bool strip = body->kind == RECORD_CREATED || !body->keep_xattrs;
    struct block block = {
        .data = f->block.data,
        .len = body->block_len,
        .strip_acl = strip,
        .strip_default_acl = strip,
        .strip_others = strip && body->kind == RECORD_ADOPTED,
    };
    return attributes_apply(r, t, &attributes, &block) &
           xattrs_apply_flags(r, t, xattrs_flags(&block));
}

/* fd: the object, or -errno. */
static void finish_one(struct finishing *f, uint64_t at, const struct body *body, int fd)
{
    struct hpc_restore *r = f->r;
    struct target t = { .fd = fd, .record = at };
    if (body->kind < RECORD_PLACEHOLDER)
        return;
    int err = fd < 0 ? fd : check(fd, body);
    if (!err && geteuid() != 0 && fcntl(fd, F_GETFL) & O_PATH)
        err = -EACCES; /* see open_in() */
    bool done = err ? report_took(r, &t, body->kind == RECORD_FLAGS ? HPC_XATTR_FLAGS : "mode", err)
                    : give(f, &t, body);
    if (err && !f->first_error)
        f->first_error = err;
    if (!done)
        atomic_fetch_add(&r->stats.attributes_failed, 1);
    f->done++;
}

/* Goes to the directory `at`, whose parent is in hand: 0, or -errno of the spool. */
static int descend(struct finishing *f, uint64_t at, struct record *record)
{
    int parent = level(f, f->depth)->fd;
    int err = record_name(f->r, at, record, &f->name);
    if (err)
        return err;
    int fd = parent < 0 ? parent : open_in(parent, f->name.data);
    if (fd == -ELOOP)
        fd = open_root(f->r, at);
    struct statx sx;
    f->depth++;
    set_level(f, f->depth, fd);
    if (fd < 0 || record->body.kind >= RECORD_PLACEHOLDER || identity_look(fd, NULL, &sx) < 0)
        return 0;
    record->body.id = identity_of(&sx); /* so that its children can find it again */
    return record_update(f->r, at, &record->body);
}

static int finish_flags(struct finishing *f, uint64_t at, const struct record *record)
{
    int parent = level(f, f->depth)->fd;
    int err = record_name(f->r, at, record, &f->name);
    if (err)
        return err;
    int fd = parent;
    if (parent >= 0) {
        struct stat st;
        fd = hpc_path_open_regular(parent, f->name.data, f->name.len, O_RDONLY | O_NONBLOCK, &st);
        if (fd == -ENXIO) /* no regular file any more */
            fd = -ESTALE;
    }
    finish_one(f, at, &record->body, fd);
    if (fd >= 0)
        close(fd);
    return 0;
}

/* Back to the parent of the directory in hand, which gets what it is to be; the parent is opened
 * before that, if it must be. */
static int ascend(struct finishing *f, uint64_t at, const struct record *record)
{
    struct record parent;
    int fd = level(f, f->depth)->fd, above = -EBADF;
    bool lost = level(f, f->depth - 1)->depth != f->depth - 1;
    if (lost) {
        int err = record_read(f->r, record->parent, &parent);
        if (err)
            return err;
        above = open_above(f, record->parent, &parent, fd);
    }
    finish_one(f, at, &record->body, fd);
    set_level(f, f->depth, -EBADF);
    f->depth--;
    if (lost)
        set_level(f, f->depth, above);
    return 0;
}

static int walk(struct finishing *f)
{
    struct hpc_restore *r = f->r;
    struct record record;
    uint64_t at = r->root;
    bool down = true; /* whether the record in hand has not been entered yet */
    for (;;) {
        int err = out_of_time(f) ? -ECANCELED : record_read(r, at, &record);
        if (err)
            return err;
        bool leaf = record.body.kind == RECORD_FLAGS || !record.live;
        if (down && record.body.kind == RECORD_FLAGS)
            err = finish_flags(f, at, &record);
        else if (down && !leaf && at != r->root)
            err = descend(f, at, &record);
        if (err)
            return err;
        if (down && !leaf && record.child) {
            at = record.child;
            continue;
        }
        if (at == r->root) {
            finish_one(f, at, &record.body, level(f, 0)->fd);
            return 0;
        }
        if (!leaf && (err = ascend(f, at, &record)) < 0)
            return err;
        down = record.next != 0;
        at = down ? record.next : record.parent;
    }
}

static int last_pass(struct hpc_restore *r)
{
    struct finishing f = { .r = r };
    for (size_t i = 0; i < LEVELS_KEPT; i++)
        f.levels[i].fd = -EBADF;
    int base = openat(r->base->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base < 0)
        base = openat(r->base->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    set_level(&f, 0, base < 0 ? -errno : base);
    int err = walk(&f);
    for (size_t i = 0; i < LEVELS_KEPT; i++)
        set_level(&f, i, -EBADF);
    free(f.name.data);
    free(f.block.data);
    atomic_store(&r->stats.unfinished, r->todo - f.done);
    return err ? err : f.first_error;
}

void hpc_restore_links(struct hpc_restore *r)
{
    hpc_entry_end(r->single, r->single->whole);
    struct hpc_restore_entry *e = r->first_late ? hpc_entry_new(r) : NULL;
    late_make_all(r, e);
    hpc_entry_free(e);
    leader_remove_stashes(r);
}

int hpc_restore_finish(struct hpc_restore *r)
{
    hpc_restore_links(r);
    entry_rest(r->single);
    dir_rest(r);
    int err = last_pass(r);
    return atomic_load(&r->cancelled) ? -ECANCELED : err;
}
