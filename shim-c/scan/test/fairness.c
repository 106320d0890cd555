/* Shard sizes of inode-hash over a million inode numbers, for every N from 2 to 64: 2,079 sizes to
 * a sequence. */
#include "tree.h"

#ifdef SMALL_TREES
#define INODES 50000u
#else
#define INODES 1000000u
#endif
#define MOST 64u

void test_fairness(void);

/* splitmix64: visits every number once, and has nothing to do with xxh3. */
static uint64_t scattered(uint64_t i)
{
    uint64_t z = i * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 27);
}

/* How many of the sizes for all N lie more than four standard deviations from their share; checks
 * that none is five away. */
static unsigned beyond_four(const uint64_t *hashes, const char *name)
{
    unsigned beyond = 0;

    for (unsigned n = 2; n <= MOST; n++) {
        unsigned sizes[MOST] = { 0 };
        double share = (double)INODES / n, variance = share * (1 - 1.0 / n);

        for (unsigned i = 0; i < INODES; i++)
            sizes[hashes[i] % n]++;
        for (unsigned k = 0; k < n; k++) {
            double off = sizes[k] - share;

            CHECK(off * off <= 25 * variance, "%s: shard %u of %u", name, k, n);
            beyond += off * off > 16 * variance;
        }
    }
    return beyond;
}

void test_fairness(void)
{
    static const struct {
        const char *name;
        uint64_t stride;
    } sequences[] = {
        { "sequential", 1 },  { "every second", 2 },     { "every third", 3 },
        { "every 64th", 64 }, { "every 4,096th", 4096 }, { "2^32 apart", UINT64_C(1) << 32 },
        { "random", 0 },
    };
    uint64_t *inodes = malloc(INODES * sizeof *inodes), *hashes = malloc(INODES * sizeof *hashes);
    unsigned beyond = 0;

    CHECK(inodes && hashes);
    for (size_t s = 0; s < sizeof sequences / sizeof *sequences; s++) {
        uint64_t stride = sequences[s].stride;

        for (uint64_t i = 0; i < INODES; i++)
            inodes[i] = stride ? i * stride + 2 : scattered(i);
        CHECK(hpc_hash_inodes((const uint8_t *)inodes, INODES, (uint8_t *)hashes) == INODES);
        beyond += beyond_four(hashes, sequences[s].name);
    }
    /* 14,553 sizes: of a split by lot, 0.92 would lie beyond; more than 4 come one time in 500. */
    CHECK(beyond <= 4, "%u", beyond);
    free(inodes);
    free(hashes);
}
