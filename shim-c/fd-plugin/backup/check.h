/* Accurate jobs: the backend asks which entries the FD knows unchanged, many at a time. */
#pragma once

#include "backup.h"

/* Answers a K frame; -1: the job has been told why. */
int check_batch(struct job *job, struct backup *b, const struct hpc_frame *frame);
