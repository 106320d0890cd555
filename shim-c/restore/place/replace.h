/* The replace rules. Times are compared as the filesystem of the target keeps them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hpc_restore;
struct dir;
struct hpc_entry_head;
struct hpc_restore_entry;

/* Whether the entry may take the place of what exists, by rule; times are compared as the
 * filesystem keeps them. */
bool replace_allowed(struct hpc_restore_entry *e);
/* -1, 0 or 1: the entry's mtime compared with an existing object's in `dir`. */
int replace_compare_times(struct hpc_restore *r, struct dir *dir, const struct hpc_entry_head *head,
                          int64_t seconds, int64_t nanoseconds);
