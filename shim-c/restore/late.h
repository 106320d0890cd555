/* Links whose leader has not come: put aside in the spool, and made at the end. */
#pragma once

struct hpc_restore;
struct hpc_restore_entry;

/* Makes a link, or puts it aside. */
int late_link(struct hpc_restore_entry *e);
/* Makes those that were put aside, by means of an entry that is idle; NULL: no memory for one. */
void late_make_all(struct hpc_restore *r, struct hpc_restore_entry *e);
