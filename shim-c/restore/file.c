#include "file.h"
#include "../wire/hpc_xattr.h"
#include "attributes/attributes.h"
#include "attributes/report.h"
#include "attributes/xattrs.h"
#include "entry.h"
#include "leader.h"
#include "place/identity.h"
#include "place/name.h"
#include "store/record.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Zero blocks of this size become holes in files that were sparse: the block size of every common
 * filesystem. */
#define SPARSE_BLOCK 4096u

/*
 * Whether the new file inherited an ACL, which must go before its mode makes it count. Where nobody
 * else could have given the directory one this is known; elsewhere each file is asked, since a
 * default ACL may appear at any moment. The descriptor is that of the file we made, and is root's
 * own until then.
 */
static bool inherited_acl(struct hpc_restore_entry *e)
{
    struct dir *dir = e->parent;
    if (dir->alone || atomic_load(&dir->no_acls))
        return false;
    if (fgetxattr(e->fd, ACL_ACCESS, NULL, 0) >= 0)
        return true;
    if (errno == EOPNOTSUPP)
        atomic_store(&dir->no_acls, true);
    return errno != ENODATA && errno != EOPNOTSUPP;
}

static int create(struct hpc_restore_entry *e, const char *name)
{
    const struct hpc_create_ops *ops = &e->job->create;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    if (ops->create && e->head.layout)
        return ops->create(ops->arg, e->parent->fd, name, flags, 0600, e->head.layout);
    int fd = openat(e->parent->fd, name, flags, 0600);
    return fd < 0 ? -errno : fd;
}

int file_open(struct hpc_restore_entry *e)
{
    struct hpc_restore *r = e->job;
    int dir = e->parent->fd;
    e->in_place = r->flags & HPC_RESTORE_IN_PLACE && !e->stashed;
    if (e->in_place && e->exists && unlinkat(dir, e->name, 0) < 0)
        return -errno;
    name_temporary(r, e->temp);
    int fd = create(e, e->in_place ? e->name : e->temp);
    if (fd < 0)
        return fd;
    e->fd = fd;
    e->sparse = e->head.blocks < e->head.size / 512;
    e->error = 0;
    e->whole = e->has_block = false;
    e->strip_acl = inherited_acl(e);
    e->size = e->written = e->bytes = 0;
    return HPC_BEGIN_DATA;
}

static int write_range(struct hpc_restore_entry *e, uint64_t offset, const char *data, size_t len)
{
    const struct spool file = { .fd = e->fd };
    int err = spool_write(&file, data, len, offset);
    if (!err && len && offset + len > e->written)
        e->written = offset + len;
    return err;
}

static bool is_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Writes what is not zero; the file is new, so what is not written reads as zeros. */
static int write_sparse(struct hpc_restore_entry *e, uint64_t offset, const char *data, size_t len)
{
    size_t from = 0; /* start of the run that is to be written */
    for (size_t at = 0; at < len;) {
        size_t n = SPARSE_BLOCK - (size_t)((offset + at) % SPARSE_BLOCK);
        if (n > len - at)
            n = len - at;
        if (is_zero(data + at, n)) {
            int err = write_range(e, offset + from, data + from, at - from);
            if (err)
                return err;
            from = at + n;
        }
        at += n;
    }
    return write_range(e, offset + from, data + from, len - from);
}

int file_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len)
{
    int err = e->error;
    if (!err && (offset > INT64_MAX || len > INT64_MAX - offset))
        err = -EFBIG;
    if (!err && len)
        err = e->sparse && offset >= e->size ? write_sparse(e, offset, data, len)
                                             : write_range(e, offset, data, len);
    e->error = err;
    if (err)
        return err;
    e->bytes += len;
    if (offset + len > e->size)
        e->size = offset + len;
    return 0;
}

void file_discard(struct hpc_restore_entry *e)
{
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
    unlinkat(e->parent->fd, e->in_place ? e->name : e->temp, 0);
}

/* Inode flags of a file that other names may still be linked to: in the last pass. */
static bool flags_later(struct hpc_restore_entry *e, const struct target *t, uint32_t flags)
{
    struct hpc_restore *r = e->job;
    struct statx sx;
    uint64_t at;
    int err = identity_look(t->fd, NULL, &sx);
    if (!err) {
        struct body body = { .kind = RECORD_FLAGS, .inode_flags = flags, .id = identity_of(&sx) };
        pthread_mutex_lock(&r->lock);
        err = record_add(r, e->parent->record, e->name, strlen(e->name), &body, &at);
        pthread_mutex_unlock(&r->lock);
    }
    return report_took(r, t, HPC_XATTR_FLAGS, err);
}

/* The final name, and then the flags: an immutable file can no longer be renamed. */
static int name_file(struct hpc_restore_entry *e, const struct target *t, uint32_t flags, bool *all)
{
    int kept = -1, dir = e->parent->fd;
    if (flags && e->stashed)
        *all &= report_took(e->job, t, HPC_XATTR_FLAGS,
                            -EOPNOTSUPP); /* an immutable one could not be linked to */
    else if (flags && e->head.nlink > 1)
        *all &= flags_later(e, t, flags);
    else if (flags && (kept = fcntl(e->fd, F_DUPFD_CLOEXEC, 0)) < 0)
        *all &= report_took(e->job, t, HPC_XATTR_FLAGS, -errno);
    int fd = e->fd;
    e->fd = -1;
    int err = close(fd) < 0 && errno != EINTR ? -errno
                                              : 0; /* network filesystems report lost writes here */
    if (!err && !e->in_place && !e->stashed && renameat(dir, e->temp, dir, e->name) < 0)
        err = -errno;
    if (kept >= 0) {
        struct target same = *t;
        same.fd = kept;
        if (!err)
            *all &= xattrs_apply_flags(e->job, &same, flags);
        close(kept);
    }
    return err;
}

int file_commit(struct hpc_restore_entry *e)
{
    if (e->error)
        return e->error;
    if (e->size > e->written && ftruncate(e->fd, (off_t)e->size) < 0)
        return -errno;
    struct attributes attributes;
    attributes_of(&attributes, &e->head);
    struct target t = { .fd = e->fd, .path = &e->path };
    struct block block = { .data = e->block.data,
                           .len = e->has_block ? e->block.len : 0,
                           .strip_acl = e->strip_acl };
    bool all = attributes_apply(e->job, &t, &attributes,
                                block.len || block.strip_acl ? &block : NULL);
    struct statx sx;
    int err = leader_may_be(&e->head) ? identity_look(e->fd, NULL, &sx) : 0;
    if (!err)
        err = name_file(e, &t, xattrs_flags(&block), &all);
    if (!err && leader_may_be(&e->head)) {
        struct identity id = identity_of(&sx);
        err = e->stashed ? leader_stash(e, &id) : leader_note(e->job, &e->path, LEADER_MADE, &id);
    }
    if (!err && !all && !e->counted)
        atomic_fetch_add(&e->job->stats.attributes_failed, 1);
    return err;
}
