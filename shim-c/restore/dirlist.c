/*
 * The list of directories whose mode and times are still to be set, in an anonymous file. One chain per depth, so that
 * children can be finished before their parents whatever the order of arrival; a record holds the offset of the
 * next one of its chain. Memory: 16 bytes per level of depth, however many directories there are.
 */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record {
    uint64_t next;  /* offset + 1; 0 = last */
    uint64_t len;   /* of the path that follows */
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

static int write_all(int fd, const void *data, size_t len, uint64_t offset)
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

static int append(struct hpc_dirlist *l, size_t chain, const struct hpc_attributes *a, const char *path, size_t len)
{
    if (chain >= l->chain_count) {
        size_t count = chain + 16;
        struct hpc_chain *grown = realloc(l->chains, count * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        memset(grown + l->chain_count, 0, (count - l->chain_count) * sizeof *grown);
        l->chains = grown;
        l->chain_count = count;
    }
    struct record record;
    memset(&record, 0, sizeof record);
    record.len = len;
    record.attributes = *a;
    int err = write_all(l->fd, &record, sizeof record, l->end);
    if (!err)
        err = write_all(l->fd, path, len, l->end + sizeof record);
    struct hpc_chain *c = &l->chains[chain];
    uint64_t offset = l->end + 1;
    if (!err && c->last)
        err = write_all(l->fd, &offset, sizeof offset, c->last - 1);
    if (err)
        return err;
    if (!c->first)
        c->first = offset;
    c->last = offset;
    l->end += sizeof record + len;
    return 0;
}

int hpc_dirlist_add(struct hpc_dirlist *l, const struct hpc_attributes *a, const char *path, size_t len)
{
    size_t depth = len > 0;
    for (size_t i = 0; i < len; i++)
        depth += path[i] == '/';
    return append(l, 1 + depth, a, path, len);
}

int hpc_dirlist_add_placeholder(struct hpc_dirlist *l, const char *path, size_t len)
{
    struct hpc_attributes none = { 0 };
    return append(l, 0, &none, path, len);
}

int hpc_dirlist_each(struct hpc_dirlist *l, size_t chain, hpc_dirlist_visit visit, void *context)
{
    struct hpc_bytes path = { 0 };
    int err = 0;
    for (uint64_t at = chain < l->chain_count ? l->chains[chain].first : 0; at && !err;) {
        struct record record;
        err = read_all(l->fd, &record, sizeof record, at - 1);
        if (!err)
            err = hpc_bytes_reserve(&path, record.len + 1);
        if (!err)
            err = read_all(l->fd, path.data, record.len, at - 1 + sizeof record);
        if (err)
            break;
        path.data[record.len] = 0;
        err = visit(context, &record.attributes, path.data, record.len);
        at = record.next;
    }
    free(path.data);
    return err;
}

void hpc_dirlist_free(struct hpc_dirlist *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    free(l->chains);
}
