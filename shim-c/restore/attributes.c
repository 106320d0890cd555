/* Owner, mode and times of what was restored. */
#include "internal.h"
#include <fcntl.h>
#include <unistd.h>

void hpc_attributes_of(struct hpc_attributes *a, const struct hpc_entry_head *head)
{
    *a = (struct hpc_attributes){
        .mtime_s = head->mtime_s, .mtime_ns = head->mtime_ns, .atime_s = head->atime_s, .atime_ns = head->atime_ns,
        .mode = head->mode, .uid = head->uid, .gid = head->gid,
    };
}

int hpc_set_owner(int fd, const char *name, struct hpc_attributes *a)
{
    int owner = name ? fchownat(fd, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) : fchown(fd, a->uid, a->gid);
    if (owner == 0)
        return 0;
    int err = -errno;
    /* Somebody else's file with our setuid bit would be a gift to whoever runs it. */
    a->mode &= ~(uint32_t)S_ISUID;
    int group = name ? fchownat(fd, name, (uid_t)-1, a->gid, AT_SYMLINK_NOFOLLOW) : fchown(fd, (uid_t)-1, a->gid);
    if (group < 0)
        a->mode &= ~(uint32_t)S_ISGID;
    return err;
}

int hpc_set_mode(int fd, const char *name, const struct hpc_attributes *a)
{
    if (S_ISLNK(a->mode))
        return 0;  /* Linux has no mode of symlinks */
    mode_t mode = a->mode & 07777;
    int done = name ? fchmodat(fd, name, mode, AT_SYMLINK_NOFOLLOW) : fchmod(fd, mode);
    return done < 0 ? -errno : 0;
}

int hpc_set_times(int fd, const char *name, const struct hpc_attributes *a)
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

/* Owner, extended attributes and ACLs, mode, times: chown clears capabilities and setuid, and an ACL has a say in the mode. */
bool hpc_apply(struct hpc_restore *r, const struct hpc_target *t, struct hpc_attributes *a, const struct hpc_block *block)
{
    bool all = hpc_took(r, t, "owner", hpc_set_owner(t->fd, t->name, a));
    if (block)
        all &= hpc_apply_block(r, t, block);
    all &= hpc_took(r, t, "mode", hpc_set_mode(t->fd, t->name, a));
    return all & hpc_took(r, t, "times", hpc_set_times(t->fd, t->name, a));
}
