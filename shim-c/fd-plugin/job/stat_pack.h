/*
 * The attributes that Bacula keeps (LStat) hold whole seconds. It carries st_rdev unchanged and
 * nobody reads it for an entry that is not a device, so the nanoseconds ride there:
 *
 *   bits 60..63  tag 5        bits 30..59  mtime nanoseconds        bits 0..29  atime nanoseconds
 *
 * A device needs its st_rdev; it has no blocks, so there the same word rides in st_blocks. Tools
 * that print LStat show an odd number in the one place or the other.
 */
#pragma once

#include "../../wire/hpc_entry.h"
#include <sys/stat.h>

void stat_pack_from_entry(struct stat *st, const struct hpc_entry_head *head);
/* Everything of the head but version, flags, lengths and link group. Nanoseconds are 0 where there
 * is no tag. */
void stat_pack_to_entry(struct hpc_entry_head *head, const struct stat *st);
