#include "attributes.h"
#include "../job.h"
#include "report.h"
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6: declared here because the headers of older distributions lack it. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

void attributes_of(struct attributes *a, const struct hpc_entry_head *head)
{
    *a = (struct attributes){
        .mtime_s = head->mtime_s,
        .mtime_ns = head->mtime_ns,
        .atime_s = head->atime_s,
        .atime_ns = head->atime_ns,
        .mode = head->mode,
        .uid = head->uid,
        .gid = head->gid,
    };
}

int attributes_chmod(int fd, mode_t mode)
{
    char path[32];
    if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return chmod(path, mode) < 0 ? -errno : 0;
}

/* Takes setuid and setgid out of a->mode where they would be another's. */
static int set_owner(int fd, const char *name, struct attributes *a)
{
    int owner = name ? fchownat(fd, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW)
                     : fchown(fd, a->uid, a->gid);
    if (owner == 0)
        return 0;
    int err = -errno;
    /* Somebody else's file with our setuid bit would be a gift to whoever runs it. */
    a->mode &= ~(uint32_t)S_ISUID;
    int group = name ? fchownat(fd, name, (uid_t)-1, a->gid, AT_SYMLINK_NOFOLLOW)
                     : fchown(fd, (uid_t)-1, a->gid);
    if (group < 0)
        a->mode &= ~(uint32_t)S_ISGID;
    return err;
}

static int set_mode(int fd, const char *name, const struct attributes *a)
{
    if (S_ISLNK(a->mode))
        return 0; /* Linux has no mode of symlinks */
    mode_t mode = a->mode & 07777;
    int done = !name ? fchmod(fd, mode)
                     : (int)syscall(SYS_fchmodat2, fd, name, mode, AT_SYMLINK_NOFOLLOW);
    if (done < 0 && name && (errno == ENOSYS || errno == EPERM))
        done = fchmodat(fd, name, mode, AT_SYMLINK_NOFOLLOW);
    /* Without /proc the C library cannot do it. What bears the name is no symlink: we made it where
     * nobody else can change names. */
    if (done < 0 && name && errno == EOPNOTSUPP && access("/proc/self/fd", F_OK) < 0)
        done = fchmodat(fd, name, mode, 0);
    return done < 0 ? -errno : 0;
}

static int set_times(int fd, const char *name, const struct attributes *a)
{
    struct timespec times[2] = {
        { .tv_sec = (time_t)a->atime_s, .tv_nsec = (long)a->atime_ns },
        { .tv_sec = (time_t)a->mtime_s, .tv_nsec = (long)a->mtime_ns },
    };
    /* Above 999,999,999 are the kernel's own codes (UTIME_NOW): not times, but a damaged record. */
    if (a->atime_ns > 999999999 || a->mtime_ns > 999999999)
        return -EINVAL;
    int done = name ? utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times);
    return done < 0 ? -errno : 0;
}

/* Owner, extended attributes and ACLs, mode, times: chown clears capabilities and setuid, and an
 * ACL has a say in the mode. */
bool attributes_apply(struct hpc_restore *r, const struct target *t, struct attributes *a,
                      const struct block *block)
{
    int err = set_owner(t->fd, t->name, a);
    bool all = report_took(r, t, "owner", err);
    if (err == -EPERM)
        atomic_fetch_add(&r->stats.owners_refused, 1);
    if (block)
        all &= xattrs_apply(r, t, block);
    all &= report_took(r, t, "mode", set_mode(t->fd, t->name, a));
    return all & report_took(r, t, "times", set_times(t->fd, t->name, a));
}
