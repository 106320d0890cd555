/* Owner, mode and times of what was restored. */
#pragma once

#include "report.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct block;
struct hpc_entry_head;

struct attributes {
    int64_t mtime_s, atime_s;
    uint32_t mtime_ns, atime_ns, mode, uid, gid, unused;
};
void attributes_of(struct attributes *a, const struct hpc_entry_head *head);
/* All in their order but the inode flags. block may be NULL. false: something could not be set,
 * which was reported; the rest was. */
bool attributes_apply(struct hpc_restore *r, const struct target *t, struct attributes *a,
                      const struct block *block);
/* chmod of what an O_PATH descriptor holds. */
int attributes_chmod(int fd, mode_t mode);
