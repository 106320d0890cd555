/*
 * The way to a directory below the base. No symlink is ever followed, so nothing lands outside;
 * what is missing is made, as a placeholder, until its own entry comes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hpc_restore;
struct dir;

/* A parent that had to be made before its own entry came: nobody but us may enter it, and the
 * sticky bit (meaningless on such a directory) tells the next restore that this one was
 * interrupted. */
#define PLACEHOLDER_MODE 01700u
/* What a placeholder becomes when its own entry never comes: the mode mkdir(1) would give with
 * umask 022. */
#define DEFAULT_DIR_MODE 0755u

/* The directory path[0..len), held until dir_put(). make: what is missing is made as
 * placeholders. -ELOOP: a component is a symlink; -ESTALE: it is not the directory that was made or
 * adopted under that name in this run. */
int way_get(struct hpc_restore *r, const char *path, size_t len, bool make, struct dir **out);
bool way_is_placeholder(uint32_t mode, uint32_t uid);
