#include "identity.h"

#include <errno.h>
#include <fcntl.h>

int identity_look(int fd, const char *name, struct statx *out)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name ? 0 : AT_EMPTY_PATH);
    return statx(fd, name ? name : "", flags, STATX_BASIC_STATS | STATX_BTIME, out) < 0 ? -errno
                                                                                        : 0;
}

struct identity identity_of(const struct statx *sx)
{
    struct identity id = { .dev = (uint64_t)sx->stx_dev_major << 32 | sx->stx_dev_minor,
                           .ino = sx->stx_ino };
    if (sx->stx_mask & STATX_BTIME) {
        id.birth_s = sx->stx_btime.tv_sec;
        id.birth_ns = sx->stx_btime.tv_nsec;
    }
    return id;
}

bool identity_is_same(const struct identity *a, const struct identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->birth_s == b->birth_s &&
           a->birth_ns == b->birth_ns;
}
