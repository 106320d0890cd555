/* Where a file has holes. */
#include "../hpc_scan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Past the last data, lseek(SEEK_DATA) says ENXIO, and also when the file was cut meanwhile: a hole
 * ends where the file does. */
static int64_t hole_end(int fd, int64_t hole, int64_t size)
{
    int64_t data = lseek(fd, hole, SEEK_DATA);

    if (data < 0 && errno == ENXIO)
        data = lseek(fd, 0, SEEK_END);
    return data < 0 ? -errno : data < size ? data : size;
}

int64_t hpc_holes(int64_t fd64, int64_t size, int64_t min_hole, uint8_t *out, int64_t cap)
{
    int fd = (int)fd64;
    int64_t count = 0, before, result = 0;

    if (fd64 < 0 || fd64 != fd || size < 0 || min_hole < 1 || !out || cap < 0)
        return -EINVAL;
    before = lseek(fd, 0, SEEK_CUR);
    if (before < 0)
        return -errno;
    for (int64_t at = 0; at < size;) {
        int64_t hole = lseek(fd, at, SEEK_HOLE), end;
        uint64_t found[2];

        if (hole < 0) { /* EINVAL: not told here; ENXIO: the file ends before `size` */
            result = errno == EINVAL || errno == ENXIO || errno == EOPNOTSUPP ? 0 : -errno;
            break;
        }
        if (hole >= size ||
            hole < at) /* FUSE may say anything: one that goes back would never end */
            break;
        end = hole_end(fd, hole, size);
        if (end < 0) {
            result = end;
            break;
        }
        if (end <= hole)
            break; /* the file ends here now */
        at = end;
        if (end - hole < min_hole)
            continue;
        if ((count + 1) * (int64_t)sizeof found > cap) {
            result = -E2BIG;
            break;
        }
        found[0] = (uint64_t)hole;
        found[1] = (uint64_t)(end - hole);
        memcpy(out + count++ * (int64_t)sizeof found, found, sizeof found);
    }
    if (lseek(fd, before, SEEK_SET) < 0)
        return -errno;
    return result ? result : count;
}
