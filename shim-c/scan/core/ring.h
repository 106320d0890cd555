/* Records: gathered in a block per thread, handed to the consumer through a ring that is bounded by
 * entries and bytes. */
#ifndef HPC_SCAN_RING_H
#define HPC_SCAN_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    struct block *next;
    size_t used, cap;
    uint32_t entries;
    uint64_t dir_id; /* directory of the last DIR record, 0 = none yet */
    _Alignas(8) uint8_t data[];
};

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t filled, drained;
    struct block *head, *tail, *spare;
    uint64_t entries, bytes, spares;
    uint32_t producers_waiting;
    _Atomic bool hungry; /* the consumer waits for anything at all */
    bool complete;
    /* The consumer's alone: blocks that hpc_scan_frames() took, and how far it is in the first of
     * them. */
    struct block *taken;
    uint32_t taken_at, taken_dir;
};

struct scan;
struct worker;

int ring_init(struct ring *r);
void ring_destroy(struct ring *r);
/* A block for at least so many bytes; NULL: out of memory. */
struct block *ring_block_new(struct ring *r, size_t need);
void ring_block_free(struct block *b);
/* Hands the thread's block over, and waits until there is room for it. */
void ring_flush(struct worker *w);
/* The lock is held. */
bool ring_is_worth_a_call(const struct scan *s);

#endif
