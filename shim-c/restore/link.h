/*
 * Hard links. A link is made to the inode that we made under the leader's name, never to whatever
 * bears that name by now. A link whose leader has not come yet is put aside, in the spool, and made
 * at the end. Where the leader is not ours (the rule kept what was there, or it never came), what
 * bears its name must be, by type, size, time, owner and mode, the file that the archive has.
 */
#pragma once

#include <stdbool.h>

struct dir;
struct hpc_restore_entry;
struct statx;

#define LINK_LATER 1000 /* its leader has not come yet */

/* What is there is the file that the entry tells of, as far as type, size, time, owner and mode can
 * say. */
bool link_is_like(struct hpc_restore_entry *e, struct dir *dir, const struct statx *sx);
/* last: its leader will not come any more. */
int link_make(struct hpc_restore_entry *e, bool last);
