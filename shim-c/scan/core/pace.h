/*
 * At most so many metadata operations a second, all threads together: each takes the next moment
 * that is free and sleeps until then. What was not used in the last tenth of a second may be made
 * up for. The rate may change, or all may pause, at any time.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_PAUSED UINT32_MAX

struct pace {
    _Atomic uint32_t rate;   /* a second; 0: as many as go; or PACE_PAUSED */
    _Atomic int64_t next_op; /* when the next one may begin, ns */
};

struct worker;

/* Waits until one more metadata operation may begin. */
void pace_wait(struct worker *w);
/* Waits while all pause: before what is not counted as an operation. */
void pace_pause(struct worker *w);
