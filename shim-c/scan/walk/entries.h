/* One name: stat it, decide whether it is wanted, read what belongs to it, write its record. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct node;
struct worker;

/* regular: readdir says so, and its content will be wanted if it is small. */
void entries_visit(struct worker *w, struct node *dir, int dirfd, const char *name, size_t name_len,
                   bool regular);
/* True: a directory, now to be opened. */
bool entries_visit_root(struct worker *w, struct node *root);
