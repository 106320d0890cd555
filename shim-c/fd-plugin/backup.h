/* One `Plugin =` line of a backup or estimate: entries of the backend become the FD's files. */
#ifndef HPC_BACKUP_H
#define HPC_BACKUP_H

#include "job.h"

/* Event 20, for each of our lines. Two that save the same names fail the job when it starts: the
 * Director listens to no message before that. */
void backup_announce(struct job *job, const char *plugin_string);
/* Event 3: says so when the job goes on behind what an incomplete one saved. */
void backup_job_starts(struct job *job);
/* Event 9 or 11. RC_OK, or RC_ERROR after the job was told. */
int backup_begin(struct job *job, const char *plugin_string, bool estimate);
int backup_start_file(struct job *job, void *save_pkt);
int backup_io(struct job *job, struct io_pkt *io);
/* XATTR stream of the current file: its block, then nothing. */
int backup_xattrs(struct job *job, struct xacl_pkt *pkt);
int backup_end_file(struct job *job);
void backup_end(struct job *job); /* any time, also when nothing began */

#endif
