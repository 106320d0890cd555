/* Holes of the file in work: which of its bytes nobody sends. */
#pragma once

#include "../../wire/hpc_frame.h"
#include "../backend/conf.h"
#include "../job/abi.h"
#include "text.h"

/* The hole map of the entry in progress, walked as its content is read. */
struct holes {
    struct text map; /* pairs of u64: offset, length */
    uint32_t count, at;
    uint64_t offset; /* of the next byte of content */
    uint64_t size;   /* of the file, holes included */
    bool skipped;    /* the FD gets only the rest, with its offsets */
};

/* A user of the tree can make a file of 2^63 bytes of nothing: where the FD takes offsets, its
 * zeros are nobody's work. */
bool holes_are_skipped(enum conf_holes holes, const struct abi *abi, const struct hpc_entry *entry);
/* Keeps the hole map, as the record's buffer goes with the next frame. */
int holes_set(struct holes *h, const struct hpc_entry *entry);
/* How far the hole that begins at the next byte reaches, or (negative) how far it is to the next
 * hole; INT64_MIN: there is none. */
int64_t holes_next(struct holes *h);
