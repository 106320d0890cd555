/* Where an entry is to be: its directory, and what bears its name there. */
#ifndef HPC_RESTORE_PLACE_H
#define HPC_RESTORE_PLACE_H

struct hpc_restore_entry;

/* Sets parent, name, exists and st; makes the way. */
int place_find(struct hpc_restore_entry *e);
/* A directory where something else is to be: it goes if it is empty. */
int place_clear(struct hpc_restore_entry *e);

#endif
