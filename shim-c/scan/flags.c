/*
 * Inode flags and project id. statx(2) told some of the flags; for the rest Linux 6.17 has a call that opens nothing. It is made only
 * on filesystems that keep both and answer from memory; on Lustre it would be a request to a server for each entry.
 */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
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

/* EBADF is what only a kernel says that knows the call; others, and sandboxes, say ENOSYS or EPERM. */
static void ask_kernel(void)
{
#ifndef NO_AT_CALLS /* the tests go the other way, too */
    struct file_attributes a;

    file_getattr_call = syscall(SYS_file_getattr, -1, "x", &a, sizeof a, AT_SYMLINK_NOFOLLOW) < 0 && errno == EBADF;
#endif
}

static bool more_flags(int fd)
{
    struct statfs fs;

    pthread_once(&asked, ask_kernel);
    if (!file_getattr_call || fstatfs(fd, &fs))
        return false;
    return fs.f_type == 0xEF53 /* ext4 */ || fs.f_type == 0x58465342 /* xfs */ || fs.f_type == 0xF2F52010 /* f2fs */;
}

/* Of an open file, which needs no look-up and is certainly the one that was stat-ed, or of a name. */
static bool get_attributes(const struct reach *r, struct file_attributes *a)
{
    char path[sizeof "/proc/self/fd/" + 11];

    if (r->fd >= 0)
        return !syscall(SYS_file_getattr, r->fd, "", a, sizeof *a, AT_EMPTY_PATH);
    if (r->path_fd < 0)
        return !syscall(SYS_file_getattr, r->dirfd, r->name, a, sizeof *a, AT_SYMLINK_NOFOLLOW);
    snprintf(path, sizeof path, "/proc/self/fd/%d", r->path_fd); /* the call takes no descriptor of O_PATH, but its name does as well */
    return !syscall(SYS_file_getattr, AT_FDCWD, path, a, sizeof *a, 0);
}

static bool may_have_flags(const struct statx *st)
{
    return S_ISREG(st->stx_mode) || S_ISDIR(st->stx_mode);
}

bool flags_are_worth_a_path(struct worker *w, const struct statx *st)
{
    pthread_once(&asked, ask_kernel);
    return file_getattr_call && may_have_flags(st) && !(w->flags_known && w->flags_dev == device(st->stx_dev_major, st->stx_dev_minor) && !w->flags_more);
}

void read_flags(struct worker *w, struct xattrs *x, const struct reach *r, const struct statx *st)
{
    static const struct { uint32_t xflag, flag; } map[] = {
        { FS_XFLAG_IMMUTABLE, FS_IMMUTABLE_FL }, { FS_XFLAG_APPEND, FS_APPEND_FL }, { FS_XFLAG_SYNC, FS_SYNC_FL },
        { FS_XFLAG_NOATIME, FS_NOATIME_FL }, { FS_XFLAG_NODUMP, FS_NODUMP_FL }, { FS_XFLAG_PROJINHERIT, FS_PROJINHERIT_FL },
    };
    /* those that a restore can set; these bits are the same in statx(2) and FS_IOC_SETFLAGS */
    const uint64_t settable = STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
    uint64_t dev = device(st->stx_dev_major, st->stx_dev_minor);
    uint32_t flags = (uint32_t)(st->stx_attributes & st->stx_attributes_mask & settable);
    int fd = r->fd >= 0 ? r->fd : r->path_fd >= 0 ? r->path_fd : r->dirfd;
    struct file_attributes a;

    _Static_assert(STATX_ATTR_COMPRESSED == FS_COMPR_FL && STATX_ATTR_IMMUTABLE == FS_IMMUTABLE_FL && STATX_ATTR_APPEND == FS_APPEND_FL &&
                   STATX_ATTR_NODUMP == FS_NODUMP_FL, "inode flags of statx");
    if (!may_have_flags(st))
        return;
    if (fd >= 0 && (!w->flags_known || w->flags_dev != dev)) {
        w->flags_more = more_flags(fd);
        w->flags_dev = dev;
        w->flags_known = true;
    }
    if (fd >= 0 && w->flags_more && get_attributes(r, &a)) {
        for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
            flags |= a.xflags & map[i].xflag ? map[i].flag : 0;
        if (a.projid)
            put_u32(w, x, "podheitor.project", a.projid);
    }
    if (flags)
        put_u32(w, x, "podheitor.flags", flags);
}
