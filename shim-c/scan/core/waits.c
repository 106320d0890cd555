#include "waits.h"
#include "clock.h"
#include "scan.h"

static int64_t get(const _Atomic int64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static void set(_Atomic int64_t *to, int64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

void waits_begin(struct worker *w, enum waits_kind kind, int64_t now)
{
    set(&w->waits.since[kind], now);
}

void waits_end(struct worker *w, enum waits_kind kind, int64_t now)
{
    int64_t since = get(&w->waits.since[kind]);

    set(&w->waits.since[kind], 0);
    set(&w->waits.slept[kind], get(&w->waits.slept[kind]) + now - since);
}

struct waits_moment waits_look(const struct scan *s)
{
    struct waits_moment m = { .now = clock_now() };

    for (unsigned i = 0; i < s->threads; i++)
        for (int kind = 0; kind < WAITS_KINDS; kind++) {
            int64_t since = get(&s->worker[i].waits.since[kind]);
            m.all[kind] += get(&s->worker[i].waits.slept[kind]);
            if (since && since < m.now)
                m.all[kind] += m.now - since;
        }
    return m;
}

void waits_add(_Atomic int64_t *sum, int64_t begin)
{
    set(sum, get(sum) + clock_now() - begin);
}

void waits_count(struct scan *s, const struct waits_moment *begin)
{
    struct waits_moment end = waits_look(s);
    int64_t took = end.now - begin->now, kept = end.all[WAITS_KEPT] - begin->all[WAITS_KEPT];
    int64_t busy = took * s->threads - (end.all[WAITS_IDLE] - begin->all[WAITS_IDLE]);

    /* a thread may change what it does while it is looked at */
    if (kept > busy)
        kept = busy;
    set(&s->waited.records, get(&s->waited.records) + took);
    if (kept > 0)
        set(&s->waited.kept,
            get(&s->waited.kept) + (int64_t)((double)took * (double)kept / (double)busy));
}
