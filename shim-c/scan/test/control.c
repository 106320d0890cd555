/* What may be changed in the middle of a scan, and what is told of waiting. */
#include "../core/scan.h"
#include "tree.h"

#include <stdatomic.h>

enum { THREADS = 8, DIRS = 120, FILES = 10, NAMES = 1 + DIRS * (FILES + 1) };

static _Atomic unsigned epoch, threads_seen, calls;
static const struct timespec moment = { .tv_nsec = 1000000 };

/* Each stat and each open takes a millisecond more. */
static void slow_call(void)
{
    static _Thread_local unsigned seen;
    unsigned now = atomic_load(&epoch);

    atomic_fetch_add(&calls, 1);
    nanosleep(&moment, NULL);
    if (seen != now)
        atomic_fetch_add(&threads_seen, 1);
    seen = now;
}

static void new_epoch(void)
{
    atomic_store(&threads_seen, 0);
    atomic_fetch_add(&epoch, 1);
}

/* Waits for it, ten seconds at most. */
#define AWAIT(condition) \
    for (double begin_ = now(); !(condition); nanosleep(&moment, NULL)) \
    CHECK(now() - begin_ < 10)

/* Threads from `first` on that are kept, or have nothing to do where `or_idle`. */
static unsigned kept(struct scan *s, unsigned first, bool or_idle)
{
    unsigned n = 0;

    for (unsigned i = first; i < THREADS; i++)
        n += atomic_load(&s->worker[i].waits.since[WAITS_KEPT]) ||
             (or_idle && atomic_load(&s->worker[i].waits.since[WAITS_IDLE]));
    return n;
}

static int64_t begin_scan(uint32_t rate)
{
    return start_scan((options){ .threads = THREADS, .metadata_ops = rate, .ring_entries = 8192 },
                      at("control"));
}

static struct hpc_scan_stats stats_of(int64_t h)
{
    struct hpc_scan_stats st;

    CHECK(hpc_scan_stats(h, (uint8_t *)&st, sizeof st) == sizeof st);
    return st;
}

/* Everything is handed out. */
static void end_scan(int64_t h)
{
    static uint8_t buf[HPC_SCAN_MIN_CAP];
    int64_t n;

    while ((n = hpc_scan_next(h, buf, sizeof buf, 10000)) > 0)
        ;
    CHECK(n == 0 && stats_of(h).handed_out == NAMES, "%lld", (long long)n);
    CHECK(!hpc_scan_free(h, 5000));
}

static void test_threads(void)
{
    int64_t h;
    struct scan *s;
    unsigned before;

    new_epoch();
    on_call = slow_call;
    h = begin_scan(0);
    s = (struct scan *)(intptr_t)h;
    AWAIT(atomic_load(&threads_seen) == THREADS);
    CHECK(!hpc_scan_control(h, 2, 0, 0) && stats_of(h).threads_now == 2);
    AWAIT(kept(s, 2, false) == THREADS - 2);
    new_epoch();
    before = atomic_load(&calls);
    AWAIT(atomic_load(&calls) > before + 100);
    CHECK(atomic_load(&threads_seen) <= 2, "%u", atomic_load(&threads_seen));
    new_epoch();
    CHECK(!hpc_scan_control(h, 0, 0, 0) && stats_of(h).threads_now == THREADS);
    AWAIT(atomic_load(&threads_seen) == THREADS);
    on_call = NULL;
    end_scan(h);
}

/* The moments that threads wait for at a slow rate are not waited for at a faster one. */
static void test_rate(void)
{
    int64_t h = begin_scan(1);
    struct scan *s = (struct scan *)(intptr_t)h;
    double begin;

    AWAIT(kept(s, 0, false) > 0);
    begin = now();
    CHECK(!hpc_scan_control(h, 0, 10000, 0));
    end_scan(h);
    CHECK(now() - begin < 3, "%f s", now() - begin);

    h = begin_scan(10000);
    CHECK(!hpc_scan_control(h, 0, 1, 0));
    AWAIT(kept((struct scan *)(intptr_t)h, 0, false) > 0);
    CHECK(!hpc_scan_control(h, 0, 0, 0));
    end_scan(h);
}

/* At rest nothing is asked; a scan that pauses can be stopped. */
static void test_pause(void)
{
    static uint8_t buf[HPC_SCAN_MIN_CAP];
    unsigned before;
    int64_t h;

    for (unsigned rate = 0; rate <= 5000; rate += 5000) {
        struct scan *s;

        on_call = slow_call;
        before = atomic_load(&calls);
        h = begin_scan(rate);
        s = (struct scan *)(intptr_t)h;
        AWAIT(atomic_load(&calls) > before + 50);
        CHECK(!hpc_scan_control(h, 0, rate, 1));
        AWAIT(kept(s, 0, true) == THREADS && atomic_load(&s->outstanding) > 0);
        while (hpc_scan_next(h, buf, sizeof buf, 0) > 0)
            ;
        before = atomic_load(&calls);
        CHECK(hpc_scan_next(h, buf, sizeof buf, 200) == -EAGAIN);
        CHECK(atomic_load(&calls) == before && kept(s, 0, true) == THREADS);
        CHECK(!hpc_scan_control(h, 0, rate, 0));
        end_scan(h);
    }
    h = begin_scan(0);
    CHECK(!hpc_scan_control(h, 0, 0, 1));
    AWAIT(kept((struct scan *)(intptr_t)h, 0, true) == THREADS);
    CHECK(!hpc_scan_stop(h) && hpc_scan_next(h, buf, sizeof buf, 10000) == -ECANCELED);
    CHECK(!hpc_scan_free(h, 5000));
    on_call = NULL;
}

/* What the consumer waited for is told, and by whose fault. */
static void test_waits(void)
{
    static uint8_t buf[HPC_SCAN_MIN_CAP];

    on_call = slow_call;
    for (unsigned rate = 0; rate <= 1000; rate += 1000) {
        double begin = now(), waited, kept_for;
        int64_t n, h = begin_scan(rate);
        struct hpc_scan_stats st;

        while ((n = hpc_scan_next(h, buf, sizeof buf, 20)) > 0 || n == -EAGAIN)
            ;
        st = stats_of(h);
        waited = (double)st.waited_ns / 1e9;
        kept_for = (double)st.throttled_ns / 1e9;
        CHECK(n == 0 && waited <= now() - begin && waited > 0.1, "%f s", waited);
        if (rate)
            CHECK(kept_for > waited / 2 && kept_for <= waited, "%f of %f s", kept_for, waited);
        else
            CHECK(kept_for == 0, "%f of %f s", kept_for, waited);
        CHECK(st.receiver_ns == 0 && !hpc_scan_free(h, 5000));
    }
    on_call = NULL;
}

void test_control(void)
{
    char name[64];
    int64_t h;

    make_dir(at("control"));
    for (unsigned i = 0; i < DIRS; i++) {
        snprintf(name, sizeof name, "control/%u", i);
        make_dir(at(name));
        for (unsigned k = 0; k < FILES; k++) {
            snprintf(name, sizeof name, "control/%u/%u", i, k);
            make_file(at(name), "");
        }
    }
    h = begin_scan(0);
    CHECK(hpc_scan_control(0, 1, 0, 0) == -EINVAL && hpc_scan_control(h, -1, 0, 0) == -EINVAL);
    CHECK(hpc_scan_control(h, HPC_SCAN_MAX_THREADS + 1, 0, 0) == -EINVAL);
    CHECK(hpc_scan_control(h, 0, -1, 0) == -EINVAL);
    CHECK(hpc_scan_control(h, 0, PACE_PAUSED, 0) == -EINVAL);
    end_scan(h);
    test_threads();
    test_rate();
    test_pause();
    test_waits();
    remove_tree(at("control"));
}
