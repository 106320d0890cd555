/* Project ids and inode flags by ioctl(2), kept in an attribute of the directory below. */
#include "faults.h"
#include "lustre.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static const struct {
    uint32_t xflag, flag;
} map[] = {
    { FS_XFLAG_IMMUTABLE, FS_IMMUTABLE_FL }, { FS_XFLAG_APPEND, FS_APPEND_FL },
    { FS_XFLAG_SYNC, FS_SYNC_FL },           { FS_XFLAG_NOATIME, FS_NOATIME_FL },
    { FS_XFLAG_NODUMP, FS_NODUMP_FL },       { FS_XFLAG_PROJINHERIT, FS_PROJINHERIT_FL },
};

static void load(const char *path, uint32_t *id, uint32_t *xflags)
{
    char text[64];
    int n = lab_get(path, "project", text, sizeof text - 1);

    *id = *xflags = 0;
    if (n > 0) {
        text[n] = 0;
        sscanf(text, "%u %x", id, xflags);
    }
}

static int save(const char *path, uint32_t id, uint32_t xflags)
{
    char full[8192], text[64];
    int n = snprintf(text, sizeof text, "%u %x", id, xflags);

    snprintf(full, sizeof full, "/proc/self/fd/%d/%s", faults_root, below(path));
    return lsetxattr(full, "trusted.lab.project", text, (size_t)n, 0) == 0 ? 0 : -errno;
}

int project_ioctl(const char *path, unsigned command, void *data)
{
    uint32_t id, xflags, flags = 0;
    struct fsxattr x = { 0 };

    load(path, &id, &xflags);
    switch (command) {
    case FS_IOC_FSGETXATTR:
        x.fsx_xflags = xflags;
        x.fsx_projid = id;
        memcpy(data, &x, sizeof x);
        return 0;
    case FS_IOC_FSSETXATTR:
        memcpy(&x, data, sizeof x);
        return save(path, x.fsx_projid, x.fsx_xflags);
    case FS_IOC_GETFLAGS:
        for (size_t i = 0; i < sizeof map / sizeof *map; i++)
            flags |= xflags & map[i].xflag ? map[i].flag : 0;
        memcpy(data, &flags, sizeof flags);
        return 0;
    case FS_IOC_SETFLAGS:
        memcpy(&flags, data, sizeof flags);
        for (size_t i = 0; i < sizeof map / sizeof *map; i++)
            xflags = (xflags & ~map[i].xflag) | (flags & map[i].flag ? map[i].xflag : 0);
        return save(path, id, xflags);
    default: return -ENOTTY;
    }
}
