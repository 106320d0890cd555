#include "content.h"
#include <stdlib.h>

/* Takes the end of an entry's data: everything that was announced must have come. */
static int end_data(struct backup *b, const struct hpc_frame *frame)
{
    struct hpc_data_end end;
    if (frame->status != 'Z' || hpc_data_end_decode(frame->payload, frame->len, &end) != 0)
        return session_broken(&b->session, "a frame '%c' came within the data of %s", frame->status,
                              b->name.bytes);
    b->data = false;
    b->error = end.error;
    b->unread += end.error != 0;
    if (end.bytes != b->bytes)
        return session_broken(&b->session, "%s: %llu bytes of data came, %llu were sent",
                              b->name.bytes, (unsigned long long)b->bytes,
                              (unsigned long long)end.bytes);
    return 0;
}

int64_t content_data(struct backup *b, char *out, size_t cap)
{
    struct hpc_frame frame;
    size_t filled = 0;
    while (filled < cap) {
        int n = session_data(&b->session, out ? out + filled : NULL, cap - filled);
        if (n < 0)
            return -1;
        filled += (size_t)n;
        b->bytes += (size_t)n;
        if (n > 0)
            continue;
        if (!b->data)
            break;
        if (session_next(&b->session, &frame) != 0 ||
            (frame.status != 'D' && end_data(b, &frame) != 0))
            return -1;
    }
    return (int64_t)filled;
}

int64_t content_read(struct backup *b, char *out, size_t cap)
{
    struct holes *h = &b->holes;
    size_t filled = 0;
    while (filled < cap) {
        int64_t hole = holes_next(h);
        size_t run = cap - filled;
        if (hole != INT64_MIN && (uint64_t)llabs(hole) < run)
            run = (size_t)llabs(hole);
        int64_t n = (int64_t)run;
        if (hole > 0)
            memset(out + filled, 0, run);
        else
            n = b->data || b->session.stream.data_left ? content_data(b, out + filled, run) : 0;
        if (n < 0)
            return -1;
        filled += (size_t)n;
        h->offset += (uint64_t)n;
        if (n < (int64_t)run) /* it became shorter than its hole map: the holes that are left would
                                 be inventions */
            break;
    }
    return (int64_t)filled;
}

int64_t content_extent(struct backup *b, char *out, size_t cap, int64_t *offset)
{
    struct holes *h = &b->holes;
    int64_t hole;
    while ((hole = holes_next(h)) > 0) {
        h->offset += (uint64_t)hole;
        if (h->offset < h->size)
            continue;
        *offset = (int64_t)h->offset - 1;
        *out = 0;
        return 1;
    }
    if (hole != INT64_MIN && (uint64_t)-hole < cap)
        cap = (size_t)-hole;
    *offset = (int64_t)h->offset;
    int64_t n = b->data || b->session.stream.data_left ? content_data(b, out, cap) : 0;
    h->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}
