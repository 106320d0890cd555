/*
 * PTCOMM frames and the hpc/1 payloads, as docs/ptcomm.md describes them. Pure functions over
 * bytes: no allocation, no input or output, nothing kept between calls. Whatever is decoded points
 * into the caller's buffer.
 *
 * Every decoder is safe on any input: it reads nothing outside (buf, len) and answers -EBADMSG for
 * what it refuses.
 */
#ifndef HPC_FRAME_H
#define HPC_FRAME_H

#include "hpc_entry.h"
#include "hpc_xattr.h"
#include <stddef.h>
#include <stdint.h>

#define HPC_FRAME_HEADER     8       /* status, six digits, newline */
#define HPC_FRAME_MAX        999999u /* the largest payload that six digits can announce */
/* Every status byte; docs/ptcomm.md says who sends which. And those that never have a payload. */
#define HPC_FRAME_STATUSES   "CDFTEAQWISNRPOVMBZKHGUX"
#define HPC_FRAME_SIGNALS    "FTHX"
/* Entries in one CHECK batch. 512 records of ordinary names are about 100 KB: one pipe buffer's
 * worth of questions for each wake-up of the File Daemon, and an answer of 64 bytes. */
#define HPC_CHECK_ENTRIES    512u
/* CHECK batches without an answer. One would make the scan wait for every answer; four keep both
 * ends busy while at most 2048 records wait in memory, and the answers (4 x 80 bytes) always fit
 * the pipe, so that the two ends cannot block each other. */
#define HPC_CHECK_UNANSWERED 4u
#define HPC_CHECK_ANSWER_MAX (8u + HPC_CHECK_ENTRIES / 8u)

struct hpc_frame {
    uint8_t status;
    uint32_t len;
    const uint8_t *payload;
};

/*
 * The frame at the start of buf. 1: out and *consumed (header + payload) are set; 0: more bytes are
 * needed (the first 8 bytes, then all of the payload); -EBADMSG: these bytes cannot become a frame,
 * seen at the first wrong byte.
 */
int hpc_frame_parse(const uint8_t *buf, size_t len, struct hpc_frame *out, size_t *consumed);
/*
 * As hpc_frame_parse(), but needs the 8 header bytes only, so that a receiver can pass a long
 * payload on in pieces: 1: out->status and out->len are set, out->payload is NULL.
 */
int hpc_frame_parse_header(const uint8_t *buf, size_t len, struct hpc_frame *out);
/* payload_len <= HPC_FRAME_MAX. Returns where the payload goes. */
static inline uint8_t *hpc_frame_header(uint8_t *out, uint8_t status, uint32_t payload_len)
{
    out[0] = status;
    for (int digit = 6; digit > 0; digit--, payload_len /= 10)
        out[digit] = (uint8_t)('0' + payload_len % 10);
    out[7] = '\n';
    return out + HPC_FRAME_HEADER;
}

/* An entry record (payload of M, element of K). */
struct hpc_entry {
    struct hpc_entry_head head;
    const uint8_t *name;  /* head.name_len bytes, not terminated */
    const uint8_t *link;  /* head.link_len bytes */
    const uint8_t *holes; /* head.hole_count times { u64 offset, u64 length }, unaligned: read with
                             hpc_entry_hole() */
    int has_digest;
    uint64_t digest; /* xxh3_64 of the record's bytes before it; checked by the caller */
};

/* 0 or -EBADMSG. docs/ptcomm.md lists what is refused, under "Entry record". */
int hpc_entry_decode(const uint8_t *payload, size_t len, struct hpc_entry *out);
/* Hole `index` (< head.hole_count) of a decoded entry. Holes ascend and do not touch what an
 * int64_t cannot hold. */
void hpc_entry_hole(const struct hpc_entry *entry, uint32_t index, uint64_t *offset,
                    uint64_t *length);

/*
 * B: the xattr block of the entry whose record came just before. Zero or more of { u16 name length,
 * u16 zero, u32 value length, name, value }. Steps through it: *at is 0 to begin with and is the
 * library's from then on. 1: *out is the next one; 0: that was all; -EBADMSG: a name that is empty,
 * longer than HPC_XATTR_NAME or holds a NUL, or lengths that do not add up.
 */
struct hpc_xattr {
    const uint8_t *name;  /* name_len bytes, not terminated */
    const uint8_t *value; /* value_len bytes, maybe none */
    uint32_t value_len;
    uint16_t name_len;
};
int hpc_xattr_next(const uint8_t *block, size_t len, size_t *at, struct hpc_xattr *out);

/* Z: the end of an entry's data. The payload is this struct, as it lies. */
enum hpc_data_end_flag { HPC_DATA_END_DIGEST = 1 << 0 };
struct hpc_data_end {
    uint64_t bytes;  /* of data in the D frames before */
    int32_t error;   /* errno, 0 = read to the end */
    uint32_t flags;  /* enum hpc_data_end_flag */
    uint64_t digest; /* xxh3_64 of the data, with HPC_DATA_END_DIGEST */
};
int hpc_data_end_decode(const uint8_t *payload, size_t len, struct hpc_data_end *out);

/* K, backend to plugin: entries whose change the File Daemon decides. */
struct hpc_check {
    uint32_t batch;
    uint32_t count;    /* 1 .. HPC_CHECK_ENTRIES */
    const uint8_t *at; /* private */
    size_t rest;       /* private */
    uint32_t left;     /* private */
};
int hpc_check_begin(const uint8_t *payload, size_t len, struct hpc_check *out);
/* 1: *out is the next entry; 0: that was all, and nothing is left over; -EBADMSG. */
int hpc_check_next(struct hpc_check *check, struct hpc_entry *out);
/*
 * K, plugin to backend: payload of the answer. wanted: (count + 7) / 8 bytes, bit i least
 * significant first; bits beyond count are sent as 0. Returns the payload's length (<=
 * HPC_CHECK_ANSWER_MAX), or -EINVAL (count out of range, cap too small).
 */
int hpc_check_answer(uint8_t *out, size_t cap, uint32_t batch, uint32_t count,
                     const uint8_t *wanted);

/* U: the accounting. Indices of the counters. */
enum hpc_counter {
    HPC_N_SCANNED,
    HPC_N_EMITTED,
    HPC_N_FILTERED_SHARD,
    HPC_N_FILTERED_SINCE,
    HPC_N_FILTERED_UNCHANGED,
    HPC_N_FILTERED_SOCKETS,
    HPC_N_FILTERED_DIALECT,
    HPC_N_FILTERED_OTHER,
    HPC_N_VANISHED,
    HPC_N_FAILED,
    HPC_N_UNLISTED_DIRECTORIES,
    HPC_N_FILES,
    HPC_N_DIRECTORIES,
    HPC_N_SYMLINKS,
    HPC_N_HARDLINKS,
    HPC_N_SPECIALS,
    HPC_N_BYTES,
    HPC_N_LISTED_DIRECTORIES,
    HPC_N_RESTORED,
    HPC_N_SKIPPED,
    HPC_N_XATTR_BLOCKS,
    HPC_N_XATTRS_FAILED,
    HPC_N_PRUNED_DIRECTORIES,
    HPC_N_HOLE_BYTES,
    HPC_N_CHANGED,
    HPC_N_TORN,
    HPC_COUNTERS
};
#define HPC_COUNTERS_LEAST 20u /* what the first release sent */
struct hpc_accounting {
    uint64_t n[HPC_COUNTERS];
};
/* 0 or -EBADMSG. Counters beyond HPC_COUNTERS are ignored; those that an older release did not send
 * are 0. */
int hpc_accounting_decode(const uint8_t *payload, size_t len, struct hpc_accounting *out);
/* 1 when the sums that docs/ptcomm.md promises for a backup hold. */
int hpc_accounting_balanced(const struct hpc_accounting *a);

#endif
