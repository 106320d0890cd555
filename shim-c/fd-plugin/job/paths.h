/* Which names are this job's, and whether they still exist: the answer to checkFile. */
#pragma once

#include "../../wire/hpc_params.h"
#include "job.h"

/* Remembers the values of `path`, each once. 0 or -ENOMEM. */
int paths_add(struct paths *paths, const struct hpc_params *params);
void paths_free(struct paths *paths);
/* The longest path that is `name` or a directory above it, NULL when there is none. */
const char *paths_above(const struct paths *paths, const char *name);
/* One of the paths is this name, or a directory above it. */
bool paths_hold(const struct paths *paths, const void *name, size_t len);
/* As the backend names entries: absolute, components between single slashes, none of them "." or
 * "..", no slash at the end, no NUL. */
bool paths_is_plain(const void *name, size_t len);
/*
 * name as the catalog has it: a directory ends in '/'. False only when it is certain that it is
 * gone: no such name, or a directory where there was none, or the reverse. A name that cannot be
 * looked at exists. base: bytes of name that are the job's path (paths_above()); what is only
 * reached through a symlink below it is not in the tree: a directory that was moved and left a link
 * behind is gone.
 */
bool paths_exists(const char *name, size_t base);
