#include "backoff.h"
#include "clock.h"
#include "scan.h"

#include <time.h>

int64_t backoff_begin(const struct worker *w)
{
    return w->scan->options.flags & HPC_SCAN_BACK_OFF ? clock_now() : 0;
}

uint32_t backoff_threads(const struct scan *s)
{
    uint32_t working = atomic_load_explicit(&s->back_off.working, memory_order_relaxed);
    uint32_t allowed = atomic_load_explicit(&s->back_off.allowed, memory_order_relaxed);

    return working < allowed ? working : allowed;
}

static void decide(struct scan *s, struct backoff *b, int64_t mean)
{
    uint32_t working = atomic_load(&b->working), threads = backoff_threads(s);

    if (!b->best || mean < b->best)
        b->best = mean;
    else
        b->best += b->best / BACK_OFF_FORGET; /* a server that stays slow is what there is */
    if (mean > BACK_OFF_FLOOR_NS && mean / BACK_OFF_SLOW >= b->best && threads > 1) {
        working = threads / 2;
        b->times++;
        if (working < b->least)
            b->least = working;
    } else if (mean / BACK_OFF_NEAR < b->best && working < s->threads) {
        working++;
    }
    atomic_store(&b->working, working);
}

void backoff_end(struct worker *w, int64_t begin)
{
    struct backoff *b = &w->scan->back_off;
    int64_t took = begin ? clock_now() - begin : 0;

    if (took < BACK_OFF_SAMPLE_NS)
        return;
    pthread_mutex_lock(&b->lock);
    b->sum += took;
    if (++b->count >= BACK_OFF_WINDOW) {
        decide(w->scan, b, b->sum / b->count);
        b->sum = b->count = 0;
    }
    pthread_mutex_unlock(&b->lock);
}

bool backoff_rests(struct worker *w)
{
    struct scan *s = w->scan;

    /* a listing that nobody else may continue keeps its thread */
    return w->index >= backoff_threads(s) && !atomic_load(&w->deque.streams) &&
           atomic_load(&s->outstanding) > 0;
}
