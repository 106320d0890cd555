#include "objects.h"
#include "attributes/attributes.h"
#include "attributes/report.h"
#include "attributes/xattrs.h"
#include "entry.h"
#include "leader.h"
#include "place/identity.h"
#include "place/name.h"
#include "place/replace.h"
#include "place/roots.h"
#include "place/stage.h"
#include "place/way.h"
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The record of a directory, with what the last pass is to do. */
static int note(struct hpc_restore_entry *e, enum record_kind kind, const struct statx *sx,
                uint64_t *at)
{
    struct hpc_restore *r = e->job;
    struct body body = { .kind = kind,
                         .id = identity_of(sx),
                         .keep_xattrs = atomic_load(&r->keep_xattrs) };
    attributes_of(&body.attributes, &e->head);
    pthread_mutex_lock(&r->lock);
    int err = record_find(r, e->parent->record, e->name, strlen(e->name), at);
    if (!err)
        err = *at ? record_update(r, *at, &body)
                  : record_add(r, e->parent->record, e->name, strlen(e->name), &body, at);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* 1: made in this run; 0: not so; -ESTALE: another directory has been put in the place of one that
 * was, and is not to get what was meant for that. */
static int is_ours(struct hpc_restore_entry *e, const struct statx *sx)
{
    struct hpc_restore *r = e->job;
    struct identity id = identity_of(sx);
    struct record record = { .body.kind = RECORD_PASSAGE };
    uint64_t at;
    pthread_mutex_lock(&r->lock);
    int err = record_find(r, e->parent->record, e->name, strlen(e->name), &at);
    if (!err && at)
        err = record_read(r, at, &record);
    pthread_mutex_unlock(&r->lock);
    bool made = record.body.kind == RECORD_PLACEHOLDER || record.body.kind == RECORD_CREATED;
    if (err || !made)
        return err;
    return identity_is_same(&id, &record.body.id) ? 1 : -ESTALE;
}

/* An existing directory keeps what is in it; its attributes are ours unless the rule is `never`. */
static int adopt(struct hpc_restore_entry *e, int *fd, struct statx *sx, bool *ours)
{
    *fd = openat(e->parent->fd, e->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return -errno;
    int err = identity_look(*fd, NULL, sx);
    int made = err ? err : is_ours(e, sx);
    if (made < 0)
        err = made;
    *ours = made > 0;
    bool known = *ours || (!err && way_is_placeholder(sx->stx_mode, sx->stx_uid));
    if (!err && !known && e->job->replace == HPC_REPLACE_NEVER)
        err = HPC_BEGIN_SKIPPED;
    /* Whether we may write in somebody else's directory shows when the children are made. */
    if (!err && geteuid() != 0 && (sx->stx_mode & 0700) != 0700 &&
        attributes_chmod(*fd, (sx->stx_mode & 07777) | 0700) < 0 && known)
        err = -errno;
    if (!err && known)
        err = note(e, RECORD_CREATED, sx, &e->record);
    else if (!err)
        err = note(e, RECORD_ADOPTED, sx, &e->record);
    if (err)
        close(*fd);
    return err;
}

static int make_directory(struct hpc_restore_entry *e)
{
    struct statx sx;
    bool ours = true;
    int fd, err;
    if (e->exists && S_ISDIR(e->st.st_mode)) {
        err = adopt(e, &fd, &sx, &ours);
        if (err)
            return err;
        return dir_keep(e->job, fd, &sx, e->record, ours, e->path.data, e->path.len);
    }
    if (e->exists && !replace_allowed(e))
        return HPC_BEGIN_SKIPPED;
    if (e->exists && unlinkat(e->parent->fd, e->name, 0) < 0)
        return -errno;
    fd = stage_make_dir(e->job, e->parent, e->name, 0700, &sx);
    if (fd < 0)
        return fd;
    err = note(e, RECORD_CREATED, &sx, &e->record);
    if (err) {
        close(fd);
        return err;
    }
    return dir_keep(e->job, fd, &sx, e->record, true, e->path.data, e->path.len);
}

int objects_make_directory(struct hpc_restore_entry *e)
{
    int err = make_directory(e);
    if (err != -EEXIST || e->exists)
        return err;
    /* Somebody made it meanwhile, as like as not as the parent of another entry. */
    e->exists = fstatat(e->parent->fd, e->name, &e->st, AT_SYMLINK_NOFOLLOW) == 0;
    return e->exists ? make_directory(e) : err;
}

int objects_adopt_root(struct hpc_restore_entry *e)
{
    struct hpc_restore *r = e->job;
    struct statx sx;
    int fd = roots_whole(&r->roots, e->path.data, e->path.len);
    if (fd < 0)
        return fd;
    int err = identity_look(fd, NULL, &sx);
    if (!err)
        err = r->replace == HPC_REPLACE_NEVER ? HPC_BEGIN_SKIPPED
                                              : note(e, RECORD_ADOPTED, &sx, &e->record);
    if (err) {
        close(fd);
        return err;
    }
    return dir_keep(r, fd, &sx, e->record, false, e->path.data, e->path.len);
}

int objects_adopt_base(struct hpc_restore_entry *e)
{
    struct hpc_restore *r = e->job;
    struct body body = { .kind = RECORD_ADOPTED,
                         .id = r->base->id,
                         .keep_xattrs = atomic_load(&r->keep_xattrs) };
    if (!S_ISDIR(e->head.mode))
        return -EINVAL;
    if (r->replace == HPC_REPLACE_NEVER)
        return HPC_BEGIN_SKIPPED;
    attributes_of(&body.attributes, &e->head);
    e->record = r->root;
    pthread_mutex_lock(&r->lock);
    int err = record_update(r, r->root, &body);
    pthread_mutex_unlock(&r->lock);
    return err;
}

int objects_note_parent(struct hpc_restore_entry *e)
{
    struct hpc_restore *r = e->job;
    struct record record;
    uint64_t at = 0;
    pthread_mutex_lock(&r->lock);
    int err = record_along(r, r->root, e->path.data, e->path.len, &at);
    if (!err)
        err = record_read(r, at, &record);
    bool made = !err && record.body.kind == RECORD_PLACEHOLDER;
    if (made || (!err && record.body.kind == RECORD_PASSAGE && at != r->root)) {
        record.body.kind = made ? RECORD_CREATED : RECORD_PARENT;
        attributes_of(&record.body.attributes, &e->head);
        err = record_update(r, at, &record.body);
        e->record = at;
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* A device whose numbers the filesystem cannot keep would be another device. */
static int check_device(const struct hpc_restore_entry *e, int dir, const char *name)
{
    struct stat st;
    if (!S_ISCHR(e->head.mode) && !S_ISBLK(e->head.mode))
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return st.st_rdev == (dev_t)e->head.rdev ? 0 : -ERANGE;
}

/* Of a node that was made where nobody else can change names: all that is to be done by that name.
 */
static int equip(struct hpc_restore_entry *e, int dir, const char *name, bool *all)
{
    struct hpc_restore *r = e->job;
    struct attributes attributes;
    struct target t = { .fd = dir, .name = name, .path = &e->path };
    struct statx sx;
    int err = check_device(e, dir, name);
    if (err)
        return err;
    attributes_of(&attributes, &e->head);
    *all = attributes_apply(r, &t, &attributes, NULL);
    if (!e->parent->alone) { /* for its xattr block, which comes when it has its own name */
        e->held = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (e->held < 0)
            return -errno;
    }
    if (!leader_may_be(&e->head))
        return 0;
    err = identity_look(dir, name, &sx);
    struct identity id = identity_of(&sx);
    return err ? err : leader_note(r, &e->path, LEADER_MADE, &id);
}

int objects_make_node(struct hpc_restore_entry *e)
{
    char temp[40];
    bool all = true;
    int at = stage_of(e->job, e->parent);
    if (at < 0)
        return at;
    bool direct = e->parent->alone && !e->exists;
    name_temporary(e->job, temp);
    const char *name = direct ? e->name : temp;
    int made = S_ISLNK(e->head.mode)
                   ? symlinkat(e->link.data, at, name)
                   : mknodat(at, name, (e->head.mode & S_IFMT) | 0600, (dev_t)e->head.rdev);
    if (made < 0)
        return -errno;
    int err = equip(e, at, name, &all);
    if (!err && !direct && renameat(at, name, e->parent->fd, e->name) < 0)
        err = -errno;
    if (err) {
        unlinkat(at, name, 0);
        return err;
    }
    e->counted = !all;
    if (!all)
        atomic_fetch_add(&e->job->stats.attributes_failed, 1);
    return 0;
}

bool objects_give_block(struct hpc_restore_entry *e, const struct block *block)
{
    struct hpc_restore *r = e->job;
    struct target t = { .fd = e->held, .path_only = true, .path = &e->path };
    if (t.fd < 0)
        t.fd = openat(e->parent->fd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (t.fd < 0)
        return report_took(r, &t, "xattrs", -errno);
    bool all = xattrs_apply(r, &t, block) & xattrs_apply_flags(r, &t, xattrs_flags(block));
    if (t.fd != e->held)
        close(t.fd);
    return all;
}
