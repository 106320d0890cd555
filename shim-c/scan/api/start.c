/* libhpcscan's interface: options, threads, counts. */
#include "../../wire/digest.h"
#include "../core/clock.h"
#include "../core/deque.h"
#include "../core/held.h"
#include "../core/node.h"
#include "../core/ring.h"
#include "../core/root.h"
#include "../core/scan.h"
#include "../walk/dirs.h"
#include "../walk/exclude.h"
#include "../walk/markers.h"
#include "../walk/nested.h"
#include "../walk/whole.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

int64_t hpc_scan_abi(void)
{
    return HPC_SCAN_ABI;
}

int64_t hpc_hash_inodes(const uint8_t *keys, int64_t count, uint8_t *out)
{
    if (count < 0 || !keys || !out)
        return -EINVAL;
    for (int64_t i = 0; i < count; i++) {
        uint64_t key;
        memcpy(&key, keys + 8 * i, 8);
        key = hpc_xxh3_u64(key);
        memcpy(out + 8 * i, &key, 8);
    }
    return count;
}

static int check_options(const struct hpc_scan_options *o)
{
    if (o->version != HPC_SCAN_ABI || !o->threads || o->threads > HPC_SCAN_MAX_THREADS ||
        !o->path_count)
        return -EINVAL;
    if (o->inline_bytes > HPC_SCAN_MAX_INLINE || !o->ring_entries || !o->ring_bytes)
        return -EINVAL;
    if (o->metadata_ops == PACE_PAUSED)
        return -EINVAL;
    if (o->shard_count > 1 && o->shard_index >= o->shard_count)
        return -EINVAL;
    return o->flags & ~(uint32_t)(HPC_SCAN_SERIAL_DIRS | HPC_SCAN_KEEP_OLDER | HPC_SCAN_XATTRS |
                                  HPC_SCAN_ONE_FILESYSTEM | HPC_SCAN_BACK_OFF |
                                  HPC_SCAN_READ_AHEAD | HPC_SCAN_SKIP_RELEASED | HPC_SCAN_PROJECTS |
                                  HPC_SCAN_PROJECTS_ALL | HPC_SCAN_MDTS)
               ? -EINVAL
               : 0;
}

static int64_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;

    if (!d)
        return 64;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Shares out the descriptors that this process may still open: some stay with it, each thread has
 * its own, the rest may be held. */
static void share_descriptors(struct scan *s)
{
    struct rlimit limit;
    int64_t room = HELD_FDS_MAX + (int64_t)s->threads * FDS_PER_THREAD, threads;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < 1u << 20) {
        int64_t soft = (int64_t)limit.rlim_cur;
        room = soft - open_descriptors() - (soft < 160 ? 40 : soft < 256 ? soft / 4 : 64);
    }
    threads = room / FDS_PER_THREAD;
    if (threads < (int64_t)s->threads)
        s->threads = threads < 1 ? 1 : (unsigned)threads;
    s->held_max = room - (int64_t)s->threads * FDS_PER_THREAD;
    if (s->held_max > HELD_FDS_MAX)
        s->held_max = HELD_FDS_MAX;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct scan *s = w->scan;
    struct item *item;

    while ((item = deque_take(w))) {
        dirs_run(w, item);
        deque_done(s);
    }
    held_cache(w, NULL, -1); /* may have something to say */
    ring_flush(w);
    pthread_mutex_lock(&s->ring.lock);
    if (++s->finished == s->expected) {
        s->ring.complete = true;
        pthread_cond_broadcast(&s->ring.filled);
    }
    pthread_mutex_unlock(&s->ring.lock);
    return NULL;
}

static int add_roots(struct scan *s, const uint8_t *at, const uint8_t *end)
{
    for (uint32_t i = 0; i < s->options.path_count; i++) {
        struct node *root;
        uint32_t len;

        if (end - at < 4)
            return -EINVAL;
        memcpy(&len, at, 4);
        at += 4;
        if (!len || (int64_t)len > end - at || memchr(at, 0, len))
            return -EINVAL;
        if (len > HPC_SCAN_MAX_PATH)
            return -ENAMETOOLONG;
        root = node_new(&s->worker[0], NULL, (const char *)at, len);
        if (!root)
            return -ENOMEM;
        at += len;
        while (root->name_len > 1 && root->name[root->name_len - 1] == '/')
            root->name[--root->name_len] = 0;
        root->path_len = root->name_len;
        root->item.kind = ITEM_ROOT;
        root->whole = whole_place(s, root, "", 0);
        deque_push(&s->worker[i % s->threads], &root->item);
    }
    return at == end ? 0 : -EINVAL;
}

/* Steps over count times { u32 length; bytes }; NULL: they are not all there. */
static const uint8_t *skip_list(const uint8_t *at, const uint8_t *end, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len;

        if (end - at < 4)
            return NULL;
        memcpy(&len, at, 4);
        at += 4;
        if ((int64_t)len > end - at)
            return NULL;
        at += len;
    }
    return at;
}

/* What stands behind the head: paths, exclude patterns, markers, what is walked whole. */
static int take_lists(struct scan *s, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *list[4], *list_end[4];
    uint32_t count[4] = { s->options.path_count };
    int error = 0;

    for (int i = 0; i < 4; i++) {
        if (i == 3 && at == end)
            break; /* it may be left out */
        if (i > 0) {
            if (end - at < 4)
                return -EINVAL;
            memcpy(&count[i], at, 4);
            at += 4;
        }
        list[i] = at;
        at = list_end[i] = skip_list(at, end, count[i]);
        if (!at)
            return -EINVAL;
    }
    if (at != end)
        return -EINVAL;
    if (count[1])
        error = exclude_new(&s->excludes, list[1], list_end[1], count[1]);
    if (!error && count[2])
        error = markers_new(&s->markers, list[2], list_end[2], count[2]);
    if (!error && count[3])
        error = whole_new(&s->whole, list[3], list_end[3], count[3]);
    if (!error && count[0] > 1)
        error = nested_new(&s->nested, list[0], list_end[0], count[0]);
    return error ? error : add_roots(s, list[0], list_end[0]);
}

static void destroy(struct scan *s)
{
    struct item *item;

    for (unsigned i = 0; i < s->options.threads; i++) {
        struct worker *w = &s->worker[i];
        while ((item = deque_drain(&w->deque)))
            dirs_drop(w, item);
        deque_destroy(&w->deque);
        ring_block_free(w->block);
        free(w->dirents);
        free(w->content);
        free(w->active);
        free(w->xattr_names);
        free(w->xattr_block);
    }
    root_free_all(s);
    ring_destroy(&s->ring);
    free(s->mounts.at);
    exclude_free(s->excludes);
    nested_free(s->nested);
    markers_free(s->markers);
    whole_free(s->whole);
    pthread_mutex_destroy(&s->mounts.lock);
    pthread_mutex_destroy(&s->back_off.lock);
    pthread_mutex_destroy(&s->idle_lock);
    pthread_cond_destroy(&s->work);
    s->magic = 0;
    free(s);
}

static int start_threads(struct scan *s)
{
    pthread_attr_t attr;
    sigset_t all, before;
    unsigned started = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the process's own threads */
    /* held so that no thread can finish before it is known how many there are */
    pthread_mutex_lock(&s->ring.lock);
    for (; started < s->threads; started++) {
        struct worker *w = &s->worker[started];
        if (pthread_create(&w->thread, &attr, worker_main, w))
            break;
        w->started = true;
    }
    s->expected = started;
    pthread_mutex_unlock(&s->ring.lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started ? 0 : -EAGAIN;
}

int64_t hpc_scan_start(const uint8_t *options, int64_t options_len)
{
    struct hpc_scan_options o;
    pthread_condattr_t attr;
    struct scan *s;
    int error;

    if (!options || options_len < (int64_t)sizeof o)
        return -EINVAL;
    memcpy(&o, options, sizeof o);
    error = check_options(&o);
    if (error)
        return error;
    s = aligned_alloc(64, (sizeof *s + o.threads * sizeof s->worker[0] + 63) & ~(size_t)63);
    if (!s)
        return -ENOMEM;
    memset(s, 0, sizeof *s + o.threads * sizeof s->worker[0]);
    s->magic = SCAN_MAGIC;
    s->options = o;
    s->threads = o.threads;
    share_descriptors(s);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->idle_lock, NULL);
    pthread_mutex_init(&s->mounts.lock, NULL);
    pthread_mutex_init(&s->back_off.lock, NULL);
    s->back_off.least = s->threads;
    s->back_off.working = s->threads;
    s->back_off.allowed = s->threads;
    s->pace.rate = o.metadata_ops;
    pthread_cond_init(&s->work, &attr);
    pthread_condattr_destroy(&attr);
    error = ring_init(&s->ring);
    for (unsigned i = 0; i < o.threads; i++) {
        struct worker *w = &s->worker[i];
        w->scan = s;
        w->index = i;
        w->cached_fd = -1;
        deque_init(&w->deque);
        if (i < s->threads && !(w->dirents = malloc(DIRENT_BYTES)))
            error = -ENOMEM;
    }
    if (!error)
        error = take_lists(s, options + sizeof o, options + options_len);
    if (!error)
        error = start_threads(s);
    if (error) {
        destroy(s);
        return error;
    }
    return (int64_t)(intptr_t)s;
}

int64_t hpc_scan_stop(int64_t handle)
{
    struct scan *s = scan_of(handle);

    if (!s)
        return -EINVAL;
    scan_stop(s);
    return 0;
}

int64_t hpc_scan_control(int64_t handle, int64_t threads, int64_t metadata_ops, int64_t paused)
{
    struct scan *s = scan_of(handle);

    if (!s || threads < 0 || threads > HPC_SCAN_MAX_THREADS || metadata_ops < 0 ||
        metadata_ops >= PACE_PAUSED)
        return -EINVAL;
    atomic_store(&s->back_off.allowed, threads ? (uint32_t)threads : HPC_SCAN_MAX_THREADS);
    atomic_store(&s->pace.rate, paused ? PACE_PAUSED : (uint32_t)metadata_ops);
    return 0;
}

int64_t hpc_scan_stats(int64_t handle, uint8_t *out, int64_t cap)
{
    struct scan *s = scan_of(handle);
    /* the two peaks stand between the first counters and the later ones */
    uint64_t v[COUNTERS + 8] = { 0 };
    size_t n;

    if (!s || !out || cap < 0)
        return -EINVAL;
    for (unsigned i = 0; i < s->threads; i++)
        for (int c = 0; c < COUNTERS; c++)
            v[c < FILTERED_EXCLUDED ? c : c + 2] += atomic_load_explicit(&s->worker[i].count[c],
                                                                         memory_order_relaxed);
    v[FILTERED_EXCLUDED] = atomic_load(&s->pending_peak);
    v[FILTERED_EXCLUDED + 1] = (uint64_t)atomic_load(&s->fds_peak);
    pthread_mutex_lock(&s->back_off.lock);
    v[COUNTERS + 2] = s->back_off.times;
    v[COUNTERS + 3] = s->back_off.least;
    v[COUNTERS + 4] = backoff_threads(s);
    pthread_mutex_unlock(&s->back_off.lock);
    v[COUNTERS + 5] = (uint64_t)atomic_load(&s->waited.records);
    v[COUNTERS + 6] = (uint64_t)atomic_load(&s->waited.kept);
    v[COUNTERS + 7] = (uint64_t)atomic_load(&s->waited.receiver);
    _Static_assert(sizeof v == sizeof(struct hpc_scan_stats),
                   "counters are in the order of hpc_scan_stats");
    n = (size_t)cap < sizeof v ? (size_t)cap : sizeof v;
    memcpy(out, v, n);
    return (int64_t)n;
}

int64_t hpc_scan_idle_excludes(int64_t handle, uint8_t *out, int64_t cap)
{
    struct scan *s = scan_of(handle);

    return s && out && cap >= 0 ? exclude_idle(s->excludes, out, (size_t)cap) : -EINVAL;
}

int64_t hpc_scan_free(int64_t handle, int64_t timeout_ms)
{
    struct scan *s = scan_of(handle);
    struct timespec until;

    if (!s || timeout_ms < 0)
        return -EINVAL;
    scan_stop(s);
    until = clock_deadline(CLOCK_REALTIME, timeout_ms);
    for (unsigned i = 0; i < s->threads; i++) {
        struct worker *w = &s->worker[i];
        if (!w->started)
            continue;
        if (pthread_timedjoin_np(w->thread, NULL, &until))
            return -EBUSY;
        w->started = false;
    }
    destroy(s);
    return 0;
}
