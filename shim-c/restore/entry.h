/*
 * The life of one entry, from its begin to its end.
 *
 *                      ┌──▶ FILE ──── data ──── its block ──── end: commit or discard ──┐
 *     IDLE ── begin ───┼──▶ DIRECTORY ─ its block goes to the directory's record ───────┼──▶ IDLE
 *                      ├──▶ NODE ────── its block is set at once ───────────────────────┤
 *                      └──▶ a link, skipped, or failed: nothing is to come ─────────────┘
 *
 * The next begin ends what is still open. A FILE whose data never comes is discarded; one that is
 * `whole` (it has no data) waits for its block alone, and is committed without it.
 */
#pragma once

#include "job.h"
#include "store/bytes.h"

#include <sys/stat.h>

struct hpc_restore_entry {
    struct hpc_restore *job;
    enum entry_state { STATE_IDLE, STATE_FILE, STATE_DIRECTORY, STATE_NODE } state;
    struct hpc_entry_head head;
    struct bytes path, link, block;
    struct dir *parent; /* held; NULL: none */
    const char *name;   /* last component, within path */
    bool exists;
    struct stat st;  /* of what is there */
    uint64_t record; /* STATE_DIRECTORY */
    int held;        /* STATE_NODE: O_PATH, or -1 where its name is as good */
    bool counted;    /* among attributes_failed */
    /* STATE_FILE: */
    int fd;
    bool in_place, sparse, strip_acl, has_block;
    bool whole; /* without data: only its xattr block is still to come */
    /* Its own name is taken by something that stays: it keeps its temporary one until the end, for
     * its other names to be linked to. */
    bool stashed;
    int why_stashed;  /* what its end returns: HPC_BEGIN_SKIPPED or -errno */
    int error;        /* first write error: a commit returns it */
    uint64_t size;    /* as far as the file reaches */
    uint64_t written; /* as far as bytes were really written */
    uint64_t bytes;   /* bytes given */
    char temp[40];
};

/* What the last one left; its parent stays, since the next one is likely to have the same. */
void entry_close(struct hpc_restore_entry *e);
/* Lets go of its parent. */
void entry_rest(struct hpc_restore_entry *e);
