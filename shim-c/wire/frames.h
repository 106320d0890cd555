/*
 * Ordinary entries of a scan batch as hpc/1 frames, many in one call. What an entry needs a
 * decision for is left to the caller, who makes the same frames one by one (packages/hpc-ptcomm); a
 * test compares the two byte for byte.
 */
#ifndef HPC_FRAMES_H
#define HPC_FRAMES_H

#include <stdint.h>

enum hpc_frames_flag {
    HPC_FRAMES_CONTENT = 1 << 0, /* content is wanted (no estimate) */
    HPC_FRAMES_DIGESTS = 1 << 1, /* xxh3 of each record, xattr block and content (archives) */
};

enum hpc_frames_stop {
    HPC_FRAMES_END = 0,   /* every record was dealt with */
    HPC_FRAMES_OTHER = 1, /* the record at `at` is no ordinary entry */
    HPC_FRAMES_FULL = 2,  /* the frames of the record at `at` do not fit any more */
    HPC_FRAMES_MORE = 3,  /* hpc_scan_frames(): the time is over */
};

/* What the caller says (in), where the call stands (in, out), and what it did (out, from 0 in each
 * call). Behind it own_count times { u64 dev, ino }. */
struct hpc_frames_call {
    uint32_t flags;     /*  0 in: enum hpc_frames_flag */
    uint32_t own_count; /*  4 in: files that this process is writing: not ordinary */
    uint32_t time_ms;   /*  8 in: what hpc_scan_frames() may take, waits and writes and all */
    uint32_t used;      /* 12 in, out: bytes of frames in out */
    uint32_t at;        /* 16 in, out: offset of the first record not dealt with */
    uint32_t dir_at; /* 20 in, out: offset of the DIR record it belongs to; HPC_FRAMES_NO_DIR = none
                        yet */
    uint32_t stop;   /* 24 out: enum hpc_frames_stop */
    uint32_t files;  /* 28 out: regular files */
    uint32_t directories;  /* 32 out */
    uint32_t symlinks;     /* 36 out */
    uint32_t specials;     /* 40 out: fifos and devices */
    uint32_t xattr_blocks; /* 44 out: entries with an xattr block */
    uint64_t bytes;        /* 48 out: of content */
    uint64_t written;      /* 56 out: bytes of frames that hpc_scan_frames() wrote */
};
#define HPC_FRAMES_NO_DIR 0xffffffffu

/* A run over records from call->at on, behind the call->used bytes that are in out already. */
enum hpc_frames_stop frames_run(struct hpc_frames_call *c, const uint8_t *own,
                                const uint8_t *records, uint64_t len, uint8_t *out, uint64_t cap);
/* Takes the caller's block, its results set to nothing. -EINVAL: it is not whole. */
int frames_begin(struct hpc_frames_call *c, const uint8_t *call, int64_t call_len, int64_t cap);

#pragma GCC visibility push(default)

/* Writes frames behind those that are in out. Returns call->used; -EINVAL: lengths or offsets make
 * no sense. A malformed record is no ordinary entry. */
int64_t hpc_frames(const uint8_t *records, int64_t records_len, uint8_t *out, int64_t cap,
                   uint8_t *call, int64_t call_len);

#pragma GCC visibility pop

#endif
