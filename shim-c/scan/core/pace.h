/*
 * At most so many metadata operations a second, all threads together: each takes the next moment
 * that is free and sleeps until then. What was not used in the last tenth of a second may be made
 * up for.
 */
#ifndef HPC_SCAN_PACE_H
#define HPC_SCAN_PACE_H

struct worker;

/* Waits until one more metadata operation is within options.metadata_ops. */
void pace_wait(struct worker *w);

#endif
