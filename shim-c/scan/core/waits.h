/*
 * What the consumer of a scan waits for. While it finds nothing in the ring, threads of the scan
 * ask the filesystem, or are kept from that (by a rate, a bound of threads, a pause), or have
 * nothing to do; the last say nothing about the reason, so a moment in which some of the others are
 * kept counts in part. Clocks are read only where somebody sleeps anyway.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum waits_kind { WAITS_KEPT, WAITS_IDLE, WAITS_KINDS };

struct waits { /* of one thread, which alone writes it; ns */
    _Atomic int64_t slept[WAITS_KINDS];
    _Atomic int64_t since[WAITS_KINDS]; /* 0: not now */
};

struct waited { /* of the consumer, which alone writes it; ns */
    _Atomic int64_t records, kept, receiver;
};

struct scan;
struct worker;

void waits_begin(struct worker *w, enum waits_kind kind, int64_t now);
void waits_end(struct worker *w, enum waits_kind kind, int64_t now);

struct waits_moment {
    int64_t now, all[WAITS_KINDS];
};

/* Around a wait of the consumer for records. */
struct waits_moment waits_look(const struct scan *s);
void waits_count(struct scan *s, const struct waits_moment *begin);
/* One of the consumer's own, that began then. */
void waits_add(_Atomic int64_t *sum, int64_t begin);
