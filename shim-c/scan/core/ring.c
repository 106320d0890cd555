#include "ring.h"
#include "../../wire/hpc_entry.h"
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
void ring_block_free(struct block *b)
{
    if (b)
        munmap(b, sizeof *b + b->cap);
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        ring_block_free(b);
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

struct block *ring_block_new(struct ring *r, size_t need)
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

void ring_flush(struct worker *w)
{
    struct scan *s = w->scan;
    struct ring *r = &s->ring;
    struct block *b = w->block;

    if (!b || !b->used)
        return;
    w->block = NULL;
    pthread_mutex_lock(&r->lock);
    while (!scan_stopped(s) && !fits(s, b)) {
        r->producers_waiting++;
        pthread_cond_signal(&r->filled);
        pthread_cond_wait(&r->drained, &r->lock);
        r->producers_waiting--;
    }
    if (scan_stopped(s)) {
        pthread_mutex_unlock(&r->lock);
        ring_block_free(b);
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
