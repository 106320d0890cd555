#include "stage.h"
#include "../attributes/attributes.h"
#include "../attributes/xattrs.h"
#include "../job.h"
#include "identity.h"
#include "name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

int stage_hold(int parent, const char *name)
{
    int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int err = errno;
    struct stat st;
    if (fd >= 0)
        return fd;
    if (err == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        err = ELOOP;
    return -err;
}

/* As whom we make things here: a server may take root for somebody else. Where not even modes are
 * kept (FAT), nothing can be private, nor given away. */
static int learn_owner(struct hpc_restore *r, struct dir *dir)
{
    char name[40];
    struct stat st;
    name_temporary(r, name);
    int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0) {
        dir->owner = st.st_uid;
        dir->alone = st.st_mode & 077;
    }
    close(fd);
    unlinkat(dir->fd, name, 0);
    return 0;
}

/* Whether the directory is ours alone; any that is will do, so that it does not matter who put it
 * there. */
static bool is_private(int fd, uint32_t owner)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_uid != owner)
        return false;
    if ((st.st_mode & 0700) != 0700 && attributes_chmod(fd, 0700) < 0) /* a umask */
        return false;
    if (fstat(fd, &st) < 0 || (st.st_mode & 0777) != 0700)
        return false;
    /* Nobody can give it a default ACL any more; the one that it may have inherited goes. */
    int real = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool none = real >= 0 &&
                (fremovexattr(real, ACL_DEFAULT) == 0 || errno == ENODATA || errno == EOPNOTSUPP);
    if (real >= 0)
        close(real);
    return none;
}

int stage_of(struct hpc_restore *r, struct dir *dir)
{
    if (dir->alone)
        return dir->fd;
    pthread_mutex_lock(&r->lock);
    int err = 0;
    for (int tries = 0; dir->stage < 0 && tries < 8 && !err && !dir->alone; tries++) {
        name_temporary(r, dir->stage_name);
        if (mkdirat(dir->fd, dir->stage_name, 0700) < 0) {
            err = -errno;
            break;
        }
        int fd = stage_hold(dir->fd, dir->stage_name);
        if (fd >= 0 && is_private(fd, dir->owner)) {
            dir->stage = fd;
            break;
        }
        if (fd >= 0)
            close(fd);
        err = learn_owner(r, dir);
        unlinkat(dir->fd, dir->stage_name, AT_REMOVEDIR);
        if (!dir->alone && tries == 7 && !err)
            err = -ESTALE; /* somebody exchanges what we make as fast as we make it */
    }
    pthread_mutex_unlock(&r->lock);
    return err ? err : dir->alone ? dir->fd : dir->stage;
}

/* Gives a directory of ours its name, which must be free: a rename would take the place of an empty
 * directory, for instance another thread's. */
static int name_dir(struct hpc_restore *r, int stage, const char *temp, int parent,
                    const char *name)
{
    struct stat st;
    if (renameat2(stage, temp, parent, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* The filesystem does not know how (Lustre): at least no other thread of ours comes in between.
     */
    pthread_mutex_lock(&r->lock);
    int err = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST
              : renameat(stage, temp, parent, name) < 0            ? -errno
                                                                   : 0;
    pthread_mutex_unlock(&r->lock);
    return err;
}

int stage_make_dir(struct hpc_restore *r, struct dir *parent, const char *name, mode_t mode,
                   struct statx *out)
{
    int at = stage_of(r, parent);
    char temp[40];
    if (at < 0)
        return at;
    name_temporary(r, temp);
    const char *made = parent->alone ? name : temp;
    if (mkdirat(at, made, mode) < 0)
        return -errno;
    int fd = stage_hold(at, made);
    int err = fd < 0 ? fd : identity_look(fd, NULL, out);
    /* A umask may take our own bits away; root would not notice, others would. */
    if (!err && (out->stx_mode & 0700) != 0700)
        err = attributes_chmod(fd, mode);
    if (!err && !parent->alone)
        err = name_dir(r, at, temp, parent->fd, name);
    if (!err)
        return fd;
    unlinkat(at, made, AT_REMOVEDIR);
    if (fd >= 0)
        close(fd);
    return err;
}

void stage_remove(struct dir *dir)
{
    if (dir->stage < 0)
        return;
    close(dir->stage);
    dir->stage = -1;
    unlinkat(dir->fd, dir->stage_name, AT_REMOVEDIR);
}
