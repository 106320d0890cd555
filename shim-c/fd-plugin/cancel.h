/* Event 14: a job is to end, whatever its own thread does at the moment. */
#pragma once

#include "job/job.h"

/* Any thread. */
void cancel_request(struct job *job);
