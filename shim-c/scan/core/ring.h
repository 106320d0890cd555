/*
 * The way of records from the threads to the consumer: blocks of records in a queue that is bounded
 * by entries and bytes.
 *
 *     thread: block ──ring_flush()──▶ head ─ … ─ tail ──hpc_scan_next(), hpc_scan_frames()──▶ taken
 *        ▲                                                                                      │
 *        └───────────────────────────── spare ◀──────────────── given back ─────────────────────┘
 *
 * A thread gathers records in a block of its own. When the block is full, or the consumer is
 * hungry, the thread appends it to the ring, and waits for `drained` while the ring has no room.
 * The consumer waits for `filled`: for a while until a call is worth its cost, then for anything at
 * all. Blocks that were read become spare ones, because unmapping memory interrupts every core.
 */
#pragma once

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
