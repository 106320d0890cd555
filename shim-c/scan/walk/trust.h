/*
 * Whether readdir's d_ino is the st_ino that stat(2) would give, so that a name of another shard
 * needs no stat. True for the filesystems listed here (for Lustre both come from the FID), except
 * where something is mounted on a name: then d_ino is what lies below. Overlay, FUSE and network
 * filesystems that are not listed are asked entry by entry.
 */
#pragma once

#include <stdbool.h>

struct node;
struct worker;

bool trust_d_ino(struct worker *w, const struct node *dir, int dirfd);
