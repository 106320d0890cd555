/* Where an entry is to be: its directory, and what bears its name there. */
#pragma once

struct hpc_restore_entry;

/* Sets parent, name, exists and st; makes the way. */
int place_find(struct hpc_restore_entry *e);
/* A directory where something else is to be: it goes if it is empty. */
int place_clear(struct hpc_restore_entry *e);
