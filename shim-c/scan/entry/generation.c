#include "generation.h"
#include "../core/fds.h"
#include "../core/pace.h"
#include "../core/scan.h"
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

int64_t generation_of(int fd)
{
    uint32_t value[2] = { 0 }; /* a long by its name, an int by what filesystems write */

    return ioctl(fd, FS_IOC_GETVERSION, value) ? 0 : -1 - (int64_t)value[0];
}

int64_t generation_read(struct worker *w, int dirfd, const char *name, int fd,
                        const struct statx *st)
{
    uint64_t dev = object_dev(st);
    struct statx now;
    int64_t found = 0;
    int own = -1;

    if (w->generation_none && w->generation_dev == dev)
        return 0;
    if (fd < 0) {
        pace_wait(w);
        fd = own = fds_open(w, dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    }
    if (fd >= 0 && (own < 0 || (!object_stat(fd, &now) && object_is_same(&now, st)))) {
        found = generation_of(fd);
        if (!found) {
            w->generation_dev = dev;
            w->generation_none = true;
        }
    }
    if (own >= 0)
        fds_close(w->scan, own);
    return found;
}
