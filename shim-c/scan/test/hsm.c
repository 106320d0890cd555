/* Layouts as a client of Lustre 2.17.0 gave them. */
#include "../entry/hsm.h"
#include "tree.h"

static size_t bytes_of(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte;
        CHECK(sscanf(hex, "%2x", &byte) == 1);
        out[n++] = (uint8_t)byte;
    }
    return n;
}

void test_released(void)
{
    static const char plain[] = "d00bd10b01000000c80400000000000002040000020000000000400001000000"
                                "000000000000000000000000000000000000000000000000";
    static const char released[] =
        "d00bd10b01000080c8040000000000000204000002000000000040000100ffff";
    static const char composite[] =
        "d00bd60bd8000000040000000000020000000000000000000000000000000000"
        "010000001000000000000000000000000000010000000000800000002000000000000000000000000000000000"
        "000000"
        "02000000100000000000010000000000ffffffffffffffffa00000002000000000000000000000000000000000"
        "000000"
        "d00bd10b00010080000000000000000000000000000000000000100000000000"
        "d00bd10b01000080000000000000000000000000000000000000100000000000";
    uint8_t lov[512];
    size_t len;

    CHECK(!hsm_layout_is_released(lov, bytes_of(plain, lov)));
    CHECK(hsm_layout_is_released(lov, bytes_of(released, lov)));
    len = bytes_of(composite, lov);
    CHECK(hsm_layout_is_released(lov, len));
    lov[128 + 7] = 0; /* the first component's pattern: now only the second is */
    CHECK(hsm_layout_is_released(lov, len));
    lov[160 + 7] = 0;
    CHECK(!hsm_layout_is_released(lov, len));
    for (size_t cut = 0; cut < len;
         cut++) { /* in memory of its own, so that a look too far is seen */
        uint8_t *some = malloc(cut + 1);
        memcpy(some, lov, cut);
        CHECK(!hsm_layout_is_released(some, cut));
        free(some);
    }
    memset(lov, 0xff, sizeof lov);
    memcpy(lov, "\xd0\x0b\xd6\x0b", 4);
    CHECK(!hsm_layout_is_released(lov, sizeof lov));
}
