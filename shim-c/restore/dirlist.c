/*
 * The list of what the last pass has to do: directories whose owner, ACLs, mode and times are still to be set, and inode flags of files with several
 * names. It is an anonymous file. One chain per depth, so that children can be finished before their parents whatever the order of arrival; a record holds
 * the offset of the next one of its chain. Memory: 16 bytes per level of depth, however many directories there are.
 */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record {
    uint64_t next;   /* offset + 1; 0 = last */
    uint64_t block;  /* offset of the xattr block */
    uint64_t ino, dev;
    uint32_t block_len;
    uint32_t len;    /* of the path that follows */
    uint32_t kind, inode_flags;
    struct hpc_attributes attributes;
};

int hpc_dirlist_open(struct hpc_dirlist *l, int dir)
{
    l->fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (l->fd >= 0)
        return 0;
    /* Filesystems without O_TMPFILE (Lustre, NFS): a name for an instant. */
    char name[64];
    snprintf(name, sizeof name, ".podheitor-hpc.dirs.%d.%p", (int)getpid(), (void *)l);
    l->fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (l->fd < 0)
        return -errno;
    unlinkat(dir, name, 0);
    return 0;
}

static int read_all(int fd, void *data, size_t len, uint64_t offset)
{
    for (char *at = data; len;) {
        ssize_t n = pread(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int make_chain(struct hpc_dirlist *l, size_t chain)
{
    if (chain < l->chain_count)
        return 0;
    size_t count = chain + 16;
    struct hpc_chain *grown = realloc(l->chains, count * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memset(grown + l->chain_count, 0, (count - l->chain_count) * sizeof *grown);
    l->chains = grown;
    l->chain_count = count;
    return 0;
}

static size_t chain_of(const struct hpc_todo *todo)
{
    if (todo->kind == HPC_TODO_PLACEHOLDER)
        return 0;
    size_t depth = todo->path_len > 0;
    for (size_t i = 0; i < todo->path_len; i++)
        depth += todo->path[i] == '/';
    return 1 + depth;
}

int hpc_dirlist_add(struct hpc_dirlist *l, const struct hpc_todo *todo)
{
    size_t chain = chain_of(todo);
    if (todo->path_len > UINT32_MAX)
        return -ENAMETOOLONG;
    struct record record;
    memset(&record, 0, sizeof record);
    record.len = (uint32_t)todo->path_len;
    record.kind = todo->kind;
    record.inode_flags = todo->inode_flags;
    record.ino = todo->ino;
    record.dev = todo->dev;
    record.attributes = todo->attributes;
    int err = make_chain(l, chain);
    if (!err)
        err = hpc_pwrite_all(l->fd, &record, sizeof record, l->end);
    if (!err)
        err = hpc_pwrite_all(l->fd, todo->path, todo->path_len, l->end + sizeof record);
    if (err)
        return err;
    struct hpc_chain *c = &l->chains[chain];
    uint64_t offset = l->end + 1;
    if (c->last)
        err = hpc_pwrite_all(l->fd, &offset, sizeof offset, c->last - 1);
    if (err)
        return err;
    if (!c->first)
        c->first = offset;
    c->last = offset;
    l->last = l->end;
    l->end += sizeof record + todo->path_len;
    return 0;
}

int hpc_dirlist_attach(struct hpc_dirlist *l, const void *block, size_t len)
{
    struct record record;
    if (len > UINT32_MAX)
        return -EFBIG;
    int err = read_all(l->fd, &record, sizeof record, l->last);
    if (!err && record.block_len)
        err = -EEXIST;
    if (!err)
        err = hpc_pwrite_all(l->fd, block, len, l->end);
    record.block = l->end;
    record.block_len = (uint32_t)len;
    if (!err)
        err = hpc_pwrite_all(l->fd, &record, sizeof record, l->last);
    if (!err)
        l->end += len;
    return err;
}

/* Reads len bytes into b, terminated. */
static int read_into(const struct hpc_dirlist *l, struct hpc_bytes *b, size_t len, uint64_t offset)
{
    int err = hpc_bytes_reserve(b, len + 1);
    if (!err)
        err = read_all(l->fd, b->data, len, offset);
    if (!err)
        b->data[len] = 0;
    return err;
}

int hpc_dirlist_each(struct hpc_dirlist *l, size_t chain, hpc_dirlist_visit visit, void *context)
{
    struct hpc_bytes path = { 0 }, block = { 0 };
    int err = 0;
    for (uint64_t at = chain < l->chain_count ? l->chains[chain].first : 0; at && !err;) {
        struct record record;
        err = read_all(l->fd, &record, sizeof record, at - 1);
        if (!err)
            err = read_into(l, &path, record.len, at - 1 + sizeof record);
        if (!err)
            err = read_into(l, &block, record.block_len, record.block);
        if (err)
            break;
        struct hpc_todo todo = {
            .kind = (enum hpc_todo_kind)record.kind, .inode_flags = record.inode_flags, .ino = record.ino, .dev = record.dev, .attributes = record.attributes,
            .path = path.data, .path_len = record.len, .block = block.data, .block_len = record.block_len,
        };
        err = visit(context, &todo);
        at = record.next;
    }
    free(path.data);
    free(block.data);
    return err;
}

void hpc_dirlist_free(struct hpc_dirlist *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    free(l->chains);
}
