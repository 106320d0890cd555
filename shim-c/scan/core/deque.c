#include "deque.h"
#include "backoff.h"
#include "clock.h"
#include "node.h"
#include "ring.h"
#include "scan.h"

#include <errno.h>
#include <time.h>

int deque_init(struct deque *d)
{
    return -pthread_mutex_init(&d->lock, NULL);
}

void deque_destroy(struct deque *d)
{
    pthread_mutex_destroy(&d->lock);
}

static _Atomic uint32_t *counter_of(struct deque *d, const struct item *item)
{
    return item->kind == ITEM_STREAM ? &d->streams : &d->ready;
}

static void unlink_item(struct deque *d, struct item *item)
{
    *(item->newer ? &item->newer->older : &d->newest) = item->older;
    *(item->older ? &item->older->newer : &d->oldest) = item->newer;
    atomic_fetch_sub(counter_of(d, item), 1);
}

/* Whether somebody else may go on with a listing: not on Lustre, and not while there is enough to
 * do. */
static bool streams_free(struct scan *s)
{
    return !(s->options.flags & HPC_SCAN_SERIAL_DIRS) && !scan_pressed(s);
}

static void wake_one(struct scan *s)
{
    pthread_mutex_lock(&s->idle_lock);
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->idle_lock);
}

void deque_push(struct worker *w, struct item *item)
{
    struct scan *s = w->scan;
    struct deque *d = &w->deque;

    atomic_fetch_add(&s->outstanding, 1);
    pthread_mutex_lock(&d->lock);
    item->newer = NULL;
    item->older = d->newest;
    *(d->newest ? &d->newest->newer : &d->oldest) = item;
    d->newest = item;
    atomic_fetch_add(counter_of(d, item), 1);
    pthread_mutex_unlock(&d->lock);
    if (atomic_load(&s->idle) > 0)
        wake_one(s);
}

static struct item *take_newest(struct deque *d)
{
    struct item *item;

    pthread_mutex_lock(&d->lock);
    item = d->newest;
    if (item)
        unlink_item(d, item);
    pthread_mutex_unlock(&d->lock);
    return item;
}

static struct item *steal_oldest(struct scan *s, struct deque *d)
{
    bool free_streams = streams_free(s);
    struct item *item;

    if (!atomic_load(&d->ready) && !(free_streams && atomic_load(&d->streams)))
        return NULL;
    pthread_mutex_lock(&d->lock);
    for (item = d->oldest; item && item->kind == ITEM_STREAM && !free_streams; item = item->newer)
        ;
    if (item)
        unlink_item(d, item);
    pthread_mutex_unlock(&d->lock);
    return item;
}

/* 0: nothing to steal; 1: something; -1: only listings that may be free later */
static int anything(struct scan *s)
{
    bool free_streams = streams_free(s);
    int later = 0;

    for (unsigned i = 0; i < s->threads; i++) {
        struct deque *d = &s->worker[i].deque;
        uint32_t streams = atomic_load(&d->streams);

        if (atomic_load(&d->ready) || (streams && free_streams))
            return 1;
        if (streams && !(s->options.flags & HPC_SCAN_SERIAL_DIRS))
            later = -1;
    }
    return later;
}

/* A thread that rests may be the one that was woken: it passes the word on, until one that works
 * has it. */
static void rest(struct worker *w)
{
    const struct timespec nap = { .tv_nsec = IDLE_POLL_MS * 1000000L };
    struct scan *s = w->scan;
    /* a filesystem that is slow is no limit that somebody set */
    enum waits_kind kind = w->index >= atomic_load(&s->back_off.allowed) ? WAITS_KEPT : WAITS_IDLE;

    ring_flush(w);
    if (atomic_load(&s->idle) > 0 && anything(s) > 0)
        wake_one(s);
    waits_begin(w, kind, clock_now());
    nanosleep(&nap, NULL);
    waits_end(w, kind, clock_now());
}

static void wait_for_work(struct worker *w)
{
    struct scan *s = w->scan;
    int state;

    pthread_mutex_lock(&s->idle_lock);
    atomic_fetch_add(&s->idle, 1);
    state = anything(s);
    if (state <= 0 && !scan_stopped(s) && atomic_load(&s->outstanding) > 0) {
        waits_begin(w, WAITS_IDLE, clock_now());
        if (state == 0) {
            pthread_cond_wait(&s->work, &s->idle_lock);
        } else {
            struct timespec until = clock_deadline(CLOCK_MONOTONIC, IDLE_POLL_MS);
            pthread_cond_timedwait(&s->work, &s->idle_lock, &until);
        }
        waits_end(w, WAITS_IDLE, clock_now());
    }
    atomic_fetch_sub(&s->idle, 1);
    pthread_mutex_unlock(&s->idle_lock);
}

struct item *deque_take(struct worker *w)
{
    struct scan *s = w->scan;

    while (!scan_stopped(s)) {
        struct item *item;

        if (backoff_rests(w)) {
            rest(w);
            continue;
        }
        item = take_newest(&w->deque);
        for (unsigned i = 1; !item && i < s->threads; i++)
            item = steal_oldest(s, &s->worker[(w->index + i) % s->threads].deque);
        if (item)
            return item;
        ring_flush(w); /* nobody waits for what an idle thread keeps */
        if (atomic_load(&s->outstanding) == 0)
            break;
        wait_for_work(w);
    }
    return NULL;
}

void deque_done(struct scan *s)
{
    if (atomic_fetch_sub(&s->outstanding, 1) == 1) {
        pthread_mutex_lock(&s->idle_lock);
        pthread_cond_broadcast(&s->work);
        pthread_mutex_unlock(&s->idle_lock);
    }
}

struct item *deque_drain(struct deque *d)
{
    return take_newest(d);
}

void deque_push_dir(struct worker *w, struct node *dir)
{
    struct scan *s = w->scan;
    uint64_t now = atomic_fetch_add(&s->pending, 1) + 1;
    uint64_t peak = atomic_load_explicit(&s->pending_peak, memory_order_relaxed);

    while (now > peak && !atomic_compare_exchange_weak(&s->pending_peak, &peak, now))
        ;
    atomic_fetch_add(&s->backlog, 1);
    deque_push(w, &dir->item);
}
