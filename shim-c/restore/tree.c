/* Finding and making directories below the base. No symlink is ever followed, so nothing lands outside. */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2(2), Linux 5.6: declared here because the headers of older distributions lack it. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define RESOLVE_NO_SYMLINKS_ 0x04u
#define RESOLVE_BENEATH_ 0x08u
struct open_how_ {
    uint64_t flags, mode, resolve;
};

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

int hpc_bytes_reserve(struct hpc_bytes *b, size_t cap)
{
    if (cap <= b->cap)
        return 0;
    char *grown = realloc(b->data, cap + cap / 2);
    if (!grown)
        return -ENOMEM;
    b->data = grown;
    b->cap = cap + cap / 2;
    return 0;
}

int hpc_normalise(struct hpc_bytes *out, const char *name, size_t len)
{
    int err = hpc_bytes_reserve(out, len + 1);
    if (err)
        return err;
    if (memchr(name, 0, len))
        return -EINVAL;
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        const char *slash = memchr(name + at, '/', len - at);
        size_t n = slash ? (size_t)(slash - name) - at : len - at;
        const char *component = name + at;
        at += n + 1;
        if (n == 0)
            continue;
        if (component[0] == '.' && (n == 1 || (n == 2 && component[1] == '.')))
            return -EINVAL;
        if (used)
            out->data[used++] = '/';
        memcpy(out->data + used, component, n);
        used += n;
    }
    out->data[used] = 0;
    out->len = used;
    return 0;
}

bool hpc_is_placeholder(const struct stat *st)
{
    return S_ISDIR(st->st_mode) && (st->st_mode & 01777) == HPC_PLACEHOLDER_MODE && st->st_uid == geteuid();
}

int hpc_open_dir(int parent, const char *name, int flags)
{
    int fd = openat(parent, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int err = errno;
    struct stat st;
    if (err == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        err = ELOOP;
    return -err;
}

/* Makes one placeholder, or opens what somebody else made in the meantime. */
static int make_placeholder(int parent, const char *name)
{
    if (mkdirat(parent, name, HPC_PLACEHOLDER_MODE) < 0 && errno != EEXIST)
        return -errno;
    int fd = hpc_open_dir(parent, name, O_PATH);
    struct stat st;
    /* A umask may take our own bits away; root would not notice, others would. */
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0777) < 0700 &&
        fchmodat(parent, name, HPC_PLACEHOLDER_MODE, AT_SYMLINK_NOFOLLOW) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

/* Walks path[from..to) one component at a time; returns a descriptor of its own. */
static int walk(int start, const char *path, size_t from, size_t to, struct hpc_dirlist *made)
{
    char name[256];
    int dir = start;
    for (size_t at = from; at < to;) {
        const char *slash = memchr(path + at, '/', to - at);
        size_t n = slash ? (size_t)(slash - path) - at : to - at;
        int next = -ENAMETOOLONG;
        if (n < sizeof name) {
            memcpy(name, path + at, n);
            name[n] = 0;
            next = hpc_open_dir(dir, name, O_PATH);
            if (next == -ENOENT && made) {
                next = make_placeholder(dir, name);
                struct hpc_todo todo = { .kind = HPC_TODO_PLACEHOLDER, .path = path, .path_len = at + n };
                int err = next < 0 ? 0 : hpc_dirlist_add(made, &todo);
                if (err) {
                    close(next);
                    next = err;
                }
            }
        }
        if (dir != start)
            close(dir);
        if (next < 0)
            return next;
        dir = next;
        at += n + 1;
    }
    return dir;
}

/* Opens path[from..to), shorter than PATH_MAX, with one system call where the kernel can. */
static int open_chunk(struct hpc_tree *t, int start, const char *path, size_t from, size_t to, struct hpc_dirlist *made)
{
    if (!t->no_openat2) {
        char chunk[HPC_PATH_CHUNK + 1];
        memcpy(chunk, path + from, to - from);
        chunk[to - from] = 0;
        struct open_how_ how = { .flags = DIR_FLAGS, .resolve = RESOLVE_BENEATH_ | RESOLVE_NO_SYMLINKS_ };
        long fd = syscall(SYS_openat2, start, chunk, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM)
            t->no_openat2 = true;
        else if (errno != ENOENT || !made)
            return -errno;
    }
    return walk(start, path, from, to, made);
}

static size_t chunk_end(const char *path, size_t from, size_t len)
{
    if (len - from <= HPC_PATH_CHUNK)
        return len;
    const char *slash = memrchr(path + from, '/', HPC_PATH_CHUNK);
    return slash ? (size_t)(slash - path) : from;
}

/* path[at..len), at < len, below `start`; a descriptor of its own. */
static int open_below(struct hpc_tree *t, int start, const char *path, size_t at, size_t len, struct hpc_dirlist *made)
{
    int dir = start;
    while (at < len) {
        size_t end = chunk_end(path, at, len);
        int next = end > at ? open_chunk(t, dir, path, at, end, made) : -ENAMETOOLONG;
        if (dir != start)
            close(dir);
        if (next < 0)
            return next;
        dir = next;
        at = end + 1;
    }
    return dir;
}

int hpc_tree_dir(struct hpc_tree *t, struct hpc_dircache *cache, const char *path, size_t len, struct hpc_dirlist *made)
{
    const struct hpc_bytes *last = &cache->path;
    int start = t->base;
    size_t at = 0;
    if (len == 0)
        return t->base;
    if (cache->fd >= 0 && last->len <= len && memcmp(last->data, path, last->len) == 0) {
        if (last->len == len)
            return cache->fd;
        if (path[last->len] == '/') {
            start = cache->fd;
            at = last->len + 1;
        }
    }
    int dir = open_below(t, start, path, at, len, made);
    if (dir == -ELOOP && t->roots.count) {
        size_t used;
        int known = hpc_roots_open(&t->roots, path, len, &used);
        if (known < 0)
            return known;
        dir = known;
        if (used < len) {
            dir = open_below(t, known, path, used + 1, len, made);
            close(known);
        }
    }
    if (dir < 0)
        return dir;
    int err = hpc_bytes_reserve(&cache->path, len + 1);
    if (err) {
        close(dir);
        return err;
    }
    memcpy(cache->path.data, path, len);
    cache->path.len = len;
    if (cache->fd >= 0)
        close(cache->fd);
    cache->fd = dir;
    cache->acl = HPC_ACL_UNKNOWN;
    return dir;
}

void hpc_dircache_free(struct hpc_dircache *cache)
{
    if (cache->fd >= 0)
        close(cache->fd);
    cache->fd = -1;
    free(cache->path.data);
}
