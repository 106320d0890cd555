#include "text.h"
#include <stdlib.h>
#include <string.h>

bool text_room(struct text *text, size_t len)
{
    if (len + 2 <= text->cap)
        return true;
    char *grown = realloc(text->bytes, (len + 2) * 2);
    if (grown)
        *text = (struct text){ .bytes = grown, .cap = (len + 2) * 2 };
    return grown != NULL;
}

const char *text_set(struct text *text, const uint8_t *bytes, size_t len, bool slash)
{
    if (!text_room(text, len))
        return NULL;
    memcpy(text->bytes, bytes, len);
    if (slash && (len == 0 || bytes[len - 1] != '/'))
        text->bytes[len++] = '/';
    text->bytes[len] = 0;
    return text->bytes;
}
