/* One `Plugin =` line of a backup or estimate: entries of the backend become the FD's files. */
#pragma once

#include "../backend/session.h"
#include "../job/job.h"
#include "../job/paths.h"
#include "holes.h"
#include "links.h"

struct backup {
    struct session session;
    struct links links;
    struct paths paths; /* of this line: whatever is not below one of them is refused */
    bool estimate;
    bool data;              /* the current entry's data has not been seen to its end (Z) */
    uint64_t bytes;         /* of data that came for the current entry */
    int error;              /* errno of its Z */
    uint64_t leader;        /* link group whose leader the current entry is, 0: none */
    int index_before;       /* FileIndex before that leader was offered */
    struct text name, link; /* what the packet points to; the FD copies them right away */
    struct text block;      /* xattr block of the current entry; the FD uses it in place */
    size_t block_len;       /* 0: none, or it has been given */
    bool block_given;       /* of the current entry */
    struct holes holes;
    uint64_t received, blocks, lone_links, unread, deleted;
    bool counted;
    struct hpc_accounting sums;
};

/* Event 9 or 11. RC_OK, or RC_ERROR after the job was told. */
int backup_begin(struct job *job, const char *plugin_string, bool estimate);
int backup_start_file(struct job *job, void *save_pkt);
int backup_io(struct job *job, struct io_pkt *io);
/* XATTR stream of the current file: its block, then nothing. */
int backup_xattrs(struct job *job, struct xacl_pkt *pkt);
int backup_end_file(struct job *job);
void backup_end(struct job *job); /* any time, also when nothing began */
