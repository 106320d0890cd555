/*
 * Gives way when the filesystem grows slow. What a server was asked for is timed; what a cache
 * answered says nothing of servers. While a window's mean is a multiple of the best window's, half
 * of the threads rest, and half of the others at the next; when it is near the best again, they
 * come back one by one.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct backoff {
    pthread_mutex_t lock;
    int64_t sum, count; /* of the window, ns */
    int64_t best;       /* mean of a window; 0 = none yet */
    uint64_t times;
    uint32_t least;
    /* Threads of a lower index than both work, the others rest. */
    _Atomic uint32_t working;
    _Atomic uint32_t allowed; /* by hpc_scan_control() */
};

struct scan;
struct worker;

/* Around each operation that may ask a server. */
int64_t backoff_begin(const struct worker *w);
void backoff_end(struct worker *w, int64_t begin);
/* How many work now. */
uint32_t backoff_threads(const struct scan *s);
/* Whether this thread is one of those that rest now. */
bool backoff_rests(struct worker *w);
