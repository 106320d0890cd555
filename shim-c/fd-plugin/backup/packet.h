/* An entry of the backend as the FD's packet, whose names must be ours. */
#pragma once

#include "backup.h"

/* Nothing that the backend says gets a name into the catalog, or marks one as seen, that this line
 * did not ask for. */
bool packet_name_is_ours(struct backup *b, const void *name, size_t len);
bool packet_names_are_ours(struct backup *b, const struct hpc_entry *entry);
/* A directory's catalog name ends in '/', and is taken from `link` when it is saved, from `fname`
 * when it is marked as seen. -ENOMEM. */
int packet_fill(struct backup *b, const struct abi *abi, void *pkt, const struct hpc_entry *entry);
