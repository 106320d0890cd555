/*
 * Descriptors of directories in work: those that are held open for their chunks and children, and
 * the one that each worker has reopened by names because there was no room to hold it.
 */
#pragma once

#include <stdbool.h>

struct node;
struct scan;
struct worker;

/* False: there is no room, and the caller keeps fd. */
bool held_keep(struct scan *s, struct node *n, int fd);
void held_get(struct node *n);
void held_put(struct worker *w, struct node *n);
/* Some of the names of the directory may be missing; that is said once. */
void held_incomplete(struct worker *w, struct node *n, int error);
/* A descriptor that the worker's cache owns, or -errno. */
int held_reopen(struct worker *w, struct node *n);
/* What the worker's cache has from now on. */
void held_cache(struct worker *w, struct node *n, int fd);
