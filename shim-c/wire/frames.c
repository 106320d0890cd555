/* Frames of ordinary entries: M, B with extended attributes, D and Z with content. */
#include "frames.h"
#include "digest.h"
#include "hpc_entry.h"
#include "hpc_frame.h"
#include "hpc_record.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DIGEST_BYTES 8u

_Static_assert(sizeof(struct hpc_frames_call) == 64, "the call block is packed as frames.h says");

struct batch {
    const uint8_t *records;
    uint64_t len;
    uint8_t *out;
    uint64_t cap;
    struct hpc_frames_call *call;
    const uint8_t *own; /* call->own_count times { u64 dev, ino } */
};

/* A record, looked at: everything that its frames need. */
struct entry {
    struct hpc_record_prefix prefix;
    struct hpc_entry_head head;
    const uint8_t *dir, *name, *link, *xattrs, *content;
    uint32_t dir_len, content_len;
    bool slash, has_data;
    uint64_t record_len; /* of the M payload, digest and all */
};

static uint8_t *put(uint8_t *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static uint8_t *put_digest(uint8_t *to, const uint8_t *bytes, size_t len)
{
    uint64_t digest = hpc_xxh3(bytes, len);

    return put(to, &digest, sizeof digest);
}

static bool is_own(const struct batch *b, const struct hpc_entry_head *h)
{
    for (uint32_t i = 0; i < b->call->own_count; i++) {
        uint64_t identity[2];

        memcpy(identity, b->own + sizeof identity * i, sizeof identity);
        if (identity[0] == h->dev && identity[1] == h->ino)
            return true;
    }
    return false;
}

/* The prefix of a whole record at `at`. */
static bool prefix_at(const struct batch *b, uint64_t at, struct hpc_record_prefix *p)
{
    if (at > b->len || b->len - at < sizeof *p)
        return false;
    memcpy(p, b->records + at, sizeof *p);
    return p->record_len <= b->len - at &&
           p->record_len == (sizeof *p + (uint64_t)p->body_len + 7) / 8 * 8;
}

static bool set_dir(const struct batch *b, uint64_t at, struct entry *e)
{
    struct hpc_record_prefix p;

    if (!prefix_at(b, at, &p) || p.type != HPC_REC_DIR || p.body_len <= p.xattr_len)
        return false;
    e->dir = b->records + at + sizeof p;
    e->dir_len = p.body_len - p.xattr_len;
    return true;
}

/* Fills e; false: not an entry that this file knows what to do with. */
static bool ordinary(const struct batch *b, uint64_t at, struct entry *e)
{
    const struct hpc_record_prefix *p = &e->prefix;
    const struct hpc_entry_head *h = &e->head;
    uint64_t digest = b->call->flags & HPC_FRAMES_DIGESTS ? DIGEST_BYTES : 0;
    bool read = p->content_len != HPC_CONTENT_NONE;

    if (!e->dir || p->error || p->xattr_error || p->body_len < sizeof *h)
        return false;
    memcpy(&e->head, b->records + at + sizeof *p, sizeof e->head);
    e->content_len = read ? p->content_len : 0;
    if (h->version != HPC_ENTRY_VERSION || h->flags || h->hole_count ||
        sizeof *h + (uint64_t)h->name_len + h->link_len + p->xattr_len + e->content_len !=
            p->body_len)
        return false;
    if (h->kind < HPC_REGULAR ||
        h->kind > HPC_BLOCKDEV) /* a socket is not saved, and that is said */
        return false;
    if (h->nlink > 1 && h->kind != HPC_DIRECTORY)
        return false;
    e->has_data = false;
    if (h->kind == HPC_REGULAR) {
        if (is_own(b, h))
            return false;
        if (b->call->flags & HPC_FRAMES_CONTENT) {
            if (e->content_len < h->size) /* not read, or it shrank, which is said */
                return false;
            e->has_data = e->content_len > 0;
        }
    }
    e->slash = h->name_len && !(e->dir_len == 1 && e->dir[0] == '/');
    e->record_len = sizeof *h + (uint64_t)e->dir_len + e->slash + h->name_len + h->link_len +
                    digest;
    if (e->record_len > HPC_FRAME_MAX || e->content_len > HPC_FRAME_MAX ||
        p->xattr_len > HPC_XATTR_BLOCK)
        return false;
    e->name = b->records + at + sizeof *p + sizeof *h;
    e->link = e->name + h->name_len;
    e->xattrs = e->link + h->link_len;
    e->content = e->xattrs + p->xattr_len;
    return true;
}

static uint64_t frames_length(const struct batch *b, const struct entry *e)
{
    uint64_t digest = b->call->flags & HPC_FRAMES_DIGESTS ? DIGEST_BYTES : 0;
    uint64_t length = HPC_FRAME_HEADER + e->record_len;

    if (e->prefix.xattr_len)
        length += HPC_FRAME_HEADER + e->prefix.xattr_len + digest;
    if (e->has_data)
        length += HPC_FRAME_HEADER + e->content_len + HPC_FRAME_HEADER +
                  sizeof(struct hpc_data_end);
    return length;
}

static uint8_t *put_entry(const struct batch *b, const struct entry *e, uint8_t *to)
{
    bool digests = b->call->flags & HPC_FRAMES_DIGESTS;
    struct hpc_entry_head h = e->head;
    uint8_t *record;

    h.flags = (uint16_t)((e->has_data ? HPC_ENTRY_HAS_DATA : 0) |
                         (e->prefix.xattr_len ? HPC_ENTRY_ATTRS : 0) |
                         (digests ? HPC_ENTRY_DIGEST : 0));
    h.name_len += e->dir_len + e->slash;
    h.link_group = 0;
    record = to = hpc_frame_header(to, 'M', (uint32_t)e->record_len);
    to = put(to, &h, sizeof h);
    to = put(to, e->dir, e->dir_len);
    if (e->slash)
        *to++ = '/';
    to = put(to, e->name, (size_t)e->head.name_len + e->head.link_len); /* they lie side by side */
    return digests ? put_digest(to, record, (size_t)(to - record)) : to;
}

static uint8_t *put_xattrs(const struct batch *b, const struct entry *e, uint8_t *to)
{
    bool digests = b->call->flags & HPC_FRAMES_DIGESTS;
    uint32_t len = e->prefix.xattr_len;

    to = hpc_frame_header(to, 'B', len + (digests ? DIGEST_BYTES : 0));
    to = put(to, e->xattrs, len);
    return digests ? put_digest(to, e->xattrs, len) : to;
}

static uint8_t *put_content(const struct batch *b, const struct entry *e, uint8_t *to)
{
    struct hpc_data_end end = { .bytes = e->content_len };

    to = hpc_frame_header(to, 'D', e->content_len);
    to = put(to, e->content, e->content_len);
    if (b->call->flags & HPC_FRAMES_DIGESTS) {
        end.flags = HPC_DATA_END_DIGEST;
        end.digest = hpc_xxh3(e->content, e->content_len);
    }
    return put(hpc_frame_header(to, 'Z', sizeof end), &end, sizeof end);
}

static void count(struct hpc_frames_call *c, const struct entry *e)
{
    switch (e->head.kind) {
    case HPC_REGULAR: c->files++; break;
    case HPC_DIRECTORY: c->directories++; break;
    case HPC_SYMLINK: c->symlinks++; break;
    default: c->specials++;
    }
    c->xattr_blocks += e->prefix.xattr_len != 0;
    c->bytes += e->has_data ? e->content_len : 0;
}

enum hpc_frames_stop frames_run(struct hpc_frames_call *c, const uint8_t *own,
                                const uint8_t *records, uint64_t len, uint8_t *out, uint64_t cap)
{
    struct batch batch = {
        .records = records, .len = len, .out = out, .cap = cap, .call = c, .own = own
    };
    const struct batch *b = &batch;
    struct entry e = { .dir = NULL };
    uint8_t *to = out + c->used;

    if (c->dir_at != HPC_FRAMES_NO_DIR && !set_dir(b, c->dir_at, &e))
        return HPC_FRAMES_OTHER;
    for (; c->at < len; c->at += e.prefix.record_len) {
        if (!prefix_at(b, c->at, &e.prefix))
            return HPC_FRAMES_OTHER;
        if (e.prefix.type == HPC_REC_DIR) {
            if (!set_dir(b, c->at, &e))
                return HPC_FRAMES_OTHER;
            c->dir_at = c->at;
            continue;
        }
        if (e.prefix.type != HPC_REC_ENTRY || !ordinary(b, c->at, &e))
            return HPC_FRAMES_OTHER;
        if (frames_length(b, &e) > cap - c->used)
            return HPC_FRAMES_FULL;
        to = put_entry(b, &e, to);
        if (e.prefix.xattr_len)
            to = put_xattrs(b, &e, to);
        if (e.has_data)
            to = put_content(b, &e, to);
        c->used = (uint32_t)(to - out);
        count(c, &e);
    }
    return HPC_FRAMES_END;
}

int frames_begin(struct hpc_frames_call *c, const uint8_t *call, int64_t call_len, int64_t cap)
{
    if (!call || call_len < (int64_t)sizeof *c)
        return -EINVAL;
    memcpy(c, call, sizeof *c);
    memset(&c->stop, 0, sizeof *c - offsetof(struct hpc_frames_call, stop));
    return c->used > cap || c->own_count > ((uint64_t)call_len - sizeof *c) / 16 ? -EINVAL : 0;
}

int64_t hpc_frames(const uint8_t *records, int64_t records_len, uint8_t *out, int64_t cap,
                   uint8_t *call, int64_t call_len)
{
    struct hpc_frames_call c;

    if (!records || !out || records_len < 0 || records_len > UINT32_MAX || cap < 0 ||
        cap > UINT32_MAX || frames_begin(&c, call, call_len, cap))
        return -EINVAL;
    c.stop = frames_run(&c, call + sizeof c, records, (uint64_t)records_len, out, (uint64_t)cap);
    memcpy(call, &c, sizeof c);
    return c.used;
}
