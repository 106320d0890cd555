/*
 * Every directory that the restore met, as a tree in the spool: the last pass walks it, children
 * before their parents, and gives each directory what its entry said, if it still is the directory
 * that was made or adopted. A record knows its parent and its own name, so that deep chains take no
 * more than wide ones. All functions but hpc_records_open() want r->lock held.
 */
#include "internal.h"
#include <string.h>

static bool is_todo(uint32_t kind)
{
    return kind >= HPC_RECORD_PLACEHOLDER;
}

/* So that the last pass comes by. */
static int enliven(struct hpc_restore *r, uint64_t at)
{
    const uint32_t live = 1;
    while (at) {
        struct hpc_record record;
        int err = hpc_record_read(r, at, &record);
        if (err || record.live)
            return err;
        err = hpc_spool_write(&r->spool, &live, sizeof live,
                              at + offsetof(struct hpc_record, live));
        if (err)
            return err;
        at = record.parent;
    }
    return 0;
}

int hpc_records_open(struct hpc_restore *r)
{
    struct hpc_record root;
    memset(&root, 0, sizeof root);
    return hpc_spool_append(&r->spool, &root, sizeof root, &r->root);
}

int hpc_record_read(struct hpc_restore *r, uint64_t at, struct hpc_record *out)
{
    return hpc_spool_read(&r->spool, out, sizeof *out, at);
}

int hpc_record_name(struct hpc_restore *r, uint64_t at, const struct hpc_record *record,
                    struct hpc_bytes *out)
{
    int err = hpc_bytes_reserve(out, record->name_len + 1u);
    if (!err)
        err = hpc_spool_read(&r->spool, out->data, record->name_len, at + sizeof *record);
    if (err)
        return err;
    out->data[record->name_len] = 0;
    out->len = record->name_len;
    return 0;
}

int hpc_record_find(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
                    uint64_t *at)
{
    struct hpc_key key = hpc_key_of(r->secret, parent, name, len);
    return hpc_table_get(&r->names, &r->spool, &key, at);
}

int hpc_record_add(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
                   const struct hpc_body *body, uint64_t *at)
{
    char bytes[sizeof(struct hpc_record) + 256];
    struct hpc_record record, above;
    if (len > 255)
        return -ENAMETOOLONG;
    int err = hpc_record_read(r, parent, &above);
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
    err = hpc_spool_append(&r->spool, bytes, sizeof record + len, at);
    if (!err)
        err = hpc_spool_write(&r->spool, at, sizeof *at,
                              parent + offsetof(struct hpc_record, child));
    if (err)
        return err;
    r->todo += is_todo(body->kind);
    if (record.live && !above.live && (err = enliven(r, parent)) < 0)
        return err;
    if (body->kind == HPC_RECORD_FLAGS)
        return 0;
    struct hpc_key key = hpc_key_of(r->secret, parent, name, len);
    return hpc_table_put(&r->names, &r->spool, &key, *at);
}

int hpc_record_update(struct hpc_restore *r, uint64_t at, const struct hpc_body *body)
{
    uint32_t before;
    int err = hpc_spool_read(&r->spool, &before, sizeof before,
                             at + offsetof(struct hpc_record, body.kind));
    if (!err)
        err = hpc_spool_write(&r->spool, body, sizeof *body,
                              at + offsetof(struct hpc_record, body));
    if (err)
        return err;
    r->todo += is_todo(body->kind);
    r->todo -= is_todo(before);
    return is_todo(body->kind) && !is_todo(before) ? enliven(r, at) : 0;
}

int hpc_record_along(struct hpc_restore *r, uint64_t from, const char *path, size_t len,
                     uint64_t *at)
{
    static const struct hpc_body passage = { .kind = HPC_RECORD_PASSAGE };
    *at = from;
    for (size_t done = 0; done < len;) {
        const char *slash = memchr(path + done, '/', len - done);
        size_t n = slash ? (size_t)(slash - path) - done : len - done;
        uint64_t next;
        int err = hpc_record_find(r, *at, path + done, n, &next);
        if (!err && !next)
            err = hpc_record_add(r, *at, path + done, n, &passage, &next);
        if (err)
            return err;
        *at = next;
        done += n + 1;
    }
    return 0;
}

int hpc_record_path(struct hpc_restore *r, uint64_t at, struct hpc_bytes *out)
{
    struct hpc_record record;
    size_t len = 0;
    int err = 0;
    for (uint64_t up = at; up != r->root && !err; up = record.parent) {
        err = hpc_record_read(r, up, &record);
        len += err ? 0 : record.name_len + (len > 0);
    }
    if (!err)
        err = hpc_bytes_reserve(out, len + 1);
    if (err)
        return err;
    out->data[len] = 0;
    out->len = len;
    for (uint64_t up = at; up != r->root && !err; up = record.parent) {
        err = hpc_record_read(r, up, &record);
        if (err)
            break;
        len -= record.name_len;
        err = hpc_spool_read(&r->spool, out->data + len, record.name_len, up + sizeof record);
        if (len)
            out->data[--len] = '/';
    }
    return err;
}

int hpc_record_attach(struct hpc_restore *r, uint64_t at, const void *block, size_t len)
{
    struct hpc_record record;
    if (len > UINT32_MAX)
        return -EFBIG;
    int err = hpc_record_read(r, at, &record);
    if (!err && record.body.block_len)
        err = -EEXIST;
    if (!err)
        err = hpc_spool_append(&r->spool, block, len, &record.body.block);
    record.body.block_len = (uint32_t)len;
    return err ? err : hpc_record_update(r, at, &record.body);
}
