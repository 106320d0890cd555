/*
 * Leaders: the first names of files that have several, by their paths; and stashes, files whose own
 * name is taken, kept under a temporary one for their other names to be linked to.
 */
#pragma once

#include "place/identity.h"
#include "store/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct hpc_restore;
struct hpc_entry_head;
struct hpc_restore_entry;

enum leader_state {
    LEADER_UNKNOWN,
    LEADER_MADE,
    LEADER_FAILED,
    LEADER_KEPT /* what was there stays, by rule */
};
struct leader {
    uint32_t state, path_len;
    struct identity id;
    uint64_t path; /* where it lies, if not under its own name */
};

bool leader_may_be(const struct hpc_entry_head *head);
/* id: LEADER_MADE only. */
int leader_note(struct hpc_restore *r, const struct bytes *path, enum leader_state state,
                const struct identity *id);
int leader_read(struct hpc_restore *r, const struct bytes *path, struct leader *out);
/* Its content lies under e->temp, beside where it would be. */
int leader_stash(struct hpc_restore_entry *e, const struct identity *id);
void leader_remove_stashes(struct hpc_restore *r);
