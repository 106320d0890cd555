/* Files by a path of any length, opened or read for the caller. */
#include "../../path/hpc_path.h"
#include "../core/fds.h"
#include "../hpc_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t hpc_open(const uint8_t *path, int64_t path_len, int64_t flags)
{
    if (!path || path_len <= 0)
        return -EINVAL;
    return hpc_path_follow((const char *)path, (size_t)path_len, (int)flags | O_NOFOLLOW);
}

static int64_t read_one(const uint8_t *path, uint32_t path_len, uint8_t *out, size_t max,
                        size_t room)
{
    struct stat st;
    int64_t got;
    uint8_t more;
    int fd = hpc_path_follow((const char *)path, path_len, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st)) {
        got = -errno;
    } else if (!S_ISREG(st.st_mode)) {
        got = -EINVAL;
    } else {
        got = fds_read_to_end(fd, out, max < room ? max : room, 0);
        if (got >= 0 && (size_t)got == (max < room ? max : room) && read(fd, &more, 1) == 1)
            got = max <= room ? -EFBIG : INT64_MIN;
    }
    close(fd);
    return got;
}

int64_t hpc_read_files(const uint8_t *requests, int64_t requests_len, uint8_t *out, int64_t cap,
                       uint8_t *used_out)
{
    uint64_t at = 0, used = 0, want = (uint64_t)requests_len, room = (uint64_t)cap;
    int64_t answered = 0;

    if (!requests || requests_len < 0 || !out || cap < 0 || !used_out)
        return -EINVAL;
    while (at + 8 <= want && used + 8 <= room) {
        uint32_t head[2];
        int32_t answer[2];
        uint64_t len, padded;
        int64_t got;

        memcpy(head, requests + at, sizeof head);
        if (at + 8 + head[0] > want)
            return -EINVAL;
        got = read_one(requests + at + 8, head[0], out + used + 8, head[1], room - used - 8);
        if (got == INT64_MIN)
            break; /* does not fit any more: the caller asks again from here */
        len = got < 0 ? 0 : (uint64_t)got;
        answer[0] = got < 0 ? (int32_t)-got : 0;
        answer[1] = (int32_t)len;
        memcpy(out + used, answer, sizeof answer);
        padded = (len + 7) & ~UINT64_C(7);
        if (padded > room - used - 8)
            padded = room - used - 8; /* nothing comes behind it */
        memset(out + used + 8 + len, 0, padded - len);
        used += 8 + padded;
        at += 8 + (((uint64_t)head[0] + 7) & ~UINT64_C(7));
        answered++;
    }
    memcpy(used_out, &used, sizeof used);
    return answered;
}
