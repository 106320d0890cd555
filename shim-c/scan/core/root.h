/*
 * Roots: the only names that are reached by their whole path. Users may be able to exchange one, or
 * a directory above it, for a symlink to what they may not read; so the way to a root follows the
 * rule of ../path/hpc_base.h, and what was stat-ed there is what is opened: through a descriptor
 * that is held, or, where that cannot be, on the same way again, and only if the same object is
 * found.
 */
#pragma once

struct node;
struct scan;
struct worker;

/* Holds it by root->path_fd. -errno; ELOOP: others may choose where it leads. */
int root_find(struct worker *w, struct node *root);
void root_drop(struct worker *w, struct node *root);
/* Until the scan is freed, where there is room; else it is dropped. */
void root_keep(struct worker *w, struct node *root);
/* What was found, and nothing else; counted; -errno. */
int root_open(struct worker *w, struct node *root, int flags);
void root_free_all(struct scan *s);
