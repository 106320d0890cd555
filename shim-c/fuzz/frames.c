/*
 * hpc_frames over any bytes as a scan batch. First byte: flags (2 bits) and how much room the
 * second run gets; the rest is the batch. What is written must be whole frames, as many of each
 * kind as the counts say; with less room it must be the same frames, fewer of them.
 */
#include "../wire/frames.h"
#include "../wire/hpc_frame.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { ROOM = 1 << 16 };

static struct hpc_frames_call run(const uint8_t *batch, size_t len, uint32_t flags, uint8_t *out,
                                  size_t cap)
{
    struct {
        struct hpc_frames_call call;
        uint64_t own[2];
    } c = { .call = { .flags = flags, .own_count = 1, .dir_at = HPC_FRAMES_NO_DIR },
            .own = { 7, 42 } };
    int64_t used = hpc_frames(batch, (int64_t)len, out, (int64_t)cap, (uint8_t *)&c, sizeof c);

    if (used < 0 || (uint64_t)used != c.call.used || c.call.used > cap || c.call.at > len ||
        c.call.stop > HPC_FRAMES_FULL || c.call.written != 0)
        __builtin_trap();
    if ((c.call.stop == HPC_FRAMES_END) != (c.call.at == len))
        __builtin_trap();
    return c.call;
}

static void whole_frames(const uint8_t *out, const struct hpc_frames_call *c)
{
    uint32_t entries = 0, blocks = 0, bytes = 0;
    size_t consumed;

    for (size_t at = 0; at < c->used; at += consumed) {
        struct hpc_frame frame;

        if (hpc_frame_parse(out + at, c->used - at, &frame, &consumed) != 1)
            __builtin_trap();
        entries += frame.status == 'M';
        blocks += frame.status == 'B';
        bytes += frame.status == 'D' ? frame.len : 0;
        if (frame.status == 'Z' && frame.len != sizeof(struct hpc_data_end))
            __builtin_trap();
    }
    if (entries != c->files + c->directories + c->symlinks + c->specials ||
        blocks != c->xattr_blocks || bytes != c->bytes)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1)
        return 0;
    uint32_t flags = bytes[0] & 3;
    size_t less = (size_t)(bytes[0] >> 2) * 32;
    /* Of their exact lengths, so that a byte too far is seen. */
    uint8_t *batch = malloc(len), *all = malloc(ROOM), *some = malloc(less + 1);

    memcpy(batch, bytes + 1, len - 1);
    struct hpc_frames_call whole = run(batch, len - 1, flags, all, ROOM);
    struct hpc_frames_call part = run(batch, len - 1, flags, some, less);
    whole_frames(all, &whole);
    whole_frames(some, &part);
    if (part.used > whole.used || memcmp(all, some, part.used) != 0 || part.at > whole.at)
        __builtin_trap();
    free(batch);
    free(all);
    free(some);
    return 0;
}
