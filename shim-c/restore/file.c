/* A regular file: its data under a temporary name, then its attributes and its own name. */
#include "internal.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hpc_file_open(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head)
{
    if (p->exists && !hpc_may_replace(r->replace, head, &p->st))
        return HPC_BEGIN_SKIPPED;
    struct hpc_file *f = &r->file;
    bool in_place = (r->flags & HPC_RESTORE_IN_PLACE) != 0;
    if (in_place && p->exists && unlinkat(p->parent, p->name, 0) < 0)
        return -errno;
    hpc_temp_name(r, f->temp);
    f->fd = openat(p->parent, in_place ? p->name : f->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return -errno;
    f->parent = p->parent;
    f->name = p->name;
    f->in_place = in_place;
    f->sparse = head->blocks < head->size / 512;
    f->head = *head;
    f->error = 0;
    f->whole = f->has_block = false;
    f->strip_acl = hpc_has_default_acl(r, p->parent);
    f->size = f->written = f->bytes = 0;
    return HPC_BEGIN_DATA;
}

int hpc_pwrite_all(int fd, const void *data, size_t len, uint64_t offset)
{
    for (const char *at = data; len;) {
        ssize_t n = pwrite(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int write_range(struct hpc_file *f, uint64_t offset, const char *data, size_t len)
{
    int err = hpc_pwrite_all(f->fd, data, len, offset);
    if (!err && len && offset + len > f->written)
        f->written = offset + len;
    return err;
}

static bool is_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Writes what is not zero; the file is new, so what is not written reads as zeros. */
static int write_sparse(struct hpc_file *f, uint64_t offset, const char *data, size_t len)
{
    size_t from = 0;  /* start of the run that is to be written */
    for (size_t at = 0; at < len;) {
        size_t n = HPC_SPARSE_BLOCK - (size_t)((offset + at) % HPC_SPARSE_BLOCK);
        if (n > len - at)
            n = len - at;
        if (is_zero(data + at, n)) {
            int err = write_range(f, offset + from, data + from, at - from);
            if (err)
                return err;
            from = at + n;
        }
        at += n;
    }
    return write_range(f, offset + from, data + from, len - from);
}

int hpc_restore_write(struct hpc_restore *r, uint64_t offset, const void *data, size_t len)
{
    struct hpc_file *f = &r->file;
    if (f->fd < 0)
        return -EBADF;
    if (atomic_load(&r->cancelled))
        return -ECANCELED;
    int err = f->error;
    if (!err && (offset > INT64_MAX || len > INT64_MAX - offset))
        err = -EFBIG;
    if (!err && len)
        err = f->sparse && offset >= f->size ? write_sparse(f, offset, data, len) : write_range(f, offset, data, len);
    f->error = err;
    if (err)
        return err;
    f->bytes += len;
    if (offset + len > f->size)
        f->size = offset + len;
    return 0;
}

void hpc_file_discard(struct hpc_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    unlinkat(f->parent, f->in_place ? f->name : f->temp, 0);
}

/* Inode flags of a file that other names may still be linked to: in the last pass. */
static bool flags_later(struct hpc_restore *r, const struct hpc_target *t, uint32_t flags)
{
    struct stat st;
    if (fstat(t->fd, &st) < 0)
        return hpc_took(r, t, "podheitor.flags", -errno);
    struct hpc_todo todo = {
        .kind = HPC_TODO_FLAGS, .inode_flags = flags, .ino = st.st_ino, .dev = st.st_dev, .path = r->path.data, .path_len = r->path.len,
    };
    return hpc_took(r, t, "podheitor.flags", hpc_dirlist_add(&r->dirs, &todo));
}

/* The final name, and then the flags: an immutable file can no longer be renamed. */
static int name_file(struct hpc_restore *r, const struct hpc_target *t, uint32_t flags, bool *all)
{
    struct hpc_file *f = &r->file;
    int kept = -1;
    if (flags && f->head.nlink > 1)
        *all &= flags_later(r, t, flags);
    else if (flags && (kept = fcntl(f->fd, F_DUPFD_CLOEXEC, 0)) < 0)
        *all &= hpc_took(r, t, "podheitor.flags", -errno);
    int fd = f->fd;
    f->fd = -1;
    int err = close(fd) < 0 && errno != EINTR ? -errno : 0;  /* network filesystems report lost writes here */
    if (!err && !f->in_place && renameat(f->parent, f->temp, f->parent, f->name) < 0)
        err = -errno;
    if (kept >= 0) {
        struct hpc_target same = *t;
        same.fd = kept;
        if (!err)
            *all &= hpc_apply_flags(r, &same, flags);
        close(kept);
    }
    return err;
}

int hpc_file_commit(struct hpc_restore *r)
{
    struct hpc_file *f = &r->file;
    if (f->error)
        return f->error;
    if (f->size > f->written && ftruncate(f->fd, (off_t)f->size) < 0)
        return -errno;
    struct hpc_attributes attributes;
    hpc_attributes_of(&attributes, &f->head);
    struct hpc_target t = { .fd = f->fd, .path = r->path.data, .path_len = r->path.len };
    struct hpc_block block = { .data = f->has_block ? r->block.data : "", .len = f->has_block ? r->block.len : 0, .strip_acl = f->strip_acl };
    bool all = hpc_apply(r, &t, &attributes, block.len || block.strip_acl ? &block : NULL);
    int err = name_file(r, &t, hpc_block_flags(&block), &all);
    if (!err && !all && !r->last_counted)
        r->stats.attributes_failed++;
    return err;
}
