/* A regular file: its data under a temporary name, then its attributes and its own name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hpc_restore_entry;

int file_open(struct hpc_restore_entry *e);
int file_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len);
/* Attributes, size, final name. Not 0: nothing is there under its name; discard what is left. */
int file_commit(struct hpc_restore_entry *e);
void file_discard(struct hpc_restore_entry *e);
