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

/* name NULL: the object behind fd itself; else the name in directory fd, not followed. */
static bool apply(int fd, const char *name, const struct hpc_attributes *a)
{
    mode_t mode = a->mode & 07777;
    bool all = true;
    int owner = name ? fchownat(fd, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) : fchown(fd, a->uid, a->gid);
    if (owner < 0) {
        /* Somebody else's file with our setuid bit would be a gift to whoever runs it. */
        mode &= ~(mode_t)S_ISUID;
        int group = name ? fchownat(fd, name, (uid_t)-1, a->gid, AT_SYMLINK_NOFOLLOW) : fchown(fd, (uid_t)-1, a->gid);
        if (group < 0)
            mode &= ~(mode_t)S_ISGID;
        all = false;
    }
    if (!S_ISLNK(a->mode)) {  /* Linux has no mode of symlinks */
        int done = name ? fchmodat(fd, name, mode, AT_SYMLINK_NOFOLLOW) : fchmod(fd, mode);
        all = done == 0 && all;
    }
    struct timespec times[2] = {
        { .tv_sec = (time_t)a->atime_s, .tv_nsec = (long)a->atime_ns },
        { .tv_sec = (time_t)a->mtime_s, .tv_nsec = (long)a->mtime_ns },
    };
    /* Above 999,999,999 are the kernel's own codes (UTIME_NOW): not times, but a damaged record. */
    if (a->atime_ns > 999999999 || a->mtime_ns > 999999999)
        return false;
    int done = name ? utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times);
    return done == 0 && all;
}

bool hpc_apply_to_fd(int fd, const struct hpc_attributes *a)
{
    return apply(fd, NULL, a);
}

bool hpc_apply_to_name(int parent, const char *name, const struct hpc_attributes *a)
{
    return apply(parent, name, a);
}
