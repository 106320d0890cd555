#include "pace.h"
#include "clock.h"
#include "scan.h"

#include <time.h>

#define BURST (SECOND_NS / 10)
#define LOOK  (SECOND_NS / 20) /* at the stop flag */

static void sleep_until(int64_t at)
{
    const struct timespec t = { .tv_sec = at / SECOND_NS, .tv_nsec = at % SECOND_NS };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

void pace_wait(struct worker *w)
{
    struct scan *s = w->scan;
    uint32_t rate = s->options.metadata_ops;
    int64_t now, at, mine;

    if (!rate)
        return;
    now = clock_now();
    at = atomic_load_explicit(&s->next_op, memory_order_relaxed);
    do
        mine = at < now - BURST ? now - BURST : at;
    while (!atomic_compare_exchange_weak(&s->next_op, &at, mine + SECOND_NS / rate));
    while (now < mine && !scan_stopped(s)) {
        sleep_until(mine - now < LOOK ? mine : now + LOOK);
        now = clock_now();
    }
}
