/* The end of a backup: what the backend counted, compared with what came, and said. */
#pragma once

#include "backup.h"

/* -1: the job has been told why. */
int sums_finish(struct job *job, struct backup *b);
