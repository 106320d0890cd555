/* A string that grows: a name, or the bytes that a packet points to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes;
    size_t cap;
};

/* Room for len bytes, a slash and the NUL. */
bool text_room(struct text *text, size_t len);
/* NULL: no memory. slash: it ends in one. */
const char *text_set(struct text *text, const uint8_t *bytes, size_t len, bool slash);
