/* What statx(2) says of an entry: which object it is, and its head. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct hpc_entry_head;

/*
 * Never with AT_STATX_DONT_SYNC: Lustre gave size 0 for a file that another client had just
 * written, and a mask that calls it valid.
 */
#define STAT_MASK (STATX_BASIC_STATS | STATX_BTIME)

/* dev_t as glibc's makedev(3) packs it. */
static inline uint64_t object_device(uint32_t major, uint32_t minor)
{
    return ((uint64_t)(major & 0xfffff000u) << 32) | ((major & 0xfffu) << 8) |
           ((uint64_t)(minor & 0xffffff00u) << 12) | (minor & 0xffu);
}

static inline uint64_t object_dev(const struct statx *st)
{
    return object_device(st->stx_dev_major, st->stx_dev_minor);
}

/* ns; 0: not known. */
static inline int64_t object_birth(const struct statx *st)
{
    return st->stx_mask & STATX_BTIME
               ? st->stx_btime.tv_sec * INT64_C(1000000000) + st->stx_btime.tv_nsec
               : 0;
}

/* What an open file is; -errno. */
int object_stat(int fd, struct statx *st);
/* Kind, device, inode and birth. */
bool object_is_same(const struct statx *a, const struct statx *b);
/* Size and times. */
bool object_is_unchanged(const struct statx *a, const struct statx *b);
void object_fill_head(struct hpc_entry_head *h, size_t name_len, const struct statx *st,
                      bool is_older, size_t link_len);
