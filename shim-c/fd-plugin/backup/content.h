/* The content of the entry in work: data of the backend, and zeros where its holes are. */
#pragma once

#include "backup.h"

/* Up to cap bytes of what the backend sends for the current entry, 0 at its end; less than cap only
 * at its end. out may be NULL. */
int64_t content_data(struct backup *b, char *out, size_t cap);
/*
 * The current entry's content: what the backend sends, with zeros where the hole map has holes.
 * Less than cap only at its end, because the FD takes a short block of zeros for the last one of a
 * sparse file.
 */
int64_t content_read(struct backup *b, char *out, size_t cap);
/* As content_read(), but holes are passed over: what comes belongs at *offset. A hole at the end
 * leaves one zero, which says how long the file is. */
int64_t content_extent(struct backup *b, char *out, size_t cap, int64_t *offset);
