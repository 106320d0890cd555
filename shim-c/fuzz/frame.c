/* The decoders of shim-c/wire; the first byte chooses which. A stream of frames must parse alike
 * however it is cut. */
#include "../wire/hpc_frame.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void entry(const uint8_t *bytes, size_t len)
{
    struct hpc_entry e;
    uint64_t offset, length, end = 0;
    if (hpc_entry_decode(bytes, len, &e) != 0)
        return;
    if (e.name < bytes || e.head.name_len == 0 || e.name + e.head.name_len > bytes + len ||
        memchr(e.name, 0, e.head.name_len))
        __builtin_trap();
    if (e.head.link_len > 0 && (e.link < bytes || e.link + e.head.link_len > bytes + len))
        __builtin_trap();
    for (uint32_t i = 0; i < e.head.hole_count; i++) {
        hpc_entry_hole(&e, i, &offset, &length);
        if (length == 0 || offset < end || offset + length < offset || offset + length > INT64_MAX)
            __builtin_trap();
        end = offset + length;
    }
}

/* Frames as a receiver takes them: `step` bytes more each time. Returns a number that must not
 * depend on the step. */
static uint64_t stream(const uint8_t *bytes, size_t len, size_t step)
{
    uint64_t sum = 0;
    struct hpc_frame frame;
    size_t start = 0, used;
    for (size_t have = 0; have < len;) {
        have = have + step < len ? have + step : len;
        int rc;
        while ((rc = hpc_frame_parse(bytes + start, have - start, &frame, &used)) > 0) {
            if (used > have - start || frame.payload + frame.len != bytes + start + used)
                __builtin_trap();
            start += used;
            sum = sum * 31 + frame.status + frame.len + start;
        }
        if (rc < 0)
            return sum * 31 + 7;
    }
    return sum;
}

static void xattrs(const uint8_t *bytes, size_t len)
{
    struct hpc_xattr x;
    size_t at = 0, sum = 0;
    int rc;
    while ((rc = hpc_xattr_next(bytes, len, &at, &x)) == 1) {
        if (x.name_len == 0 || x.name < bytes || x.name + x.name_len > bytes + len ||
            memchr(x.name, 0, x.name_len))
            __builtin_trap();
        if (x.value_len > len ||
            (x.value_len > 0 && (x.value < bytes || x.value + x.value_len > bytes + len)))
            __builtin_trap();
        sum += sizeof(struct hpc_xattr_head) + x.name_len + (size_t)x.value_len;
    }
    if (rc == 0 && sum != len)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct hpc_entry e;
    struct hpc_data_end end;
    struct hpc_accounting accounting;
    struct hpc_check check;
    uint8_t out[sizeof(struct hpc_data_end)], answer[HPC_CHECK_ANSWER_MAX],
        wanted[HPC_CHECK_ENTRIES / 8];

    if (len == 0)
        return 0;
    uint8_t which = *bytes++;
    switch (len--, which % 7) {
    case 0:
        if (stream(bytes, len, len) != stream(bytes, len, 1) ||
            stream(bytes, len, 7) != stream(bytes, len, 13))
            __builtin_trap();
        break;
    case 1: entry(bytes, len); break;
    case 2:
        if (hpc_data_end_decode(bytes, len, &end) == 0) {
            memcpy(out, &end, sizeof end);
            if (memcmp(out, bytes, sizeof out) != 0)
                __builtin_trap();
        }
        break;
    case 3:
        if (hpc_accounting_decode(bytes, len, &accounting) == 0)
            hpc_accounting_balanced(&accounting);
        break;
    case 4:
        if (hpc_check_begin(bytes, len, &check) == 0) {
            uint32_t count = 0, promised = check.count;
            int rc;
            while ((rc = hpc_check_next(&check, &e)) == 1)
                count++;
            if (count > promised || promised > HPC_CHECK_ENTRIES || (rc == 0 && count != promised))
                __builtin_trap();
        }
        break;
    case 5: xattrs(bytes, len); break;
    default: {
        uint32_t count;
        if (len < 4 + sizeof wanted)
            break;
        memcpy(&count, bytes, 4);
        memcpy(wanted, bytes + 4, sizeof wanted);
        int n = hpc_check_answer(answer, which % sizeof answer, 1, count, wanted);
        if (n > (int)(which % sizeof answer))
            __builtin_trap();
    }
    }
    return 0;
}
