/*
 * An inode's generation: another one each time its number is given to a new file. Asked for where
 * the filesystem keeps no time of birth, and only of files that are opened again later. An ioctl(2)
 * wants them open; a device that has no generations is asked once.
 */
#include "engine.h"

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

int64_t read_generation(struct worker *w, int dirfd, const char *name, int fd,
                        const struct statx *st)
{
    uint64_t dev = device(st->stx_dev_major, st->stx_dev_minor);
    struct statx now;
    int64_t found = 0;
    int own = -1;

    if (w->generation_none && w->generation_dev == dev)
        return 0;
    if (fd < 0) {
        pace(w);
        fd = own = open_counted(w, dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    }
    if (fd >= 0 && (own < 0 || (!stat_opened(fd, &now) && same_object(&now, st)))) {
        found = generation_of(fd);
        if (!found) {
            w->generation_dev = dev;
            w->generation_none = true;
        }
    }
    if (own >= 0)
        close_counted(w->scan, own);
    return found;
}
