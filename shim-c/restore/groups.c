/* Inodes whose first name failed: a later hard link must not attach itself to whatever else bears that name. */
#include "internal.h"
#include <stdlib.h>

#define SLOTS (HPC_FAILED_GROUPS * 2)  /* a power of two, half full at most */

static size_t slot_of(const uint64_t *groups, uint64_t group)
{
    size_t at = (size_t)(group * 0x9E3779B97F4A7C15u >> 32) & (SLOTS - 1);
    while (groups[at] && groups[at] != group)
        at = (at + 1) & (SLOTS - 1);
    return at;
}

void hpc_group_failed(struct hpc_restore *r, uint64_t group)
{
    if (!group || r->failed_count >= HPC_FAILED_GROUPS)
        return;
    if (!r->failed_groups && !(r->failed_groups = calloc(SLOTS, sizeof *r->failed_groups))) {
        r->failed_count = HPC_FAILED_GROUPS;  /* no memory to remember: from here on no link is trusted */
        return;
    }
    size_t at = slot_of(r->failed_groups, group);
    if (!r->failed_groups[at]) {
        r->failed_groups[at] = group;
        r->failed_count++;
    }
}

bool hpc_group_has_failed(const struct hpc_restore *r, uint64_t group)
{
    if (r->failed_count >= HPC_FAILED_GROUPS)
        return true;
    return group && r->failed_groups && r->failed_groups[slot_of(r->failed_groups, group)] == group;
}
