/*
 * Every directory that the restore met, as a tree in the spool: the last pass walks it, children
 * before their parents, and gives each directory what its entry said, if it still is the directory
 * that was made or adopted. A record knows its parent and its own name, so that deep chains take no
 * more than wide ones. All functions but record_open() want r->lock held.
 */
#pragma once

#include "../attributes/attributes.h"
#include "../place/identity.h"
#include "bytes.h"

#include <stddef.h>
#include <stdint.h>

enum record_kind {
    RECORD_PASSAGE,     /* on the way to something; not ours to change */
    RECORD_PARENT,      /* the same, but if we have to make it, it gets these attributes */
    RECORD_PLACEHOLDER, /* made by us, its entry has not come */
    RECORD_CREATED,     /* made by us */
    RECORD_ADOPTED,     /* was there; its entry came */
    RECORD_FLAGS,       /* inode flags of a file with several names: an immutable one could not be
                               linked to */
};
struct body {
    struct identity id; /* PLACEHOLDER and beyond: which object is meant */
    uint64_t block;
    uint32_t block_len, kind, inode_flags;
    uint32_t keep_xattrs; /* ADOPTED: it keeps what its entry does not tell of */
    struct attributes attributes;
};
struct record {
    uint64_t parent, child, next; /* places in the spool; 0: none */
    struct body body;
    uint32_t name_len; /* the name follows */
    uint32_t live;     /* the last pass has something to do here or below */
};

int record_open(struct hpc_restore *r);
/* Place of the record of a directory, or 0. */
int record_find(struct hpc_restore *r, uint64_t parent, const char *name, size_t len, uint64_t *at);
int record_add(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
               const struct body *body, uint64_t *at);
int record_read(struct hpc_restore *r, uint64_t at, struct record *out);
int record_name(struct hpc_restore *r, uint64_t at, const struct record *record, struct bytes *out);
int record_update(struct hpc_restore *r, uint64_t at, const struct body *body);
/* Of the directory path[0..len) below that of `from`; what is not there yet becomes a PASSAGE. */
int record_along(struct hpc_restore *r, uint64_t from, const char *path, size_t len, uint64_t *at);
int record_path(struct hpc_restore *r, uint64_t at, struct bytes *out);
int record_attach(struct hpc_restore *r, uint64_t at, const void *block, size_t len);
