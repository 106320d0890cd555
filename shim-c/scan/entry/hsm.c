#include "hsm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define LOV_V1           0x0BD10BD0u
#define LOV_V3           0x0BD30BD0u
#define LOV_COMPOSITE    0x0BD60BD0u
#define PATTERN_RELEASED 0x80000000u
#define HSM_RELEASED     8u /* of the second word of trusted.hsm */
#define ENTRIES_AT       32u
#define ENTRY_BYTES      48u
#define LAYOUT_FEW       1024u
#define LAYOUT_MAX       65536u

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static bool plain_released(const uint8_t *lov, size_t len)
{
    return len >= 8 && (word(lov) == LOV_V1 || word(lov) == LOV_V3) &&
           word(lov + 4) & PATTERN_RELEASED;
}

/* lov: as the attribute lustre.lov has it. Of a composite layout any component. */
bool hsm_layout_is_released(const uint8_t *lov, size_t len)
{
    uint16_t entries;

    if (len < ENTRIES_AT || word(lov) != LOV_COMPOSITE)
        return plain_released(lov, len);
    memcpy(&entries, lov + 14, sizeof entries);
    for (size_t i = 0; i < entries && ENTRIES_AT + (i + 1) * ENTRY_BYTES <= len; i++) {
        uint32_t at = word(lov + ENTRIES_AT + i * ENTRY_BYTES + 24);

        if (at < len && plain_released(lov + at, len - at))
            return true;
    }
    return false;
}

static bool hsm_says_so(int fd)
{
    uint8_t value[24];

    return fgetxattr(fd, "trusted.hsm", value, sizeof value) >= 8 && word(value + 4) & HSM_RELEASED;
}

static bool is_released(int fd)
{
    uint8_t few[LAYOUT_FEW], *large;
    ssize_t len = fgetxattr(fd, "lustre.lov", few, sizeof few);
    bool released;

    if (len >= 0)
        return hsm_layout_is_released(few, (size_t)len);
    if (errno != ERANGE)
        return hsm_says_so(fd);
    large = malloc(LAYOUT_MAX);
    if (!large)
        return true; /* what is not known is not read */
    len = fgetxattr(fd, "lustre.lov", large, LAYOUT_MAX);
    released = len >= 0 ? hsm_layout_is_released(large, (size_t)len) : hsm_says_so(fd);
    free(large);
    return released;
}

bool hsm_left_in_archive(int fd, const struct statx *st)
{
    return (st->stx_blocks <= 1 || st->stx_blocks * 512 < st->stx_size) && is_released(fd);
}
