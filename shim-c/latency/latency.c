/*
 * A library to preload that makes a filesystem as slow as one behind a network: every stat, every
 * open and every listing of a directory sleeps first. For benchmarks and tests; it treats every
 * program alike, as far as that calls the C library.
 *
 *   LATENCY_US=150 LATENCY_BELOW=/srv/tree LD_PRELOAD=build/latency.so find /srv/tree -size +1M
 *
 * LATENCY_US: microseconds, default 150. LATENCY_BELOW: only absolute names that begin so, and
 * names relative to a directory descriptor, are slow; default: all. A program's own start
 * (libraries, locales) uses absolute names elsewhere and stays as fast as it is.
 *
 * LATENCY_COUNT: a file to which the program appends at its end, as a line, how many stats and how
 * many other operations it waited for.
 *
 * The C library's readdir() calls getdents64 where nobody can step in, so a directory costs one
 * delay when it is opened. Reading attributes (xattr(7)) costs one, too.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_getxattrat /* Linux 6.13 */
#define SYS_getxattrat  464
#define SYS_listxattrat 465
#endif
#ifndef SYS_file_getattr /* 6.17 */
#define SYS_file_getattr 468
#endif

#define PUBLIC __attribute__((visibility("default")))

static struct timespec delay = { .tv_nsec = 150000 };
static const char *below;
static size_t below_len;
static __thread int exact; /* this thread's timer slack is set */
static _Atomic unsigned long stats, others;

__attribute__((constructor)) static void configure(void)
{
    const char *us = getenv("LATENCY_US");
    long n = us ? strtol(us, NULL, 10) : 150;

    delay.tv_sec = n / 1000000;
    delay.tv_nsec = n % 1000000 * 1000;
    below = getenv("LATENCY_BELOW");
    below_len = below ? strlen(below) : 0;
}

/* Without stdio, which may be gone by now. */
__attribute__((destructor)) static void report(void)
{
    const char *file = getenv("LATENCY_COUNT");
    char line[64];
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;

    if (fd < 0)
        return;
    if (write(fd, line, (size_t)snprintf(line, sizeof line, "%lu %lu\n", stats, others)) < 0)
        _exit(125);
    close(fd);
}

static void wait_for(const char *path, _Atomic unsigned long *count)
{
    int saved = errno;

    /* Names without a path are of descriptors (AT_EMPTY_PATH): what is open is in the cache. */
    if (path && !*path)
        return;
    if (path && below && path[0] == '/' && strncmp(path, below, below_len))
        return;
    ++*count;
    if (!exact) {
        prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
        exact = 1;
    }
    if (delay.tv_sec || delay.tv_nsec)
        nanosleep(&delay, NULL);
    errno = saved;
}

/* The next definition of a function of this name: the C library's. */
#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) \
    next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define SLOW(type, name, parameters, arguments, path, count) \
    PUBLIC type name parameters \
    { \
        NEXT(name); \
        wait_for(path, &count); \
        return next arguments; \
    }

#define STAT_FAMILY(suffix, buffer) \
    SLOW(int, stat##suffix, (const char *restrict p, buffer *restrict b), (p, b), p, stats) \
    SLOW(int, lstat##suffix, (const char *restrict p, buffer *restrict b), (p, b), p, stats) \
    SLOW(int, fstatat##suffix, (int d, const char *restrict p, buffer *restrict b, int f), \
         (d, p, b, f), p, stats)

STAT_FAMILY(, struct stat)
STAT_FAMILY(64, struct stat64)
SLOW(int, statx, (int d, const char *restrict p, int f, unsigned m, struct statx *restrict b),
     (d, p, f, m, b), p, stats)
SLOW(DIR *, opendir, (const char *p), (p), p, others)
SLOW(ssize_t, lgetxattr, (const char *p, const char *n, void *v, size_t s), (p, n, v, s), p, others)
SLOW(ssize_t, llistxattr, (const char *p, char *l, size_t s), (p, l, s), p, others)
SLOW(ssize_t, getxattr, (const char *p, const char *n, void *v, size_t s), (p, n, v, s), p, others)
SLOW(ssize_t, listxattr, (const char *p, char *l, size_t s), (p, l, s), p, others)
SLOW(ssize_t, fgetxattr, (int fd, const char *n, void *v, size_t s), (fd, n, v, s), NULL, others)
SLOW(ssize_t, flistxattr, (int fd, char *l, size_t s), (fd, l, s), NULL, others)

/* Before glibc 2.33 programs were built to call these. */
int __xstat(int v, const char *p, struct stat *b);
int __lxstat(int v, const char *p, struct stat *b);
int __fxstatat(int v, int d, const char *p, struct stat *b, int f);
int __xstat64(int v, const char *p, struct stat64 *b);
int __lxstat64(int v, const char *p, struct stat64 *b);
int __fxstatat64(int v, int d, const char *p, struct stat64 *b, int f);
SLOW(int, __xstat, (int v, const char *p, struct stat *b), (v, p, b), p, stats)
SLOW(int, __lxstat, (int v, const char *p, struct stat *b), (v, p, b), p, stats)
SLOW(int, __fxstatat, (int v, int d, const char *p, struct stat *b, int f), (v, d, p, b, f), p,
     stats)
SLOW(int, __xstat64, (int v, const char *p, struct stat64 *b), (v, p, b), p, stats)
SLOW(int, __lxstat64, (int v, const char *p, struct stat64 *b), (v, p, b), p, stats)
SLOW(int, __fxstatat64, (int v, int d, const char *p, struct stat64 *b, int f), (v, d, p, b, f), p,
     stats)

/* fts(3) of the C library stats where nobody can step in, so its entries cost what they would have:
 * a stat, and a directory to be listed an open. */
static void wait_for_entry(int info)
{
    if (info == FTS_D)
        wait_for(NULL, &others);
    if (info != FTS_DP && info != FTS_NSOK)
        wait_for(NULL, &stats);
}

#define FTS_FAMILY(name, tree, node) \
    PUBLIC node *name(tree *t) \
    { \
        NEXT(name); \
        node *e = next(t); \
        if (e) \
            wait_for_entry(e->fts_info); \
        return e; \
    }

FTS_FAMILY(fts_read, FTS, FTSENT)
FTS_FAMILY(fts64_read, FTS64, FTSENT64)

/* What programs built with _FORTIFY_SOURCE call. */
int __open_2(const char *p, int f);
int __open64_2(const char *p, int f);
int __openat_2(int d, const char *p, int f);
int __openat64_2(int d, const char *p, int f);
SLOW(int, __open_2, (const char *p, int f), (p, f), p, others)
SLOW(int, __open64_2, (const char *p, int f), (p, f), p, others)
SLOW(int, __openat_2, (int d, const char *p, int f), (d, p, f), p, others)
SLOW(int, __openat64_2, (int d, const char *p, int f), (d, p, f), p, others)

static mode_t mode_of(int flags, va_list args)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

#define OPEN_FAMILY(suffix) \
    PUBLIC int open##suffix(const char *p, int flags, ...) \
    { \
        va_list args; \
        va_start(args, flags); \
        mode_t mode = mode_of(flags, args); \
        va_end(args); \
        NEXT(open##suffix); \
        wait_for(p, &others); \
        return next(p, flags, mode); \
    } \
    PUBLIC int openat##suffix(int d, const char *p, int flags, ...) \
    { \
        va_list args; \
        va_start(args, flags); \
        mode_t mode = mode_of(flags, args); \
        va_end(args); \
        NEXT(openat##suffix); \
        wait_for(p, &others); \
        return next(d, p, flags, mode); \
    }

OPEN_FAMILY()
OPEN_FAMILY(64)

/* Programs that call the kernel by number; all take their path second, or first. */
PUBLIC long syscall(long number, ...)
{
    long a[6];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    NEXT(syscall);
    switch (number) {
    case SYS_statx:
    case SYS_newfstatat: wait_for((const char *)a[1], &stats); break;
    case SYS_openat:
    case SYS_openat2:
    case SYS_getxattrat:
    case SYS_listxattrat:
    case SYS_file_getattr: wait_for((const char *)a[1], &others); break;
#ifdef SYS_lstat
    case SYS_stat:
    case SYS_lstat: wait_for((const char *)a[0], &stats); break;
    case SYS_open: wait_for((const char *)a[0], &others); break;
#endif
    default: break;
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
