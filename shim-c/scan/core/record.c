#include "record.h"
#include "node.h"
#include "ring.h"
#include "scan.h"

#include <errno.h>
#include <string.h>

static size_t pad8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static size_t dir_record(const struct node *dir)
{
    return sizeof(struct hpc_record_prefix) + pad8(dir->path_len + node_mdts_bytes(dir));
}

static void put_dir(struct block *b, struct node *dir)
{
    struct hpc_record_prefix p = { 0 };
    uint8_t *at = b->data + b->used;
    size_t len = dir_record(dir), mdts = node_mdts_bytes(dir);

    p.record_len = (uint32_t)len;
    p.type = HPC_REC_DIR;
    p.body_len = dir->path_len + (uint32_t)mdts;
    p.xattr_len = (uint32_t)mdts;
    memset(at + len - 8, 0, 8);
    memcpy(at, &p, sizeof p);
    node_path(dir, at + sizeof p);
    if (mdts)
        memcpy(at + sizeof p + dir->path_len, dir->mdts->at, mdts);
    b->used += len;
    b->dir_id = dir->id;
}

uint8_t *record_begin(struct worker *w, struct node *dir, size_t max_len)
{
    size_t dir_len = dir_record(dir);
    struct block *b = w->block;
    uint32_t enough = w->scan->options.ring_entries / 4;

    if (b) {
        size_t need = max_len + (b->dir_id == dir->id ? 0 : dir_len);
        bool hungry = b->used >= BLOCK_HUNGRY_BYTES &&
                      atomic_load_explicit(&w->scan->ring.hungry, memory_order_relaxed);
        if (b->used + need > b->cap || b->entries > enough || hungry)
            ring_flush(w);
    }
    b = w->block;
    if (b && b->used == 0 && dir_len + max_len > b->cap) {
        ring_block_free(b);
        b = w->block = NULL;
    }
    if (!b)
        b = w->block = ring_block_new(&w->scan->ring, dir_len + max_len);
    if (!b) {
        scan_fail(w, ENOMEM);
        return NULL;
    }
    if (b->dir_id != dir->id)
        put_dir(b, dir);
    return b->data + b->used;
}

void record_end(struct worker *w, size_t len)
{
    w->block->used += len;
    w->block->entries++;
}

void record_error(struct worker *w, struct node *dir, int error, enum hpc_scan_op op,
                  const char *name, size_t name_len)
{
    struct hpc_record_prefix p = { 0 };
    struct hpc_record_error body = { op, (uint32_t)name_len };
    size_t len = sizeof p + pad8(sizeof body + name_len);
    uint8_t *at = record_begin(w, dir, len);

    scan_count(w, op == HPC_OP_STAT ? FAILED : DIRS_FAILED, 1);
    if (!at)
        return;
    p.record_len = (uint32_t)len;
    p.type = HPC_REC_ERROR;
    p.error = error;
    p.body_len = (uint32_t)(sizeof body + name_len);
    memset(at + len - 8, 0, 8);
    memcpy(at, &p, sizeof p);
    memcpy(at + sizeof p, &body, sizeof body);
    if (name_len)
        memcpy(at + sizeof p + sizeof body, name, name_len);
    record_end(w, len);
}
