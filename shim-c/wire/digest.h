#ifndef HPC_DIGEST_H
#define HPC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* xxh3_64, seed 0, of len bytes: the digests of archives. */
uint64_t hpc_xxh3(const uint8_t *p, size_t len);

static inline uint64_t hpc_rotl64(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

/* The same of an 8-byte key, written from the xxHash specification (XXH3, inputs of 4 to 8 bytes):
 * the two 32-bit halves are swapped, xored with two words of the default secret, and mixed. */
static inline uint64_t hpc_xxh3_u64(uint64_t key)
{
    /* little-endian words at offsets 8 and 16 of the default secret */
    const uint64_t secret = UINT64_C(0x1cad21f72c81017c) ^ UINT64_C(0xdb979083e96dd4de);
    const uint64_t prime = UINT64_C(0x9fb21c651e98df25);
    uint64_t h = hpc_rotl64(key, 32) ^ secret;

    h ^= hpc_rotl64(h, 49) ^ hpc_rotl64(h, 24);
    h *= prime;
    h ^= (h >> 35) + 8;
    h *= prime;
    return h ^ (h >> 28);
}

#endif
