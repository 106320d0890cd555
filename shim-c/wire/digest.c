/*
 * XXH3_64bits with seed 0 of any length, written from the xxHash specification (XXH3): the digests
 * of archives. Plain C: with inputs of a few kilobytes this runs at memory speed, and the compiler
 * is free to use vectors.
 */
#include "digest.h"

#include <string.h>

#define P32_1 UINT64_C(0x9E3779B1)
#define P32_2 UINT64_C(0x85EBCA77)
#define P32_3 UINT64_C(0xC2B2AE3D)
#define P64_1 UINT64_C(0x9E3779B185EBCA87)
#define P64_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P64_3 UINT64_C(0x165667B19E3779F9)
#define P64_4 UINT64_C(0x85EBCA77C2B2AE63)
#define P64_5 UINT64_C(0x27D4EB2F165667C5)

#define STRIPE            64
#define STRIPES_PER_BLOCK 16

/* The default secret. */
static const uint8_t secret[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static uint64_t u32_at(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t avalanche(uint64_t h)
{
    h ^= h >> 37;
    h *= UINT64_C(0x165667919E3779F9);
    return h ^ (h >> 32);
}

static uint64_t avalanche64(uint64_t h)
{
    h ^= h >> 33;
    h *= P64_2;
    h ^= h >> 29;
    h *= P64_3;
    return h ^ (h >> 32);
}

static uint64_t mix16(const uint8_t *p, const uint8_t *key)
{
    return fold(u64_at(p) ^ u64_at(key), u64_at(p + 8) ^ u64_at(key + 8));
}

static uint64_t up_to_16(const uint8_t *p, size_t len)
{
    uint64_t a, b;

    if (len > 8) {
        a = u64_at(p) ^ u64_at(secret + 24) ^ u64_at(secret + 32);
        b = u64_at(p + len - 8) ^ u64_at(secret + 40) ^ u64_at(secret + 48);
        return avalanche(len + __builtin_bswap64(a) + b + fold(a, b));
    }
    if (len >= 4) {
        a = (u32_at(p + len - 4) + (u32_at(p) << 32)) ^ u64_at(secret + 8) ^ u64_at(secret + 16);
        a ^= hpc_rotl64(a, 49) ^ hpc_rotl64(a, 24);
        a *= UINT64_C(0x9FB21C651E98DF25);
        a ^= (a >> 35) + len;
        a *= UINT64_C(0x9FB21C651E98DF25);
        return a ^ (a >> 28);
    }
    if (len) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[len >> 1] << 24 | p[len - 1] | len << 8;
        return avalanche64(a ^ u32_at(secret) ^ u32_at(secret + 4));
    }
    return avalanche64(u64_at(secret + 56) ^ u64_at(secret + 64));
}

static uint64_t up_to_128(const uint8_t *p, size_t len)
{
    uint64_t h = len * P64_1;

    for (size_t i = (len - 1) / 32 + 1; i-- > 0;)
        h += mix16(p + 16 * i, secret + 32 * i) +
             mix16(p + len - 16 * (i + 1), secret + 32 * i + 16);
    return avalanche(h);
}

static uint64_t up_to_240(const uint8_t *p, size_t len)
{
    uint64_t h = len * P64_1;

    for (size_t i = 0; i < 8; i++)
        h += mix16(p + 16 * i, secret + 16 * i);
    h = avalanche(h);
    for (size_t i = 8; i < len / 16; i++)
        h += mix16(p + 16 * i, secret + 16 * (i - 8) + 3);
    return avalanche(h + mix16(p + len - 16, secret + 136 - 17));
}

static void stripe(uint64_t acc[8], const uint8_t *p, const uint8_t *key)
{
    for (size_t i = 0; i < 8; i++) {
        uint64_t data = u64_at(p + 8 * i), mixed = data ^ u64_at(key + 8 * i);

        acc[i ^ 1] += data;
        acc[i] += (mixed & 0xffffffff) * (mixed >> 32);
    }
}

static uint64_t longer(const uint8_t *p, size_t len)
{
    uint64_t acc[8] = { P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1 };
    uint64_t h = len * P64_1;
    size_t stripes = (len - 1) / STRIPE;

    for (size_t s = 0; s < stripes; s++) {
        stripe(acc, p + STRIPE * s, secret + 8 * (s % STRIPES_PER_BLOCK));
        if (s % STRIPES_PER_BLOCK < STRIPES_PER_BLOCK - 1)
            continue;
        for (size_t i = 0; i < 8; i++)
            acc[i] = (acc[i] ^ (acc[i] >> 47) ^ u64_at(secret + 128 + 8 * i)) * P32_1;
    }
    stripe(acc, p + len - STRIPE, secret + 128 - 7);
    for (size_t i = 0; i < 8; i += 2)
        h += fold(acc[i] ^ u64_at(secret + 11 + 8 * i), acc[i + 1] ^ u64_at(secret + 19 + 8 * i));
    return avalanche(h);
}

uint64_t hpc_xxh3(const uint8_t *p, size_t len)
{
    if (len <= 16)
        return up_to_16(p, len);
    if (len <= 128)
        return up_to_128(p, len);
    if (len <= 240)
        return up_to_240(p, len);
    return longer(p, len);
}
