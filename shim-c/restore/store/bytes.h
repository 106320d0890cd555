/* A string of bytes that grows and never shrinks, and ends in NUL. */
#pragma once

#include <stddef.h>

struct bytes {
    char *data;
    size_t len, cap;
};

int bytes_reserve(struct bytes *b, size_t cap);
int bytes_set(struct bytes *b, const void *data, size_t len);
