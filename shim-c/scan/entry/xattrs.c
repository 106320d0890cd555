#include "xattrs.h"
#include "../../wire/hpc_xattr.h"
#include "../core/scan.h"
#include "flags.h"
#include "object.h"
#include "xattr_block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_getxattrat
#define SYS_getxattrat  464
#define SYS_listxattrat 465
#endif

struct getxattrat_args { /* struct xattr_args of linux/xattr.h */
    _Alignas(8) uint64_t value;
    uint32_t size, flags;
};

/* Whose attributes: an open file's, or those of a name, or of a path. */
struct source {
    int fd, dirfd;
    const char *name;
    char path[sizeof "/proc/self/fd/" + 11 + NAME_MAX + 1];
};

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool at_calls, proc_fds;

/* EBADF is what only a kernel says that knows the call; others, and sandboxes, say ENOSYS or EPERM.
 */
static void ask_kernel(void)
{
    proc_fds = !access("/proc/self/fd", X_OK);
#ifndef NO_AT_CALLS /* the tests go the other way, too */
    char none[1];

    at_calls = syscall(SYS_listxattrat, -1, "x", AT_SYMLINK_NOFOLLOW, none, sizeof none) < 0 &&
               errno == EBADF;
#endif
}

static void by_name(struct source *s, int dirfd, const char *name)
{
    s->fd = -1;
    s->dirfd = dirfd;
    s->name = name;
    if (!at_calls) {
        snprintf(s->path, sizeof s->path, "/proc/self/fd/%d/%s", dirfd, name);
        s->name = s->path;
    }
}

static ssize_t list_names(const struct source *s, char *out, size_t cap)
{
    if (s->fd >= 0)
        return flistxattr(s->fd, out, cap);
    if (s->dirfd < 0)
        return listxattr(s->name, out, cap);
    return at_calls ? syscall(SYS_listxattrat, s->dirfd, s->name, AT_SYMLINK_NOFOLLOW, out, cap)
                    : llistxattr(s->name, out, cap);
}

static ssize_t get_value(const struct source *s, const char *attribute, void *out, size_t cap)
{
    struct getxattrat_args args = { (uint64_t)(uintptr_t)out, (uint32_t)cap, 0 };

    if (s->fd >= 0)
        return fgetxattr(s->fd, attribute, out, cap);
    if (s->dirfd < 0)
        return getxattr(s->name, attribute, out, cap);
    return at_calls ? syscall(SYS_getxattrat, s->dirfd, s->name, AT_SYMLINK_NOFOLLOW, attribute,
                              &args, sizeof args)
                    : lgetxattr(s->name, attribute, out, cap);
}

/* One attribute. Gone meanwhile: it had none of that name, then. */
static void read_one(struct worker *w, struct xattrs *x, const struct source *s, const char *name)
{
    size_t head = sizeof(struct hpc_xattr_head) + strlen(name), want = 0;

    for (int tries = 0; tries < LOOKS_MAX; tries++) {
        size_t room;
        ssize_t got;

        if (!xattr_block_room(w, x, head + want))
            return;
        room = w->xattr_cap - x->len - head;
        if (room > HPC_XATTR_BLOCK - x->len - head)
            room = HPC_XATTR_BLOCK - x->len - head;
        /* no room left means "how large" to the kernel */
        got = get_value(s, name, w->xattr_block + x->len + head, room);
        if (got >= 0 && (room > 0 || got == 0)) {
            xattr_block_put(w, x, name, (uint32_t)got);
            return;
        }
        if (got < 0 && errno == ENODATA)
            return;
        if (got < 0 && errno == ERANGE)
            got = get_value(s, name, NULL, 0);
        if (got < 0) {
            if (errno != ENODATA)
                xattr_block_error(x, errno);
            return;
        }
        want = (size_t)got;
    }
    xattr_block_error(x, EAGAIN); /* it grew each time */
}

/* The names, in `few` or, when they are many, in a buffer of the worker. -errno */
static ssize_t all_names(struct worker *w, const struct source *s, char *few, size_t cap,
                         char **names)
{
    ssize_t n = list_names(s, few, cap);

    *names = few;
    if (n >= 0 || errno != ERANGE)
        return n < 0 ? -errno : n;
    if (!w->xattr_names && !(w->xattr_names = malloc(XATTR_LIST_BYTES)))
        return -ENOMEM;
    *names = w->xattr_names;
    n = list_names(s, w->xattr_names, XATTR_LIST_BYTES);
    return n < 0 ? -errno : n;
}

static int read_all(struct worker *w, struct xattrs *x, const struct source *s)
{
    char few[XATTR_FEW_BYTES], *names;
    ssize_t n = all_names(w, s, few, sizeof few, &names);

    if (n < 0)
        return (int)n;
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
        if (hpc_xattr_rule(names + i) == HPC_XATTR_KEEP)
            read_one(w, x, s, names + i);
    return 0;
}

static uint32_t kind_bit(const struct statx *st)
{
    return 1u << (st->stx_mode >> 12 & 15);
}

/* What the filesystem has none of for this kind of entry is not asked for again: a socket there
 * may, where a file does not. */
static void has_none(struct worker *w, const struct statx *st)
{
    if (w->xattr_dev != object_dev(st))
        w->xattr_none = 0;
    w->xattr_dev = object_dev(st);
    w->xattr_none |= kind_bit(st);
}

static bool known_to_have_none(const struct worker *w, const struct statx *st)
{
    return w->xattr_dev == object_dev(st) && w->xattr_none & kind_bit(st);
}

void xattrs_begin(struct worker *w, struct xattrs *x, const struct reach *r, const struct statx *st)
{
    x->len = 0;
    x->error = 0;
    x->done = !x->wanted || known_to_have_none(w, st);
    if (x->wanted)
        flags_read(w, x, r, st);
}

void xattrs_of_fd(struct worker *w, struct xattrs *x, int fd, const struct statx *st)
{
    struct source s = { .fd = fd, .dirfd = -1 };
    int error;

    if (x->done)
        return;
    x->done = true;
    error = read_all(w, x, &s);
    if (error == -EOPNOTSUPP)
        has_none(w, st);
    else if (error)
        xattr_block_error(x, -error);
}

/* By name, another file may stand there by now; asked only where something was found. */
static bool still_there(int dirfd, const char *name, const struct statx *st)
{
    struct statx now;

    return !statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                  STATX_BASIC_STATS | STATX_BTIME, &now) &&
           object_is_same(&now, st);
}

/* Of every kind of source: what is wrong with it, but where the name has gone: false. */
static bool read_source(struct worker *w, struct xattrs *x, const struct source *s,
                        const struct statx *st)
{
    int error = read_all(w, x, s);

    if (error == -ENOENT || error == -ESTALE || error == -ENOTDIR)
        return false;
    if (error == -EOPNOTSUPP)
        has_none(w, st);
    else if (error)
        xattr_block_error(x, -error);
    return true;
}

/* No call takes a descriptor of O_PATH. Without /proc a directory is reached from inside. */
void xattrs_of_held(struct worker *w, struct xattrs *x, int path_fd, const struct statx *st)
{
    struct source s = { .fd = -1, .dirfd = -1, .name = s.path };

    if (x->done)
        return;
    x->done = true;
    pthread_once(&asked, ask_kernel);
    snprintf(s.path, sizeof s.path, "/proc/self/fd/%d", path_fd);
    if (!proc_fds) {
        if (!at_calls || !S_ISDIR(st->stx_mode)) {
            xattr_block_error(x, ENOSYS);
            return;
        }
        s.dirfd = path_fd;
        s.name = ".";
    }
    if (!read_source(w, x, &s, st))
        xattr_block_error(x, ESTALE);
}

bool xattrs_of_name(struct worker *w, struct xattrs *x, int dirfd, const char *name,
                    const struct statx *st)
{
    struct source s;
    size_t before = x->len;

    if (x->done)
        return true;
    x->done = true;
    pthread_once(&asked, ask_kernel);
    if (!at_calls && !proc_fds) {
        xattr_block_error(x, ENOSYS); /* an old kernel, and no /proc: said for every entry */
        return true;
    }
    by_name(&s, dirfd, name);
    if (!read_source(w, x, &s, st))
        return false;
    return (x->len == before && !x->error) || still_there(dirfd, name, st);
}
