/* A tree that changes under the scan, a caller that does not take what was found, a stop at any
 * moment. */
#include "tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

static _Atomic bool changing;

/* Makes, fills, renames, replaces and removes, as fast as it can. */
static void *change(void *arg)
{
    unsigned turn = 0;

    (void)arg;
    while (atomic_load(&changing)) {
        char d[128], f[160], e[128];
        unsigned n = turn++ % 40;
        snprintf(d, sizeof d, "%s/changing/d%u", base, n);
        snprintf(f, sizeof f, "%s/f", d);
        snprintf(e, sizeof e, "%s/changing/e%u", base, n);
        mkdir(d, 0755);
        close(open(f, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        if (turn % 3 == 0 && !truncate(f, 5))
            rename(f, e);
        unlink(f);
        rmdir(d);
        if (turn % 2 == 0 && symlink("/etc", d))
            continue;
        unlink(d);
        close(open(d, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        unlink(d);
        unlink(e);
    }
    return NULL;
}

void test_changing(void)
{
    char *top = at("changing");
    pthread_t thread;

    make_dir(top);
    for (unsigned i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof name, "changing/stays%u", i);
        make_file(at(name), "stays");
    }
    atomic_store(&changing, true);
    CHECK(!pthread_create(&thread, NULL, change, NULL));
    for (unsigned i = 0; i < 150; i++) {
        struct result r = scan(
            (options){ .threads = 4, .inline_bytes = 100, .flags = HPC_SCAN_READ_AHEAD }, top);
        unsigned stays = 0;
        for (size_t j = 0; j < r.count; j++) {
            stays += strstr(r.at[j].path, "/stays") != NULL;
            CHECK(r.at[j].type == HPC_REC_ENTRY, "%s: %s", r.at[j].path, strerror(r.at[j].error));
            CHECK(r.at[j].error == 0 || r.at[j].error == ESTALE, "%s: %s", r.at[j].path,
                  strerror(r.at[j].error));
            CHECK(!strstr(r.at[j].path, "passwd"), "a symlink was followed");
        }
        CHECK(stays == 200, "%u", stays);
        drop(&r);
    }
    atomic_store(&changing, false);
    pthread_join(thread, NULL);
    remove_tree(top);
}

static void *stop_later(void *handle)
{
    hpc_scan_stop(*(int64_t *)handle);
    return NULL;
}

void test_ring_and_stop(void)
{
    char *top = at("ring");
    uint8_t *buf = malloc(HPC_SCAN_MIN_CAP);
    struct hpc_scan_stats st;
    pthread_t thread;
    int64_t h, n;

    make_dir(top);
    for (unsigned i = 0; i < 3000; i++) {
        char name[64];
        snprintf(name, sizeof name, "ring/%u", i);
        make_file(at(name), "");
    }
    h = start_scan((options){ .threads = 4, .ring_entries = 8 }, top);
    CHECK(hpc_scan_next(h, buf, 100, 0) == -EINVAL);
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) == -EAGAIN)
        ;
    CHECK(n > 0);
    /* the ring holds 8 and each thread a few: nobody gets far while we do not read */
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    CHECK(st.handed_out < 200, "%llu", (unsigned long long)st.handed_out);
    CHECK(!hpc_scan_stop(h));
    CHECK(hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000) == -ECANCELED);
    CHECK(!hpc_scan_free(h, 5000));

    h = start_scan((options){ .threads = 1, .ring_entries = 1 },
                   top); /* and it still comes to an end */
    n = 1;
    for (unsigned batches = 0; n != 0; batches++) {
        n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000);
        CHECK(n >= 0 || n == -EAGAIN);
    }
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    CHECK(st.handed_out == 3001);
    CHECK(!hpc_scan_free(h, 5000));

    for (unsigned i = 0; i < 50;
         i++) { /* stop at any moment, from another thread, and free what is under way */
        h = start_scan((options){ .threads = 3, .ring_entries = 64 }, top);
        CHECK(!pthread_create(&thread, NULL, stop_later, &h));
        while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 100)) > 0)
            ;
        CHECK(n == -ECANCELED || n == 0 || n == -EAGAIN);
        pthread_join(thread, NULL);
        CHECK(!hpc_scan_free(h, 5000));
    }
    free(buf);
    remove_tree(top);
}

static long sleeps(void)
{
    struct rusage used;

    CHECK(!getrusage(RUSAGE_SELF, &used));
    return used.ru_nvcsw;
}

/* Room in a full ring wakes as many threads as it is for, not all that wait. */
void test_ring_wakes(void)
{
    enum { DIRS = 64, FILES = 200, RING = 64 };
    const struct timespec slow = {
        .tv_nsec = 200000
    }; /* of a caller, so that the ring is full and everybody waits */
    uint8_t *buf = malloc(HPC_SCAN_MIN_CAP);
    long before, blocks = (DIRS * FILES) / (RING / 4);
    unsigned vain = 0;
    struct hpc_scan_stats st;
    int64_t h, n;

    make_dir(at("wakes"));
    for (unsigned i = 0; i < DIRS; i++) {
        char name[64];
        snprintf(name, sizeof name, "wakes/d%u", i);
        make_dir(at(name));
        for (unsigned j = 0; j < FILES; j++) {
            snprintf(name, sizeof name, "wakes/d%u/%u", i, j);
            make_file(at(name), "");
        }
    }
    before = sleeps();
    h = start_scan((options){ .threads = 64, .ring_entries = RING }, at("wakes"));
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 10000)) > 0 ||
           (n == -EAGAIN && vain++ == 0))
        nanosleep(&slow, NULL);
    CHECK(n == 0, "%lld",
          (long long)
              n); /* -EAGAIN twice: nobody was woken; once may be glibc's fault (its bug 25847) */
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    CHECK(st.handed_out == 1 + DIRS + DIRS * FILES);
    CHECK(!hpc_scan_free(h, 5000));
    /* If all were woken, that would be 64 for each block. */
    CHECK(sleeps() - before < 16 * blocks, "%ld for %ld blocks", sleeps() - before, blocks);
    free(buf);
    remove_tree(at("wakes"));
}
