#include "hpc_base.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* As many as the kernel follows in one path. */
#define LINKS_MAX 40

struct walk {
    int dir;        /* where we are */
    struct stat st; /* of it */
    bool firm;      /* nobody else can exchange a component of the way here */
    char *rest;     /* what is still to be walked */
    size_t own; /* so many bytes at its end are the caller's path, those before come from a link */
    unsigned links;
    char *place; /* the way here, without links: "" is the root */
};

static bool ours(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Could somebody else put another object in this one's place in `dir`? A directory can only be
 * moved by who may write to it, so that root's own in a sticky directory was put there by root; a
 * link may have been moved there by anybody. */
static bool exchangeable(const struct stat *dir, const struct stat *component)
{
    if (!ours(dir->st_uid))
        return true;
    if (!(dir->st_mode & (S_IWGRP | S_IWOTH)))
        return false;
    return !(dir->st_mode & S_ISVTX) || !ours(component->st_uid) || !S_ISDIR(component->st_mode);
}

/* a + "/" + b; a is not freed. NULL: no memory. */
static char *joined(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    char *out = malloc(a_len + b_len + 2);
    if (!out)
        return NULL;
    memcpy(out, a, a_len);
    out[a_len] = '/';
    memcpy(out + a_len + 1, b, b_len + 1);
    return out;
}

/* Goes on from `dir`, which the walk then owns. */
static int arrive(struct walk *w, int dir, const char *name)
{
    char *place = NULL;
    if (strcmp(name, "..") == 0) {
        char *slash = strrchr(w->place, '/');
        place = strndup(w->place, slash ? (size_t)(slash - w->place) : 0);
    } else {
        place = joined(w->place, name);
    }
    if (!place) {
        close(dir);
        return -ENOMEM;
    }
    free(w->place);
    w->place = place;
    close(w->dir);
    w->dir = dir;
    return fstat(dir, &w->st) < 0 ? -errno : 0;
}

static int to_root(struct walk *w)
{
    int dir = open("/", DIR_FLAGS);
    if (dir < 0)
        return -errno;
    if (w->dir >= 0)
        close(w->dir);
    w->dir = dir;
    if (w->place)
        *w->place = 0;
    else
        w->place = strdup("");
    if (!w->place)
        return -ENOMEM;
    return fstat(dir, &w->st) < 0 ? -errno : 0;
}

/* Puts where the link behind fd leads in front of what is still to be walked. */
static int follow(struct walk *w, int fd)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(fd, "", target, sizeof target);
    if (n < 0)
        return -errno;
    if (n == 0 || n == sizeof target)
        return n ? -ENAMETOOLONG : -ENOENT;
    target[n] = 0;
    size_t left = strlen(w->rest);
    if (left < w->own)
        w->own = left;
    char *rest = joined(target, w->rest);
    if (!rest)
        return -ENOMEM;
    free(w->rest);
    w->rest = rest;
    return *target == '/' ? to_root(w) : 0;
}

static bool of_proc(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Such a link may lead to what its text does not: into another root, or to what has no name any
 * more. */
static int follow_proc(struct walk *w, const char *name, int how)
{
    int fd = openat(w->dir, name, how);
    return fd < 0 ? -errno : arrive(w, fd, name);
}

/* The component is no directory: a link that may be followed, one that may not, or something else.
 */
static int meet(struct walk *w, const char *name, bool any, char **link)
{
    struct stat st;
    int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = fstat(fd, &st) < 0 ? -errno : 0;
    any = any && !w->rest[strspn(w->rest, "/")];
    if (!err && !S_ISLNK(st.st_mode)) {
        if (any || S_ISDIR(st.st_mode)) { /* a directory: somebody exchanged it for the link that
                                             was there before */
            w->firm = w->firm && !exchangeable(&w->st, &st);
            return arrive(w, fd, name);
        }
        err = -ENOTDIR;
    }
    if (!err &&
        (!w->firm || !ours(st.st_uid) || exchangeable(&w->st, &st) || ++w->links > LINKS_MAX)) {
        err = -ELOOP;
        if (link)
            *link = joined(w->place, name);
    }
    if (!err)
        err = of_proc(fd) ? follow_proc(w, name, O_PATH | O_CLOEXEC | (any ? 0 : O_DIRECTORY))
                          : follow(w, fd);
    close(fd);
    return err;
}

static int step(struct walk *w, const char *name, unsigned flags, char **link)
{
    bool make = flags & HPC_BASE_MAKE && strlen(w->rest) <= w->own;
    int dir = openat(w->dir, name, DIR_FLAGS);
    if (dir < 0 && errno == ENOENT && make) {
        if (mkdirat(w->dir, name, 0755) < 0 && errno != EEXIST)
            return -errno;
        dir = openat(w->dir, name, DIR_FLAGS);
    }
    if (dir < 0)
        return errno == ENOTDIR || errno == ELOOP ? meet(w, name, flags & HPC_BASE_ANY, link)
                                                  : -errno;
    struct stat above = w->st;
    int err = arrive(w, dir, name);
    if (!err && strcmp(name, "..") != 0 && exchangeable(&above, &w->st))
        w->firm = false;
    return err;
}

/* Takes the next component off the rest; false: there is none. */
static bool next_component(struct walk *w, char name[NAME_MAX + 1], int *err)
{
    char *at = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(at, "/");
    *err = n > NAME_MAX ? -ENAMETOOLONG : 0;
    if (*err || n == 0)
        return false;
    memcpy(name, at, n);
    name[n] = 0;
    memmove(w->rest, at + n, strlen(at + n) + 1);
    return true;
}

/* The working directory as it is held: it has no path that could be walked. Who could exchange it
 * nobody knows. */
static int from_here(struct walk *w, const char *path)
{
    w->firm = false;
    w->rest = strdup(path);
    w->place = strdup(".");
    if (!w->rest || !w->place)
        return -ENOMEM;
    w->dir = open(".", DIR_FLAGS);
    return w->dir < 0 || fstat(w->dir, &w->st) < 0 ? -errno : 0;
}

/* A relative path is walked from the root as well: who may exchange a directory above the working
 * one decides, too. */
static int begin(struct walk *w, const char *path)
{
    char here[PATH_MAX];
    if (!*path)
        return -ENOENT;
    if (*path != '/' && (!getcwd(here, sizeof here) || *here != '/'))
        return from_here(w, path);
    w->rest = *path == '/' ? strdup(path) : joined(here, path);
    return w->rest ? to_root(w) : -ENOMEM;
}

int hpc_base_open(const char *path, unsigned flags, char **link)
{
    struct walk w = { .dir = -1, .firm = true, .own = SIZE_MAX };
    char name[NAME_MAX + 1];
    if (link)
        *link = NULL;
    int err = begin(&w, path);
    while (!err && next_component(&w, name, &err))
        if (strcmp(name, ".") != 0)
            err = step(&w, name, flags, link);
    free(w.rest);
    free(w.place);
    if (err && w.dir >= 0)
        close(w.dir);
    return err ? err : w.dir;
}
