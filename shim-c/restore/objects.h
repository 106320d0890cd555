/* The kinds that are complete as soon as they are made: directories, symlinks, fifos, devices,
 * sockets. Functions return 0, HPC_BEGIN_SKIPPED or -errno. */
#pragma once

#include "attributes/xattrs.h"

#include <stdbool.h>

struct hpc_restore_entry;

int objects_make_directory(struct hpc_restore_entry *e);
int objects_make_node(struct hpc_restore_entry *e);
/* The xattr block of the node that was made last. */
bool objects_give_block(struct hpc_restore_entry *e, const struct block *block);
/* The entry of a root that is a symlink now: the directory behind it is what gets the attributes.
 */
int objects_adopt_root(struct hpc_restore_entry *e);
/* Notes what the base is, which is there already. */
int objects_adopt_base(struct hpc_restore_entry *e);
/* Notes what a directory would be if we had to make it. */
int objects_note_parent(struct hpc_restore_entry *e);
