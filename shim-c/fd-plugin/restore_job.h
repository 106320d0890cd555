/* A restore: the FD's files, one by one, go to the restore core. No backend takes part. */
#pragma once

#include "job/job.h"

/* Event 10, before every file, with the plugin string of the backup: cheap when it is the same as
 * before. */
int restore_job_command(struct job *job, const char *plugin_string);
int restore_job_create_file(struct job *job, void *restore_pkt);
int restore_job_io(struct job *job, struct io_pkt *io);
int restore_job_set_attributes(struct job *job, void *restore_pkt);
/* One record of the XATTR stream: the block of the file in progress. */
int restore_job_xattrs(struct job *job, const struct xacl_pkt *pkt);
int restore_job_end_file(struct job *job);
/* The directory pass and the sums in the job's log. Any time, also when nothing was restored; the
 * second call does nothing. */
void restore_job_finish(struct job *job);
/* Any thread that holds cancel.lock. */
void restore_job_cancel(struct restore_job *r);
