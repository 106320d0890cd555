/*
 * Work that waits. Each thread has a deque of its own and pushes what it finds at the newest end.
 *
 *     thieves take                          the owner pushes and takes
 *     oldest ─ [DIR] ─ [STREAM] ─ [CHUNK] ─ [CHUNK] ─ newest
 *
 * The owner takes the newest item, so that a walk goes down before it goes on. A thief takes the
 * oldest one, which is likely to stand for the most work. A STREAM (the rest of a listing) is left
 * to its owner on Lustre, and while more names are known than the backlog allows. A thread that
 * finds nothing hands in its block of records and sleeps; the last item that is done wakes all.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum item_kind { ITEM_ROOT, ITEM_DIR, ITEM_STREAM, ITEM_CHUNK };

struct item {
    struct item *newer, *older;
    enum item_kind kind;
};

struct deque {
    pthread_mutex_t lock;
    struct item *newest, *oldest;
    _Atomic uint32_t ready;   /* items anybody may take */
    _Atomic uint32_t streams; /* listings to go on with: stealing depends on the backlog */
};

struct node;
struct scan;
struct worker;

int deque_init(struct deque *d);
void deque_destroy(struct deque *d);
void deque_push(struct worker *w, struct item *item);
/* A directory to open, which counts as pending until it is taken. */
void deque_push_dir(struct worker *w, struct node *dir);
/* The thread's own newest, or the oldest of another, or it sleeps; NULL: all is done, or stopped.
 */
struct item *deque_take(struct worker *w);
void deque_done(struct scan *s);
/* After the threads are gone. */
struct item *deque_drain(struct deque *d);
