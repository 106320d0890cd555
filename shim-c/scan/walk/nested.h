/*
 * Roots that lie below another root. Whoever names a path wants it saved, also where the walk from
 * above does not get to: below an excluded or marked directory, or on another filesystem. So such a
 * root has a walk of its own, and the one from above leaves it out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct nested;
struct node;
struct scan;

/* The list of roots, as for exclude_new(). */
int nested_new(struct nested **out, const uint8_t *at, const uint8_t *end, uint32_t count);
void nested_free(struct nested *n);
bool nested_is_root(const struct scan *s, const struct node *dir, const char *name);
