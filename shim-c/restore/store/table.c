#include "table.h"
#include "spool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY  1024u
#define MEMORY_CAPACITY 32768u /* slots of 24 bytes */
#define CHUNK           1024u  /* slots that are moved at once */

/* SipHash-2-4 with 128 bits (Aumasson and Bernstein): keys of hostile names collide for those only
 * who know the secret. */
static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], int count)
{
    while (count--) {
        v[0] += v[1], v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

struct key table_key(const uint64_t secret[2], uint64_t space, const void *bytes, size_t len)
{
    uint64_t v[4] = {
        secret[0] ^ 0x736f6d6570736575u,
        secret[1] ^ 0x646f72616e646f6du ^ 0xee,
        secret[0] ^ 0x6c7967656e657261u,
        secret[1] ^ 0x7465646279746573u,
    };
    const char *at = bytes;
    uint64_t word, last = (uint64_t)len << 56;
    absorb(v, space);
    for (size_t left = len; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        absorb(v, word);
    }
    word = 0;
    memcpy(&word, at, len % 8);
    absorb(v, last | word);
    struct key key;
    v[2] ^= 0xee;
    rounds(v, 4);
    key.word[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    rounds(v, 4);
    key.word[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
    return key;
}

static int read_slot(const struct table *t, const struct spool *s, size_t at, struct slot *slot)
{
    if (!t->memory)
        return spool_read(s, slot, sizeof *slot, t->at + at * sizeof *slot);
    *slot = t->memory[at];
    return 0;
}

static int write_slot(struct table *t, struct spool *s, size_t at, const struct slot *slot)
{
    if (!t->memory)
        return spool_write(s, slot, sizeof *slot, t->at + at * sizeof *slot);
    t->memory[at] = *slot;
    return 0;
}

/* Where the key is, or the free slot where it would be. */
static int seek(const struct table *t, const struct spool *s, const struct key *key, size_t *at,
                struct slot *slot)
{
    for (*at = (size_t)key->word[0] & (t->capacity - 1);; *at = (*at + 1) & (t->capacity - 1)) {
        int err = read_slot(t, s, *at, slot);
        if (err || !slot->value || memcmp(&slot->key, key, sizeof *key) == 0)
            return err;
    }
}

static int make_room(struct table *t, struct spool *s)
{
    struct table bigger = { .capacity = t->capacity ? t->capacity * 2 : FIRST_CAPACITY };
    if (bigger.capacity <= MEMORY_CAPACITY) {
        bigger.memory = calloc(bigger.capacity, sizeof *bigger.memory);
        if (!bigger.memory)
            return -ENOMEM;
    } else {
        /* A hole, which reads as free slots; its last byte makes it readable. */
        bigger.at = s->end;
        int err = spool_write(s, "", 1, s->end + bigger.capacity * sizeof(struct slot) - 1);
        if (err)
            return err;
        s->end += bigger.capacity * sizeof(struct slot);
    }
    struct slot *chunk = malloc(CHUNK * sizeof *chunk);
    int err = chunk ? 0 : -ENOMEM;
    for (size_t from = 0; from < t->capacity && !err; from += CHUNK) {
        if (t->memory)
            memcpy(chunk, t->memory + from, CHUNK * sizeof *chunk);
        else
            err = spool_read(s, chunk, CHUNK * sizeof *chunk, t->at + from * sizeof *chunk);
        for (size_t i = 0; i < CHUNK && !err; i++)
            if (chunk[i].value)
                err = table_put(&bigger, s, &chunk[i].key, chunk[i].value);
    }
    free(chunk);
    if (err) {
        free(bigger.memory);
        return err;
    }
    free(t->memory);
    *t = bigger;
    return 0;
}

int table_get(const struct table *t, const struct spool *s, const struct key *key, uint64_t *value)
{
    struct slot slot = { .value = 0 };
    size_t at;
    int err = t->capacity ? seek(t, s, key, &at, &slot) : 0;
    *value = slot.value;
    return err;
}

int table_put(struct table *t, struct spool *s, const struct key *key, uint64_t value)
{
    struct slot slot;
    size_t at;
    int err = t->count + 1 > t->capacity / 4 * 3 ? make_room(t, s) : 0;
    if (!err)
        err = seek(t, s, key, &at, &slot);
    if (err)
        return err;
    bool is_new = !slot.value;
    slot = (struct slot){ .key = *key, .value = value };
    err = write_slot(t, s, at, &slot);
    t->count += !err && is_new;
    return err;
}
