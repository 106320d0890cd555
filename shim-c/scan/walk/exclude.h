/*
 * Exclude patterns, as hpc_scan.h describes them.
 *
 * fnmatch(3) would not do: it follows the locale of the process, takes '[' without ']' as itself,
 * and needs time exponential in the stars. A pattern is split at its slashes once; how far it
 * matches the path of a directory is a set of positions (bits), computed when the directory's names
 * are looked at, so that a name costs one component of each pattern that got that far.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct excludes;
struct node;
struct worker;

enum verdict { KEPT, EXCLUDED, DEPENDS /* on whether it is a directory */ };
enum is_dir { NOT_DIR, IS_DIR, MAYBE_DIR };

/* count times { u32; bytes }, whose lengths are checked. */
int exclude_new(struct excludes **out, const uint8_t *at, const uint8_t *end, uint32_t count);
void exclude_free(struct excludes *x);
/* As hpc_scan_idle_excludes(). */
int64_t exclude_idle(const struct excludes *x, uint8_t *out, size_t cap);
enum verdict exclude_matches(struct worker *w, const struct node *dir, const char *name, size_t len,
                             enum is_dir is_dir);
