#include "pace.h"
#include "clock.h"
#include "scan.h"
#include "waits.h"

#include <time.h>

#define BURST (SECOND_NS / 10)
#define LOOK  (SECOND_NS / 20) /* at the stop flag and the rate */

static void sleep_until(int64_t at)
{
    const struct timespec t = { .tv_sec = at / SECOND_NS, .tv_nsec = at % SECOND_NS };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* When an operation may begin. Moments of a slower rate that were given away do not count: at this
 * one no more than one for each thread lie ahead. */
static int64_t take_moment(struct scan *s, uint32_t rate, int64_t now)
{
    int64_t at = atomic_load_explicit(&s->pace.next_op, memory_order_relaxed);
    int64_t step = SECOND_NS / rate, latest = now + (int64_t)(s->threads + 1) * step, mine;

    do
        mine = at < now - BURST ? now - BURST : at > latest ? now : at;
    while (!atomic_compare_exchange_weak(&s->pace.next_op, &at, mine + step));
    return mine;
}

static void wait_turn(struct worker *w)
{
    struct scan *s = w->scan;
    int64_t begin = clock_now(), now = begin, mine = 0;
    uint32_t rate, taken = 0;

    while ((rate = atomic_load_explicit(&s->pace.rate, memory_order_relaxed)) && !scan_stopped(s)) {
        if (rate != taken)
            mine = rate == PACE_PAUSED ? INT64_MAX : take_moment(s, rate, now);
        taken = rate;
        if (mine <= now)
            break;
        if (now == begin)
            waits_begin(w, WAITS_KEPT, now);
        sleep_until(mine - now < LOOK ? mine : now + LOOK);
        now = clock_now();
    }
    if (now > begin)
        waits_end(w, WAITS_KEPT, now);
}

void pace_wait(struct worker *w)
{
    if (atomic_load_explicit(&w->scan->pace.rate, memory_order_relaxed))
        wait_turn(w);
}

void pace_pause(struct worker *w)
{
    if (atomic_load_explicit(&w->scan->pace.rate, memory_order_relaxed) == PACE_PAUSED)
        wait_turn(w);
}
