/* Records: gathered in a block per thread, handed to the consumer through a ring that is bounded by
 * entries and bytes. */
#include "../include/hpc_entry.h"
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t pad8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

int ring_init(struct ring *r)
{
    pthread_condattr_t attr;
    int error;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    error = pthread_mutex_init(&r->lock, NULL);
    if (!error)
        error = pthread_cond_init(&r->filled, &attr);
    if (!error)
        error = pthread_cond_init(&r->drained, &attr);
    pthread_condattr_destroy(&attr);
    return -error;
}

/*
 * Blocks are mapped, not malloc-ed: they are made by one thread and given back by another, and in
 * the allocator's arenas (one for almost each thread) the small things around them would keep their
 * memory: 16 MiB more at 32 threads.
 */
void block_free(struct block *b)
{
    if (b)
        munmap(b, sizeof *b + b->cap);
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        block_free(b);
        b = next;
    }
}

void ring_destroy(struct ring *r)
{
    free_blocks(r->head);
    free_blocks(r->taken);
    free_blocks(r->spare);
    pthread_cond_destroy(&r->filled);
    pthread_cond_destroy(&r->drained);
    pthread_mutex_destroy(&r->lock);
}

_Static_assert(sizeof(struct block) <= 64, "a block with its head fills whole pages");

static struct block *block_new(struct ring *r, size_t need)
{
    size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    struct block *b = NULL;

    if (cap == BLOCK_BYTES) {
        pthread_mutex_lock(&r->lock);
        b = r->spare;
        if (b) {
            r->spare = b->next;
            r->spares--;
        }
        pthread_mutex_unlock(&r->lock);
    }
    if (!b) {
        b = mmap(NULL, sizeof *b + cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (b == MAP_FAILED)
            return NULL;
    }
    memset(b, 0, sizeof *b);
    b->cap = cap;
    return b;
}

static bool fits(const struct scan *s, const struct block *b)
{
    const struct ring *r = &s->ring;

    /* an empty ring takes any block, or a large one would wait for ever */
    return !r->head || (r->entries + b->entries <= s->options.ring_entries &&
                        r->bytes + b->used <= s->options.ring_bytes);
}

bool ring_is_worth_a_call(const struct scan *s)
{
    const struct ring *r = &s->ring;
    size_t worth = s->options.inline_bytes ? GATHER_CONTENT_BYTES : GATHER_BYTES;

    return r->producers_waiting || r->entries >= s->options.ring_entries / GATHER_PARTS ||
           r->bytes >= worth;
}

void block_flush(struct worker *w)
{
    struct scan *s = w->scan;
    struct ring *r = &s->ring;
    struct block *b = w->block;

    if (!b || !b->used)
        return;
    w->block = NULL;
    pthread_mutex_lock(&r->lock);
    while (!stopped(s) && !fits(s, b)) {
        r->producers_waiting++;
        pthread_cond_signal(&r->filled);
        pthread_cond_wait(&r->drained, &r->lock);
        r->producers_waiting--;
    }
    if (stopped(s)) {
        pthread_mutex_unlock(&r->lock);
        block_free(b);
        return;
    }
    b->next = NULL;
    *(r->head ? &r->tail->next : &r->head) = b;
    r->tail = b;
    r->entries += b->entries;
    r->bytes += b->used;
    if (ring_is_worth_a_call(s) || atomic_load_explicit(&r->hungry, memory_order_relaxed))
        pthread_cond_signal(&r->filled);
    pthread_mutex_unlock(&r->lock);
}

static size_t dir_record(const struct node *dir)
{
    return sizeof(struct hpc_record_prefix) + pad8(dir->path_len + mdts_bytes(dir));
}

static void put_dir(struct block *b, struct node *dir)
{
    struct hpc_record_prefix p = { 0 };
    uint8_t *at = b->data + b->used;
    size_t len = dir_record(dir), mdts = mdts_bytes(dir);

    p.record_len = (uint32_t)len;
    p.type = HPC_REC_DIR;
    p.body_len = dir->path_len + (uint32_t)mdts;
    p.xattr_len = (uint32_t)mdts;
    memset(at + len - 8, 0, 8);
    memcpy(at, &p, sizeof p);
    node_path(dir, at + sizeof p);
    if (mdts)
        memcpy(at + sizeof p + dir->path_len, dir->mdts->at, mdts);
    b->used += len;
    b->dir_id = dir->id;
}

uint8_t *record_begin(struct worker *w, struct node *dir, size_t max_len)
{
    size_t dir_len = dir_record(dir);
    struct block *b = w->block;
    uint32_t enough = w->scan->options.ring_entries / 4;

    if (b) {
        size_t need = max_len + (b->dir_id == dir->id ? 0 : dir_len);
        bool hungry = b->used >= BLOCK_HUNGRY_BYTES &&
                      atomic_load_explicit(&w->scan->ring.hungry, memory_order_relaxed);
        if (b->used + need > b->cap || b->entries > enough || hungry)
            block_flush(w);
    }
    b = w->block;
    if (b && b->used == 0 && dir_len + max_len > b->cap) {
        block_free(b);
        b = w->block = NULL;
    }
    if (!b)
        b = w->block = block_new(&w->scan->ring, dir_len + max_len);
    if (!b) {
        scan_fail(w, ENOMEM);
        return NULL;
    }
    if (b->dir_id != dir->id)
        put_dir(b, dir);
    return b->data + b->used;
}

void record_end(struct worker *w, size_t len)
{
    w->block->used += len;
    w->block->entries++;
}

void emit_error(struct worker *w, struct node *dir, int error, enum hpc_scan_op op,
                const char *name, size_t name_len)
{
    struct hpc_record_prefix p = { 0 };
    uint32_t body[2] = { op, (uint32_t)name_len };
    size_t len = sizeof p + pad8(sizeof body + name_len);
    uint8_t *at = record_begin(w, dir, len);

    count_add(w, op == HPC_OP_STAT ? FAILED : DIRS_FAILED, 1);
    if (!at)
        return;
    p.record_len = (uint32_t)len;
    p.type = HPC_REC_ERROR;
    p.error = error;
    p.body_len = (uint32_t)(sizeof body + name_len);
    memset(at + len - 8, 0, 8);
    memcpy(at, &p, sizeof p);
    memcpy(at + sizeof p, body, sizeof body);
    if (name_len)
        memcpy(at + sizeof p + sizeof body, name, name_len);
    record_end(w, len);
}
