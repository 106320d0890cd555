#include "flags.h"
#include "../../wire/hpc_xattr.h"
#include "../core/node.h"
#include "../core/scan.h"
#include "object.h"
#include "xattr_block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#endif

struct file_attributes { /* struct file_attr of linux/fs.h */
    uint64_t xflags;
    uint32_t extsize, nextents, projid, cowextsize;
};

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool file_getattr_call;

/* EBADF is what only a kernel says that knows the call; others, and sandboxes, say ENOSYS or EPERM.
 */
static void ask_kernel(void)
{
#ifndef NO_AT_CALLS /* the tests go the other way, too */
    struct file_attributes a;

    file_getattr_call = syscall(SYS_file_getattr, -1, "x", &a, sizeof a, AT_SYMLINK_NOFOLLOW) < 0 &&
                        errno == EBADF;
#endif
}

static bool more_flags(int fd)
{
    struct statfs fs;

    pthread_once(&asked, ask_kernel);
    if (!file_getattr_call || fstatfs(fd, &fs))
        return false;
    return fs.f_type == 0xEF53 /* ext4 */ || fs.f_type == 0x58465342 /* xfs */ ||
           fs.f_type == 0xF2F52010 /* f2fs */;
}

/* Of an open file, which needs no look-up and is certainly the one that was stat-ed, or of a name.
 */
static bool get_attributes(const struct reach *r, struct file_attributes *a)
{
    char path[sizeof "/proc/self/fd/" + 11];

    if (r->fd >= 0)
        return !syscall(SYS_file_getattr, r->fd, "", a, sizeof *a, AT_EMPTY_PATH);
    if (r->path_fd < 0)
        return !syscall(SYS_file_getattr, r->dirfd, r->name, a, sizeof *a, AT_SYMLINK_NOFOLLOW);
    snprintf(path, sizeof path, "/proc/self/fd/%d",
             r->path_fd); /* the call takes no descriptor of O_PATH, but its name does as well */
    return !syscall(SYS_file_getattr, AT_FDCWD, path, a, sizeof *a, 0);
}

static bool may_have_flags(const struct statx *st)
{
    return S_ISREG(st->stx_mode) || S_ISDIR(st->stx_mode);
}

/* No ioctl(2) takes a descriptor of O_PATH; what it holds is known, so that opening it by its own
 * name wakes nothing up. */
static int reopen(int path_fd, const struct statx *st)
{
    char path[sizeof "/proc/self/fd/" + 11];
    struct stat now;
    int fd;

    if (fstat(path_fd, &now) || now.st_ino != st->stx_ino ||
        (now.st_mode & S_IFMT) != (st->stx_mode & S_IFMT)) {
        errno = ENOTTY; /* another one by now, as the look at its attributes will find out */
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOATIME);
    return fd < 0 && errno == EPERM ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : fd;
}

/* Lustre keeps them on a metadata server: a request. */
static bool ask_server(struct xattrs *x, const struct reach *r, const struct statx *st,
                       struct file_attributes *a)
{
    struct fsxattr given;
    int fd = r->fd, rc;

    if (fd < 0 && r->path_fd < 0)
        return false;
    if (fd < 0)
        fd = reopen(r->path_fd, st);
    rc = fd < 0 ? -1 : ioctl(fd, FS_IOC_FSGETXATTR, &given);
    if (rc < 0 && errno != ENOTTY && errno != EOPNOTSUPP && errno != EINVAL && !x->error)
        x->error = errno;
    if (fd >= 0 && fd != r->fd)
        close(fd);
    if (rc < 0)
        return false;
    *a = (struct file_attributes){ .xflags = given.fsx_xflags, .projid = given.fsx_projid };
    return true;
}

bool flags_has_project(int fd)
{
    struct fsxattr a;

    return !ioctl(fd, FS_IOC_FSGETXATTR, &a) &&
           (a.fsx_projid || a.fsx_xflags & FS_XFLAG_PROJINHERIT);
}

bool flags_project_wanted(const struct worker *w, const struct node *dir, const struct statx *st)
{
    uint32_t flags = w->scan->options.flags;

    if (flags & HPC_SCAN_PROJECTS_ALL)
        return may_have_flags(st);
    return flags & HPC_SCAN_PROJECTS &&
           (S_ISDIR(st->stx_mode) || (S_ISREG(st->stx_mode) && dir->project));
}

bool flags_are_worth_a_path(struct worker *w, const struct statx *st)
{
    pthread_once(&asked, ask_kernel);
    return file_getattr_call && may_have_flags(st) &&
           !(w->flags_known && w->flags_dev == object_dev(st) && !w->flags_more);
}

void flags_read(struct worker *w, struct xattrs *x, const struct reach *r, const struct statx *st)
{
    static const struct {
        uint32_t xflag, flag;
    } map[] = {
        { FS_XFLAG_IMMUTABLE, FS_IMMUTABLE_FL }, { FS_XFLAG_APPEND, FS_APPEND_FL },
        { FS_XFLAG_SYNC, FS_SYNC_FL },           { FS_XFLAG_NOATIME, FS_NOATIME_FL },
        { FS_XFLAG_NODUMP, FS_NODUMP_FL },       { FS_XFLAG_PROJINHERIT, FS_PROJINHERIT_FL },
    };
    /* those that a restore can set; these bits are the same in statx(2) and FS_IOC_SETFLAGS */
    const uint64_t settable = STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND |
                              STATX_ATTR_NODUMP;
    uint64_t dev = object_dev(st);
    uint32_t flags = (uint32_t)(st->stx_attributes & st->stx_attributes_mask & settable);
    int fd = r->fd >= 0 ? r->fd : r->path_fd >= 0 ? r->path_fd : r->dirfd;
    struct file_attributes a;

    _Static_assert(STATX_ATTR_COMPRESSED == FS_COMPR_FL &&
                       STATX_ATTR_IMMUTABLE == FS_IMMUTABLE_FL &&
                       STATX_ATTR_APPEND == FS_APPEND_FL && STATX_ATTR_NODUMP == FS_NODUMP_FL,
                   "inode flags of statx");
    if (!may_have_flags(st))
        return;
    if (fd >= 0 && (!w->flags_known || w->flags_dev != dev)) {
        w->flags_more = more_flags(fd);
        w->flags_dev = dev;
        w->flags_known = true;
    }
    if (fd >= 0 && w->flags_more ? get_attributes(r, &a) : r->ask && ask_server(x, r, st, &a)) {
        for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
            flags |= a.xflags & map[i].xflag ? map[i].flag : 0;
        if (a.projid)
            xattr_block_put_u32(w, x, HPC_XATTR_PROJECT, a.projid);
    }
    if (flags)
        xattr_block_put_u32(w, x, HPC_XATTR_FLAGS, flags);
}
