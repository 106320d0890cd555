/* Threads that rest while the filesystem is slow. */
#include "../core/clock.h"
#include "../core/scan.h"
#include "tree.h"

static void operations(struct worker *w, unsigned windows, int64_t each_ns)
{
    for (unsigned i = 0; i < windows * BACK_OFF_WINDOW; i++)
        backoff_end(w, clock_now() - each_ns);
}

static struct hpc_scan_stats stats_of(int64_t h)
{
    struct hpc_scan_stats st;

    CHECK(hpc_scan_stats(h, (uint8_t *)&st, sizeof st) == sizeof st);
    return st;
}

/* Slow is a multiple of the best, and a millisecond at least; what is as fast as a cache is no
 * answer of a server; who has rested comes back. */
static void test_decisions(struct worker *w, int64_t h)
{
    operations(w, 8, 1000);
    operations(w, 2, 200000);
    CHECK(stats_of(h).threads_now == 8 && stats_of(h).back_offs == 0);
    operations(w, 4, 900000); /* four times as long, and below the floor */
    CHECK(stats_of(h).threads_now == 8);
    operations(w, 1, 5000000);
    CHECK(stats_of(h).threads_now == 4);
    operations(w, 3, 5000000);
    CHECK(stats_of(h).threads_now == 1 && stats_of(h).back_offs == 3 &&
          stats_of(h).threads_least == 1);
    operations(w, 1, 600000); /* neither slow nor near */
    CHECK(stats_of(h).threads_now == 1);
    operations(w, 20, 200000);
    CHECK(stats_of(h).threads_now == 8 && stats_of(h).threads_least == 1 &&
          stats_of(h).back_offs == 3);
    /* what stays slow is what there is: the best is forgotten, and all come back */
    operations(w, 400, 5000000);
    CHECK(stats_of(h).threads_now == 8, "%llu", (unsigned long long)stats_of(h).threads_now);
}

/* While all threads but one rest a scan goes on, and hands out everything. */
static void test_goes_on(uint32_t flags)
{
    static uint8_t buf[HPC_SCAN_MIN_CAP];
    int64_t h = start_scan(
                (options){
                    .threads = 8, .ring_entries = 8192, .ring_bytes = 1 << 20, .flags = flags },
                at("backoff")),
            n;
    struct scan *s = (struct scan *)(intptr_t)h;

    CHECK(h > 0);
    atomic_store(&s->back_off.working, 1);
    while ((n = hpc_scan_next(h, buf, sizeof buf, 1000)) > 0)
        ;
    CHECK(n == 0, "%lld", (long long)n);
    CHECK(stats_of(h).handed_out == 1 + 100 * 11, "%llu",
          (unsigned long long)stats_of(h).handed_out);
    CHECK(!hpc_scan_free(h, 5000));
}

/*
 * A chain of directories: there is one item of work at a time, and all threads but one sleep. When
 * that one is told to rest, whoever it wakes for the item may have to rest, too; the scan goes on
 * all the same.
 */
static void test_passes_work_on(void)
{
    enum { DEEP = 200, THREADS = 8, RUNS = 5 };
    static uint8_t buf[HPC_SCAN_MIN_CAP];
    const struct timespec pause = { .tv_nsec = 1000000 };
    int fd;

    make_dir(at("chain"));
    fd = open(at("chain"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 1; i < DEEP; i++) {
        int above = fd;
        CHECK(above >= 0 && !mkdirat(above, "d", 0755));
        fd = openat(above, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(above);
    }
    close(fd);
    for (unsigned run = 0; run < RUNS; run++) {
        int64_t n,
            h = start_scan(
                (options){ .threads = THREADS, .flags = HPC_SCAN_BACK_OFF, .metadata_ops = 2000 },
                at("chain"));
        struct scan *s = (struct scan *)(intptr_t)h;
        double begin = now();

        CHECK(h > 0);
        while (stats_of(h).scanned < DEEP / 10 && now() - begin < 10)
            nanosleep(&pause, NULL);
        atomic_store(&s->back_off.working, 1);
        while ((n = hpc_scan_next(h, buf, sizeof buf, 5000)) > 0)
            ;
        CHECK(n == 0, "%lld", (long long)n);
        CHECK(stats_of(h).handed_out == DEEP);
        CHECK(!hpc_scan_free(h, 5000));
    }
    remove_tree(at("chain"));
}

void test_backoff(void)
{
    char name[64];
    int64_t h;

    make_dir(at("backoff"));
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "backoff/%u", i);
        make_dir(at(name));
        for (unsigned k = 0; k < 10; k++) {
            snprintf(name, sizeof name, "backoff/%u/%u", i, k);
            make_file(at(name), "");
        }
    }
    /* one operation a second: it has hardly begun when it is stopped */
    h = start_scan((options){ .threads = 8, .flags = HPC_SCAN_BACK_OFF, .metadata_ops = 1 },
                   at("backoff"));
    CHECK(h > 0);
    test_decisions(&((struct scan *)(intptr_t)h)->worker[0], h);
    CHECK(!hpc_scan_stop(h) && !hpc_scan_free(h, 5000));
    test_goes_on(HPC_SCAN_BACK_OFF);
    test_goes_on(HPC_SCAN_BACK_OFF | HPC_SCAN_SERIAL_DIRS);
    remove_tree(at("backoff"));
    test_passes_work_on();
}
