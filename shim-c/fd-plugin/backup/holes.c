#include "holes.h"
#include "../limits.h"
#include <errno.h>
#include <string.h>

bool holes_are_skipped(enum conf_holes holes, const struct abi *abi, const struct hpc_entry *entry)
{
    uint64_t bytes = 0, hole[2];
    for (uint32_t i = 0; i < entry->head.hole_count; i++) {
        memcpy(hole, entry->holes + 16 * (size_t)i, sizeof hole);
        bytes += hole[1];
    }
    return bytes >= HOLES_LARGE &&
           (holes == HOLES_BY_RELEASE ? abi->encrypts_offsets : holes == HOLES_SKIP);
}

int holes_set(struct holes *h, const struct hpc_entry *entry)
{
    size_t len = 16 * (size_t)entry->head.hole_count;
    h->count = entry->head.hole_count;
    h->at = 0;
    h->offset = 0;
    h->size = entry->head.size;
    if (!text_room(&h->map, len))
        return -ENOMEM;
    memcpy(h->map.bytes, entry->holes, len);
    return 0;
}

int64_t holes_next(struct holes *h)
{
    while (h->at < h->count) {
        uint64_t hole[2];
        memcpy(hole, h->map.bytes + 16 * (size_t)h->at, sizeof hole);
        if (h->offset < hole[0])
            return -(int64_t)(hole[0] - h->offset);
        if (h->offset < hole[0] + hole[1])
            return (int64_t)(hole[0] + hole[1] - h->offset);
        h->at++;
    }
    return INT64_MIN;
}
