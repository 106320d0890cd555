/* The Plugin lines of a FileSet: told in advance, remembered, and compared when the job starts. */
#pragma once

#include "../../wire/hpc_params.h"
#include "../job/job.h"

/* Event 20, for each of our lines. Two that save the same names fail the job when it starts: the
 * Director listens to no message before that. */
void announce_line(struct job *job, const char *plugin_string);
/* Event 3: says so when the job goes on behind what an incomplete one saved. */
void announce_job_starts(struct job *job);
/* Remembers a Plugin line, and in job->clash that it saves what another one saves. false: the job
 * failed. */
bool announce_add(struct job *job, const char *text, const struct hpc_params *params);
bool announce_is_good(struct job *job);
