/* Event 14: a job is to end, whatever its own thread does at the moment. */
#ifndef HPC_CANCEL_H
#define HPC_CANCEL_H

#include "job.h"

/* Any thread. */
void cancel_request(struct job *job);

#endif
