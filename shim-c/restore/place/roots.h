/*
 * The names that a backup began with. A symlink at one of them, or above it, was there when the
 * tree was saved, as often as not, and the backup went through it; a restore in place does so, too,
 * by the rule of the base (../path/hpc_base.h). Asked only where the ordinary way met a symlink.
 */
#pragma once

#include "../store/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct roots {
    char *base;
    struct bytes *list; /* names below it */
    size_t count;
};
/* Descriptor (O_PATH) of the deepest directory that is there, at or above `path`, as far as the
 * name of a root goes; *used: bytes of `path` that it stands for. -ELOOP. */
int roots_open(const struct roots *roots, const char *path, size_t len, size_t *used);
/* The same, but all of it: -ELOOP if that is more than a root. */
int roots_whole(const struct roots *roots, const char *path, size_t len);
bool roots_has(const struct roots *roots, const struct bytes *path);
void roots_free(struct roots *roots);
