/* Names of entries, which come from an archive, and those that we make up. */
#pragma once

#include "../store/bytes.h"

#include <stddef.h>

struct hpc_restore;

/* Writes the normal form of a name ("a/b", no leading, trailing or double '/') to out; -EINVAL for
 * ".", ".." and NUL. */
int name_normalise(struct bytes *out, const char *name, size_t len);
/* Length of the directory part of a path in normal form: up to, not including, the last '/'. */
size_t name_dir_length(const char *path, size_t len);
/* A name that nobody else has. */
void name_temporary(struct hpc_restore *r, char out[40]);
