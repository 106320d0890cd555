/*
 * What the job before could not see: entries that are never older, and directories below which
 * nothing is. A directory knows whether it is one of them, lies below one or above one, so that
 * only the few above cost a look into the list.
 */
#pragma once

#include "../core/node.h"

#include <stddef.h>
#include <stdint.h>

struct scan;
struct whole;

int whole_new(struct whole **out, const uint8_t *at, const uint8_t *end, uint32_t count);
void whole_free(struct whole *w);
enum whole_place whole_place(const struct scan *s, const struct node *dir, const char *name,
                             size_t name_len);
enum whole_place whole_child(const struct scan *s, const struct node *parent, const char *name,
                             size_t name_len);
