#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bytes_reserve(struct bytes *b, size_t cap)
{
    if (cap <= b->cap)
        return 0;
    char *grown = realloc(b->data, cap + cap / 2);
    if (!grown)
        return -ENOMEM;
    b->data = grown;
    b->cap = cap + cap / 2;
    return 0;
}

int bytes_set(struct bytes *b, const void *data, size_t len)
{
    int err = bytes_reserve(b, len + 1);
    if (err)
        return err;
    memcpy(b->data, data, len);
    b->data[len] = 0;
    b->len = len;
    return 0;
}
