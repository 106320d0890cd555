#include "record.h"
#include "../job.h"
#include "bytes.h"
#include "spool.h"
#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static bool is_todo(uint32_t kind)
{
    return kind >= RECORD_PLACEHOLDER;
}

/* So that the last pass comes by. */
static int enliven(struct hpc_restore *r, uint64_t at)
{
    const uint32_t live = 1;
    while (at) {
        struct record record;
        int err = record_read(r, at, &record);
        if (err || record.live)
            return err;
        err = spool_write(&r->spool, &live, sizeof live, at + offsetof(struct record, live));
        if (err)
            return err;
        at = record.parent;
    }
    return 0;
}

int record_open(struct hpc_restore *r)
{
    struct record root;
    memset(&root, 0, sizeof root);
    return spool_append(&r->spool, &root, sizeof root, &r->root);
}

int record_read(struct hpc_restore *r, uint64_t at, struct record *out)
{
    return spool_read(&r->spool, out, sizeof *out, at);
}

int record_name(struct hpc_restore *r, uint64_t at, const struct record *record, struct bytes *out)
{
    int err = bytes_reserve(out, record->name_len + 1u);
    if (!err)
        err = spool_read(&r->spool, out->data, record->name_len, at + sizeof *record);
    if (err)
        return err;
    out->data[record->name_len] = 0;
    out->len = record->name_len;
    return 0;
}

int record_find(struct hpc_restore *r, uint64_t parent, const char *name, size_t len, uint64_t *at)
{
    struct key key = table_key(r->secret, parent, name, len);
    return table_get(&r->names, &r->spool, &key, at);
}

int record_add(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
               const struct body *body, uint64_t *at)
{
    char bytes[sizeof(struct record) + 256];
    struct record record, above;
    if (len > 255)
        return -ENAMETOOLONG;
    int err = record_read(r, parent, &above);
    if (err)
        return err;
    memset(&record, 0, sizeof record);
    record.parent = parent;
    record.next = above.child;
    record.body = *body;
    record.name_len = (uint32_t)len;
    record.live = is_todo(body->kind);
    memcpy(bytes, &record, sizeof record);
    memcpy(bytes + sizeof record, name, len);
    err = spool_append(&r->spool, bytes, sizeof record + len, at);
    if (!err)
        err = spool_write(&r->spool, at, sizeof *at, parent + offsetof(struct record, child));
    if (err)
        return err;
    r->todo += is_todo(body->kind);
    if (record.live && !above.live && (err = enliven(r, parent)) < 0)
        return err;
    if (body->kind == RECORD_FLAGS)
        return 0;
    struct key key = table_key(r->secret, parent, name, len);
    return table_put(&r->names, &r->spool, &key, *at);
}

int record_update(struct hpc_restore *r, uint64_t at, const struct body *body)
{
    uint32_t before;
    int err = spool_read(&r->spool, &before, sizeof before,
                         at + offsetof(struct record, body.kind));
    if (!err)
        err = spool_write(&r->spool, body, sizeof *body, at + offsetof(struct record, body));
    if (err)
        return err;
    r->todo += is_todo(body->kind);
    r->todo -= is_todo(before);
    return is_todo(body->kind) && !is_todo(before) ? enliven(r, at) : 0;
}

int record_along(struct hpc_restore *r, uint64_t from, const char *path, size_t len, uint64_t *at)
{
    static const struct body passage = { .kind = RECORD_PASSAGE };
    *at = from;
    for (size_t done = 0; done < len;) {
        const char *slash = memchr(path + done, '/', len - done);
        size_t n = slash ? (size_t)(slash - path) - done : len - done;
        uint64_t next;
        int err = record_find(r, *at, path + done, n, &next);
        if (!err && !next)
            err = record_add(r, *at, path + done, n, &passage, &next);
        if (err)
            return err;
        *at = next;
        done += n + 1;
    }
    return 0;
}

int record_path(struct hpc_restore *r, uint64_t at, struct bytes *out)
{
    struct record record;
    size_t len = 0;
    int err = 0;
    for (uint64_t up = at; up != r->root && !err; up = record.parent) {
        err = record_read(r, up, &record);
        len += err ? 0 : record.name_len + (len > 0);
    }
    if (!err)
        err = bytes_reserve(out, len + 1);
    if (err)
        return err;
    out->data[len] = 0;
    out->len = len;
    for (uint64_t up = at; up != r->root && !err; up = record.parent) {
        err = record_read(r, up, &record);
        if (err)
            break;
        len -= record.name_len;
        err = spool_read(&r->spool, out->data + len, record.name_len, up + sizeof record);
        if (len)
            out->data[--len] = '/';
    }
    return err;
}

int record_attach(struct hpc_restore *r, uint64_t at, const void *block, size_t len)
{
    struct record record;
    if (len > UINT32_MAX)
        return -EFBIG;
    int err = record_read(r, at, &record);
    if (!err && record.body.block_len)
        err = -EEXIST;
    if (!err)
        err = spool_append(&r->spool, block, len, &record.body.block);
    record.body.block_len = (uint32_t)len;
    return err ? err : record_update(r, at, &record.body);
}
