/* The consumer's side of the ring: batches of records, or frames of those that need no decision. */
#include "../../wire/frames.h"
#include "../core/clock.h"
#include "../core/ring.h"
#include "../core/scan.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Whole blocks that fit; NULL: none. The ring's lock is held. */
static struct block *detach(struct ring *r, size_t cap)
{
    struct block *first = r->head, *last = NULL;
    size_t total = 0;
    unsigned blocks = 0;

    while (r->head && total + r->head->used <= cap) {
        blocks++;
        last = r->head;
        total += last->used;
        r->entries -= last->entries;
        r->bytes -= last->used;
        r->head = last->next;
    }
    if (!last)
        return NULL;
    last->next = NULL;
    /* One thread for each block, not all: there may be 512, and the rest would only find the ring
     * full again. Whom a block makes no room for waits for the next one, and an empty ring takes
     * any. */
    for (unsigned i = 0; i < blocks && i < r->producers_waiting; i++)
        pthread_cond_signal(&r->drained);
    return first;
}

static void give_back(struct scan *s, struct block *b)
{
    pthread_mutex_lock(&s->ring.lock);
    while (b) {
        struct block *next = b->next;
        if (b->cap == BLOCK_BYTES && s->ring.spares < s->threads + SPARE_BLOCKS) {
            b->next = s->ring.spare;
            s->ring.spare = b;
            s->ring.spares++;
        } else {
            ring_block_free(b);
        }
        b = next;
    }
    pthread_mutex_unlock(&s->ring.lock);
}

/* Half of the time, and no longer than GATHER_MS, for a batch that is worth a call, then for
 * anything at all; the ring's lock is held. */
static void wait_for_records(struct scan *s, int64_t timeout_ms)
{
    struct timespec until = clock_deadline(CLOCK_MONOTONIC, timeout_ms);
    struct timespec gathered = clock_deadline(
        CLOCK_MONOTONIC, timeout_ms / 2 < GATHER_MS ? timeout_ms / 2 : GATHER_MS);
    struct ring *r = &s->ring;
    int late = 0;

    atomic_store_explicit(&r->hungry, false, memory_order_relaxed);
    while (!r->complete && !scan_stopped(s) && !late && !ring_is_worth_a_call(s))
        late = pthread_cond_timedwait(&r->filled, &r->lock, &gathered) == ETIMEDOUT;
    late = 0;
    while (!r->head && !r->complete && !scan_stopped(s) && !late) {
        atomic_store_explicit(&r->hungry, true, memory_order_relaxed);
        late = pthread_cond_timedwait(&r->filled, &r->lock, &until) == ETIMEDOUT;
    }
    /* An empty ring and threads that wait for room: pthread_cond_signal() of many a glibc may wake
     * nobody (its bug 25847). */
    if (late && !r->head && r->producers_waiting)
        pthread_cond_broadcast(&r->drained);
}

/* Blocks of up to `cap` bytes, or one that is larger; NULL with *why: 0 = the scan is complete, or
 * -errno. */
static struct block *take_blocks(struct scan *s, size_t cap, int64_t timeout_ms, int64_t *why)
{
    struct ring *r = &s->ring;
    struct block *blocks = NULL;
    struct waits_moment begin;
    bool sleeps;

    pthread_mutex_lock(&r->lock);
    sleeps = !r->complete && !(r->head && ring_is_worth_a_call(s));
    if (sleeps)
        begin = waits_look(s);
    wait_for_records(s, timeout_ms);
    if (sleeps)
        waits_count(s, &begin);
    if (scan_stopped(s) || !r->head) {
        int fatal = atomic_load(&s->fatal);
        *why = fatal ? -fatal : scan_stopped(s) ? -ECANCELED : r->complete ? 0 : -EAGAIN;
    } else {
        atomic_store_explicit(&r->hungry, false, memory_order_relaxed);
        blocks = detach(r, cap > r->head->used ? cap : r->head->used);
    }
    pthread_mutex_unlock(&r->lock);
    return blocks;
}

/* Blocks of up to `cap` bytes that are there; NULL: none. */
static struct block *take_ready(struct ring *r, size_t cap)
{
    struct block *blocks;

    pthread_mutex_lock(&r->lock);
    blocks = detach(r, cap);
    pthread_mutex_unlock(&r->lock);
    return blocks;
}

/* What hpc_scan_frames() left of a block, with the DIR record that it belongs to. */
static size_t copy_rest(const struct ring *r, uint8_t *buf)
{
    const struct block *b = r->taken;
    size_t used = 0;

    if (r->taken_dir != HPC_FRAMES_NO_DIR) {
        struct hpc_record_prefix dir;

        memcpy(&dir, b->data + r->taken_dir, sizeof dir);
        memcpy(buf, b->data + r->taken_dir, dir.record_len);
        used = dir.record_len;
    }
    memcpy(buf + used, b->data + r->taken_at, b->used - r->taken_at);
    return used + b->used - r->taken_at;
}

static void set_taken(struct ring *r, struct block *b)
{
    r->taken = b;
    r->taken_at = 0;
    r->taken_dir = HPC_FRAMES_NO_DIR;
}

static void drop_taken(struct scan *s)
{
    struct block *done = s->ring.taken;

    set_taken(&s->ring, done->next);
    done->next = NULL;
    give_back(s, done);
}

int64_t hpc_scan_next(int64_t handle, uint8_t *buf, int64_t cap, int64_t timeout_ms)
{
    struct scan *s = scan_of(handle);
    struct block *blocks;
    size_t used = 0;
    int64_t why;

    if (!s || !buf || cap < HPC_SCAN_MIN_CAP || timeout_ms < 0)
        return -EINVAL;
    if (s->ring.taken) {
        do {
            used += copy_rest(&s->ring, buf + used);
            drop_taken(s);
        } while (s->ring.taken && s->ring.taken->used <= (size_t)cap - used);
        blocks = s->ring.taken ? NULL : take_ready(&s->ring, (size_t)cap - used);
    } else if (!(blocks = take_blocks(s, (size_t)cap, timeout_ms, &why))) {
        return why;
    }
    for (struct block *b = blocks; b; b = b->next) {
        memcpy(buf + used, b->data, b->used);
        used += b->used;
    }
    give_back(s, blocks);
    return (int64_t)used;
}

static int64_t ms_until(int64_t until)
{
    int64_t left = until - clock_now();

    return left > 0 ? (left + 999999) / 1000000 : 0;
}

/* Waits until more may be taken; false: not in time. */
static bool takes_more(struct scan *s, int to, int64_t until)
{
    struct pollfd p = { .fd = to, .events = POLLOUT };
    int64_t begin = clock_now(), left = until - begin;
    bool more = left > 0 && poll(&p, 1, (int)((left + 999999) / 1000000)) > 0;

    waits_add(&s->waited.receiver, begin);
    return more;
}

/* Writes what `out` holds, as far as the receiver takes it in time. False: some is left, also when
 * it will never take it: the next to write is told why. */
static bool write_out(struct scan *s, int to, uint8_t *out, struct hpc_frames_call *c,
                      int64_t until)
{
    uint32_t done = 0;

    while (done < c->used) {
        ssize_t n = write(to, out + done, c->used - done);
        if (n > 0)
            done += (uint32_t)n;
        else if (n == 0 || (errno != EINTR && (errno != EAGAIN || !takes_more(s, to, until))))
            break;
    }
    c->written += done;
    c->used -= done;
    memmove(out, out + done, c->used);
    return c->used == 0;
}

/* Frames of what the scan has, until out is full or the time is over. 0, or why the scan ended. */
static int64_t make_frames(struct scan *s, struct hpc_frames_call *c, const uint8_t *own,
                           uint8_t *out, uint64_t cap, int64_t until)
{
    struct ring *r = &s->ring;
    int64_t why = 0;

    for (c->stop = HPC_FRAMES_END; c->stop == HPC_FRAMES_END;) {
        if (!r->taken) {
            struct block *blocks = take_blocks(s, cap - c->used, ms_until(until), &why);

            if (!blocks) {
                c->stop = why == -EAGAIN ? HPC_FRAMES_MORE : HPC_FRAMES_END;
                return why == -EAGAIN ? 0 : why;
            }
            set_taken(r, blocks);
        }
        c->at = r->taken_at;
        c->dir_at = r->taken_dir;
        c->stop = frames_run(c, own, r->taken->data, r->taken->used, out, cap);
        r->taken_at = c->at;
        r->taken_dir = c->dir_at;
        if (c->stop == HPC_FRAMES_END)
            drop_taken(s);
    }
    return 0;
}

int64_t hpc_scan_frames(int64_t handle, int64_t to, uint8_t *out, int64_t cap, uint8_t *call,
                        int64_t call_len)
{
    struct scan *s = scan_of(handle);
    struct hpc_frames_call c;
    int64_t until, why;
    uint32_t before;

    if (!s || !out || cap < 0 || cap > UINT32_MAX || frames_begin(&c, call, call_len, cap))
        return -EINVAL;
    until = clock_now() + c.time_ms * INT64_C(1000000);
    before = c.used;
    for (;;) {
        why = make_frames(s, &c, call + sizeof c, out, (uint64_t)cap, until);
        if (c.stop != HPC_FRAMES_FULL || to < 0 || c.used == 0 ||
            !write_out(s, (int)to, out, &c, until))
            break;
        if (clock_now() >= until) {
            c.stop = HPC_FRAMES_MORE;
            break;
        }
    }
    if (why < 0 &&
        (c.written ||
         c.used != before)) { /* the caller has to hear of those first; the next call fails */
        c.stop = HPC_FRAMES_MORE;
        why = 0;
    }
    memcpy(call, &c, sizeof c);
    return why < 0 ? why : c.used;
}
