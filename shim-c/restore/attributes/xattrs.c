#include "xattrs.h"
#include "../../wire/hpc_frame.h"
#include "../job.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Inode flags that chattr(1) may set. The others (encrypted, verity, dax, inline data …) say how a
 * filesystem stores a file. */
#define SETTABLE \
    (FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | \
     FS_NODUMP_FL | FS_NOATIME_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL | \
     FS_TOPDIR_FL | FS_NOCOW_FL | FS_PROJINHERIT_FL)

/* ---- one attribute ---- */

/* A descriptor that was opened with O_PATH takes no xattr call; its name in /proc does, and leads
 * to that very object, symlink or not. */
static const char *proc_name(char out[32], int fd)
{
    snprintf(out, 32, "/proc/self/fd/%d", fd);
    return out;
}

/* Without /proc there is no way to the extended attributes of a symlink, fifo, or device; "no such
 * file" would be no reason. */
static int failure(const struct target *t)
{
    int err = errno;
    return -(t->path_only && err == ENOENT && access("/proc/self/fd", F_OK) < 0 ? EOPNOTSUPP : err);
}

static int set(const struct target *t, const char *name, const void *value, size_t len)
{
    char path[32];
    int done = t->path_only ? setxattr(proc_name(path, t->fd), name, value, len, 0)
                            : fsetxattr(t->fd, name, value, len, 0);
    return done < 0 ? failure(t) : 0;
}

static int remove_one(const struct target *t, const char *name)
{
    char path[32];
    int done = t->path_only ? removexattr(proc_name(path, t->fd), name) : fremovexattr(t->fd, name);
    return done == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : failure(t);
}

static int set_flags(const struct target *t, uint32_t flags)
{
    unsigned long now = 0;
    if (t->path_only)
        return -EOPNOTSUPP; /* neither symlinks, nor anything that opening would wake up */
    if (ioctl(t->fd, FS_IOC_GETFLAGS, &now) < 0)
        return errno == ENOTTY ? -EOPNOTSUPP : -errno;
    unsigned long want = (now & ~(unsigned long)SETTABLE) | (flags & SETTABLE);
    if (want != now && ioctl(t->fd, FS_IOC_SETFLAGS, &want) < 0)
        return errno == ENOTTY ? -EOPNOTSUPP : -errno;
    return flags & ~(uint32_t)SETTABLE & ~(uint32_t)now ? -EOPNOTSUPP : 0;
}

static int set_project(const struct target *t, uint32_t project)
{
    struct fsxattr attributes;
    if (t->path_only)
        return -EOPNOTSUPP;
    if (ioctl(t->fd, FS_IOC_FSGETXATTR, &attributes) < 0)
        return errno == ENOTTY ? -EOPNOTSUPP : -errno;
    if (attributes.fsx_projid == project)
        return 0;
    attributes.fsx_projid = project;
    return ioctl(t->fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? -errno : 0;
}

/* ---- a block ---- */

bool xattrs_is_sound(const void *block, size_t len)
{
    struct hpc_xattr x;
    size_t at = 0;
    int rc;
    while ((rc = hpc_xattr_next(block, len, &at, &x)) > 0)
        ;
    return rc == 0;
}

/* The value of one of our own 32-bit pseudo attributes; false: it is not in there. */
static bool number_of(const struct block *block, const char *name, uint32_t *out)
{
    struct hpc_xattr x;
    size_t at = 0;
    while (block->len && hpc_xattr_next((const uint8_t *)block->data, block->len, &at, &x) > 0) {
        if (x.name_len == strlen(name) && memcmp(x.name, name, x.name_len) == 0 &&
            x.value_len == sizeof *out) {
            memcpy(out, x.value, sizeof *out);
            return true;
        }
    }
    return false;
}

static int apply_one(const struct target *t, const char *name, const struct hpc_xattr *x)
{
    if (strcmp(name, HPC_XATTR_FLAGS) == 0)
        return x->value_len == 4 ? 0 : -EINVAL; /* xattrs_apply_flags(), last of all */
    if (strcmp(name, HPC_XATTR_PROJECT) == 0) {
        uint32_t project;
        if (x->value_len != sizeof project)
            return -EINVAL;
        memcpy(&project, x->value, sizeof project);
        return set_project(t, project);
    }
    return hpc_xattr_rule(name) == HPC_XATTR_KEEP ? set(t, name, x->value, x->value_len)
                                                  : -EOPNOTSUPP;
}

static bool has(const struct block *block, const char *name)
{
    struct hpc_xattr x;
    size_t at = 0;
    while (block->len && hpc_xattr_next((const uint8_t *)block->data, block->len, &at, &x) > 0)
        if (x.name_len == strlen(name) && memcmp(x.name, name, x.name_len) == 0)
            return true;
    return false;
}

/* What a directory that was there has and its entry has not. Labels and keys of security modules
 * are theirs. */
static bool strip_others(struct hpc_restore *r, const struct target *t, const struct block *block)
{
    static const size_t most = 65536; /* the kernel's own limit of a list */
    char *list = malloc(most);
    ssize_t len = list ? flistxattr(t->fd, list, most) : -1;
    bool all = true;
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1) {
        const char *name = list + i;
        bool ours = !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8);
        if (ours && hpc_xattr_rule(name) == HPC_XATTR_KEEP && !has(block, name))
            all &= report_took(r, t, name, remove_one(t, name));
    }
    free(list);
    return all;
}

bool xattrs_apply(struct hpc_restore *r, const struct target *t, const struct block *block)
{
    struct hpc_xattr x;
    size_t at = 0;
    bool all = true, access = false, inherited = false;
    while (block->len && hpc_xattr_next((const uint8_t *)block->data, block->len, &at, &x) > 0) {
        char name[HPC_XATTR_NAME + 1];
        memcpy(name, x.name, x.name_len);
        name[x.name_len] = 0;
        if (hpc_xattr_rule(name) == HPC_XATTR_DROP)
            continue;
        access |= strcmp(name, ACL_ACCESS) == 0;
        inherited |= strcmp(name, ACL_DEFAULT) == 0;
        int err = apply_one(t, name, &x);
        all &= report_took(r, t, name, err);
        if (!err)
            atomic_fetch_add(&r->stats.xattrs, 1);
    }
    if (block->strip_acl && !access)
        all &= report_took(r, t, ACL_ACCESS, remove_one(t, ACL_ACCESS));
    if (block->strip_default_acl && !inherited)
        all &= report_took(r, t, ACL_DEFAULT, remove_one(t, ACL_DEFAULT));
    return all & (!block->strip_others || strip_others(r, t, block));
}

uint32_t xattrs_flags(const struct block *block)
{
    uint32_t flags = 0;
    return number_of(block, HPC_XATTR_FLAGS, &flags) ? flags : 0;
}

bool xattrs_apply_flags(struct hpc_restore *r, const struct target *t, uint32_t flags)
{
    return flags == 0 || report_took(r, t, HPC_XATTR_FLAGS, set_flags(t, flags));
}

int xattrs_default_acl(int dir)
{
    char path[32];
    ssize_t len = getxattr(proc_name(path, dir), ACL_DEFAULT, NULL, 0);
    if (len >= 0)
        return len > 0;
    return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}
