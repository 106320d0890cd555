#include "object.h"
#include "../../wire/hpc_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int object_stat(int fd, struct statx *st)
{
    return statx(fd, "", AT_NO_AUTOMOUNT | AT_EMPTY_PATH, STAT_MASK, st) ? -errno : 0;
}

static bool same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool object_is_same(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
           a->stx_dev_minor == b->stx_dev_minor && !((a->stx_mode ^ b->stx_mode) & S_IFMT) &&
           (!object_birth(a) || !object_birth(b) || object_birth(a) == object_birth(b));
}

bool object_is_unchanged(const struct statx *a, const struct statx *b)
{
    return a->stx_size == b->stx_size && same_time(&a->stx_mtime, &b->stx_mtime) &&
           same_time(&a->stx_ctime, &b->stx_ctime);
}

void object_fill_head(struct hpc_entry_head *h, size_t name_len, const struct statx *st,
                      bool is_older, size_t link_len)
{
    uint8_t kind = hpc_kind_of_mode(st->stx_mode);

    memset(h, 0, sizeof *h);
    h->version = HPC_ENTRY_VERSION;
    h->kind = kind ? kind : HPC_SOCKET; /* not saved either, and said to be */
    h->flags = is_older ? HPC_ENTRY_OLDER : 0;
    h->name_len = (uint32_t)name_len;
    h->link_len = (uint32_t)link_len;
    h->nlink = st->stx_nlink;
    h->ino = st->stx_ino;
    h->dev = object_dev(st);
    h->size = st->stx_size;
    h->blocks = st->stx_blocks;
    h->mtime_s = st->stx_mtime.tv_sec;
    h->mtime_ns = st->stx_mtime.tv_nsec;
    h->atime_s = st->stx_atime.tv_sec;
    h->atime_ns = st->stx_atime.tv_nsec;
    h->ctime_s = st->stx_ctime.tv_sec;
    h->ctime_ns = st->stx_ctime.tv_nsec;
    h->mode = st->stx_mode;
    h->uid = st->stx_uid;
    h->gid = st->stx_gid;
    h->rdev = kind == HPC_CHARDEV || kind == HPC_BLOCKDEV
                  ? object_device(st->stx_rdev_major, st->stx_rdev_minor)
                  : 0;
    h->blksize = st->stx_blksize;
}
