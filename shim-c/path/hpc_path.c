/* openat2(2) where the kernel has it and a sandbox allows it; else one component after the other,
 * held by O_PATH. */
#include "hpc_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 5.6: declared here because the headers of older distributions lack it. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define RESOLVE_NO_MAGICLINKS_ 0x02u
#define RESOLVE_NO_SYMLINKS_   0x04u
#define RESOLVE_BENEATH_       0x08u
struct open_how_ {
    uint64_t flags, mode, resolve;
};

#define STEP_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

enum { UNKNOWN, THERE, MISSING };
#ifdef HPC_PATH_NO_OPENAT2 /* a test program */
static _Atomic int openat2_state = MISSING;
#else
static _Atomic int openat2_state = UNKNOWN;
#endif

static int openat2_(int dir, const char *path, int flags)
{
    struct open_how_ how = {
        .flags = (uint64_t)(unsigned)flags,
        .resolve = RESOLVE_BENEATH_ | RESOLVE_NO_SYMLINKS_ | RESOLVE_NO_MAGICLINKS_,
    };
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);

    return fd < 0 ? -errno : (int)fd;
}

/* EPERM may be the file's own answer, or that of a sandbox (seccomp), which would not give us "."
 * either. */
static bool openat2_is_missing(int dir)
{
    int state = atomic_load_explicit(&openat2_state, memory_order_relaxed);

    if (state == UNKNOWN) {
        int fd = openat2_(dir, ".", STEP_FLAGS);

        state = fd == -ENOSYS || fd == -EPERM ? MISSING : THERE;
        if (fd >= 0)
            close(fd);
        atomic_store_explicit(&openat2_state, state, memory_order_relaxed);
    }
    return state == MISSING;
}

/* One component. That a symlink is no directory is told as ELOOP, as openat2 does. */
static int open_one(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags);
    int error = errno;
    struct stat st;

    if (fd >= 0)
        return fd;
    if (error == ENOTDIR && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) &&
        S_ISLNK(st.st_mode))
        error = ELOOP;
    return -error;
}

/* A chunk of a path, shorter than PATH_MAX, ending in NUL, which is written to: every name but the
 * last is a directory. */
static int walk(int dir, char *chunk, int flags)
{
    int at = dir;

    for (char *name = chunk;;) {
        char *slash = strchr(name, '/');
        int next;

        if (slash)
            *slash = 0;
        next = open_one(at, name, slash ? STEP_FLAGS : flags);
        if (at != dir)
            close(at);
        if (next < 0 || !slash)
            return next;
        at = next;
        name = slash + 1;
    }
}

static int open_chunk_as(int dir, char *chunk, int flags)
{
    if (!openat2_is_missing(dir)) {
        int fd = openat2_(dir, chunk, flags);

        if (fd == -ENOSYS) /* the process was put into a sandbox meanwhile */
            atomic_store_explicit(&openat2_state, MISSING, memory_order_relaxed);
        else if (fd != -ENOTDIR) /* a symlink where a directory is wanted says that, too: step by
                                    step it is told apart */
            return fd;
    }
    return walk(dir, chunk, flags);
}

static int open_chunk(int dir, const char *chunk, int flags)
{
    char copy[PATH_MAX];
    int fd = open_chunk_as(dir, strcpy(copy, chunk), flags);

    if (fd == -EPERM && flags & O_NOATIME) /* neither owner nor CAP_FOWNER */
        fd = open_chunk_as(dir, strcpy(copy, chunk), flags & ~O_NOATIME);
    return fd;
}

/*
 * Copies whole components from *path to out (PATH_MAX bytes) as many as fit, with one slash between
 * them, and moves *path behind them and the slashes that follow. 0, or -errno.
 */
static int next_chunk(const char **path, const char *end, char *out)
{
    const char *at = *path;
    size_t used = 0;

    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t n = slash ? (size_t)(slash - at) : (size_t)(end - at);

        if (n == 0) {
            at++;
            continue;
        }
        if (memchr(at, 0, n) || (at[0] == '.' && (n == 1 || (n == 2 && at[1] == '.'))))
            return -EINVAL;
        if (n >= HPC_PATH_NAME)
            return -ENAMETOOLONG;
        if (used + 1 + n >= PATH_MAX)
            break;
        if (used)
            out[used++] = '/';
        memcpy(out + used, at, n);
        used += n;
        at += n;
    }
    while (at < end && *at == '/')
        at++;
    out[used] = 0;
    *path = at;
    return 0;
}

int hpc_path_open(int dir, const char *path, size_t len, int flags)
{
    const char *end = path + len;
    char chunk[PATH_MAX];
    int at = dir;

    if (flags & (O_CREAT | O_TRUNC))
        return -EINVAL;
    flags |= O_CLOEXEC | O_NOFOLLOW;
    if (flags & O_PATH) /* openat2 refuses what openat(2) leaves out of account */
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    do {
        int next = next_chunk(&path, end, chunk);

        if (!next)
            next = open_chunk(at, *chunk ? chunk : ".", path < end ? STEP_FLAGS : flags);
        if (at != dir)
            close(at);
        if (next < 0)
            return next;
        at = next;
    } while (path < end);
    return at;
}

/* Copies the last component; returns where it starts in the path, or -errno. */
static long last_name(const char *path, size_t len, char name[HPC_PATH_NAME])
{
    size_t from;

    while (len > 0 && path[len - 1] == '/')
        len--;
    for (from = len; from > 0 && path[from - 1] != '/';)
        from--;
    if (from == len)
        return -EINVAL;
    if (len - from >= HPC_PATH_NAME)
        return -ENAMETOOLONG;
    memcpy(name, path + from, len - from);
    name[len - from] = 0;
    if (strlen(name) != len - from || !strcmp(name, ".") || !strcmp(name, ".."))
        return -EINVAL;
    return (long)from;
}

int hpc_path_parent(int dir, const char *path, size_t len, char name[HPC_PATH_NAME])
{
    long from = last_name(path, len, name);

    return from < 0 ? (int)from : hpc_path_open(dir, path, (size_t)from, O_PATH | O_DIRECTORY);
}

static int stat_at(int dir, const char *name, int flags, struct stat *st)
{
    return fstatat(dir, name, st, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) ? -errno : 0;
}

int hpc_path_stat(int dir, const char *path, size_t len, struct stat *st)
{
    char name[HPC_PATH_NAME];
    long from;
    int parent, error;

    for (; len > 0 && *path == '/'; len--)
        path++;
    if (len == 0)
        return dir == AT_FDCWD ? stat_at(dir, ".", 0, st) : stat_at(dir, "", AT_EMPTY_PATH, st);
    from = last_name(path, len, name);
    if (from < 0)
        return (int)from;
    if (from == 0)
        return stat_at(dir, name, 0, st);
    parent = hpc_path_open(dir, path, (size_t)from, O_PATH | O_DIRECTORY);
    if (parent < 0)
        return parent;
    error = stat_at(parent, name, 0, st);
    close(parent);
    return error;
}

static int open_again(const char *path, int dir, int flags)
{
    int fd = openat(dir, path, flags);

    if (fd < 0 && errno == EPERM && flags & O_NOATIME)
        fd = openat(dir, path, flags & ~O_NOATIME);
    return fd < 0 ? -errno : fd;
}

/* Takes as much of the path as one call may have, whole components, and moves *path behind it and
 * its slashes. 0 or -errno. */
static int next_piece(const char **path, size_t *len, char piece[PATH_MAX])
{
    size_t take = *len;

    if (take >= PATH_MAX)
        for (take = PATH_MAX - 1; take > 0 && (*path)[take] != '/';)
            take--;
    if (take == 0)
        return -ENAMETOOLONG;
    memcpy(piece, *path, take);
    piece[take] = 0;
    for (*path += take, *len -= take; *len > 0 && **path == '/'; (*path)++)
        (*len)--;
    return 0;
}

int hpc_path_follow(const char *path, size_t len, int flags)
{
    char piece[PATH_MAX];
    int at = AT_FDCWD;

    if (len == 0)
        return -ENOENT;
    if (memchr(path, 0, len))
        return -EINVAL;
    do {
        int next = next_piece(&path, &len, piece);

        if (!next)
            next = open_again(piece, at,
                              len > 0 ? O_PATH | O_DIRECTORY | O_CLOEXEC
                                      : flags | O_CLOEXEC | O_NOCTTY);
        if (at >= 0)
            close(at);
        if (next < 0)
            return next;
        at = next;
    } while (len > 0);
    return at;
}

int hpc_path_reopen(int path_fd, int dir, const char *name, int flags, const struct stat *st)
{
    char self[32];
    struct stat now;
    int fd;

    flags |= O_CLOEXEC;
    snprintf(self, sizeof self, "/proc/self/fd/%d", path_fd);
    fd = open_again(self, AT_FDCWD, flags & ~O_NOFOLLOW);
    /* ENOENT: no /proc here; a file that was removed can still be opened that way */
    if (fd == -ENOENT && name && access("/proc/self/fd", F_OK))
        fd = open_again(name, dir, flags | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fd;
    if (fstat(fd, &now) || now.st_ino != st->st_ino || now.st_dev != st->st_dev ||
        ((now.st_mode ^ st->st_mode) & S_IFMT)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

int hpc_path_open_regular(int dir, const char *path, size_t len, int flags, struct stat *st)
{
    char name[HPC_PATH_NAME];
    int parent = hpc_path_parent(dir, path, len, name);
    int at, fd;

    if (parent < 0)
        return parent;
    at = open_one(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (at >= 0 && fstat(at, st))
        fd = -errno;
    else if (at >= 0 && !S_ISREG(st->st_mode))
        fd = -ENXIO;
    else
        fd = at < 0 ? at : hpc_path_reopen(at, parent, name, flags | O_NOCTTY, st);
    if (at >= 0)
        close(at);
    close(parent);
    return fd;
}
