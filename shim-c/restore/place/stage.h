/*
 * A place where only we can change names: a directory that is ours alone, or else a private one in
 * it, from which what was made gets its name. Nothing that is not complete can be exchanged there.
 */
#pragma once

#include <sys/stat.h>

struct hpc_restore;
struct dir;

/* Its descriptor; -errno. */
int stage_of(struct hpc_restore *r, struct dir *dir);
void stage_remove(struct dir *dir);
/* Makes a directory under a name that is free: its descriptor (O_PATH) and what it is. -EEXIST: the
 * name is not free any more. */
int stage_make_dir(struct hpc_restore *r, struct dir *parent, const char *name, mode_t mode,
                   struct statx *out);
/* A directory by its name in parent, O_PATH; -ELOOP: it is a symlink. */
int stage_hold(int parent, const char *name);
