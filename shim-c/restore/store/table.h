/* From 128-bit keys to places in the spool: open addressing, three quarters full at most. Memory
 * stays below 1 MiB a table. */
#pragma once

#include "spool.h"

struct key {
    uint64_t word[2];
};
struct slot {
    struct key key;
    uint64_t value; /* 0: free */
};
struct table {
    struct slot *memory; /* NULL: in the spool, from `at` on */
    uint64_t at;
    size_t capacity, count; /* capacity: a power of two */
};
/* Keyed with the job's secret: nobody can choose names whose keys are the same. */
struct key table_key(const uint64_t secret[2], uint64_t space, const void *bytes, size_t len);
int table_get(const struct table *t, const struct spool *s, const struct key *key,
              uint64_t *value); /* 0: not there */
int table_put(struct table *t, struct spool *s, const struct key *key, uint64_t value);
