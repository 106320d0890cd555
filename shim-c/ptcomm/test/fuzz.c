/* libFuzzer target over every decoder: the first byte chooses which. Run by hand: make fuzz (needs clang). */
#include "../hpc_frame.h"
#include "../hpc_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct hpc_frame frame;
    struct hpc_entry entry;
    struct hpc_data_end end;
    struct hpc_accounting accounting;
    struct hpc_check check;
    struct hpc_params params;
    struct hpc_xattr xattr;
    uint64_t offset, length;
    char error[64];
    size_t used, at = 0;
    volatile uint8_t sum = 0; /* every byte is touched: a length that lies shows under a sanitizer */

    if (len == 0)
        return 0;
    switch (*bytes++ % 7) {
    case 0:
        if (hpc_frame_parse(bytes, len - 1, &frame, &used) == 1 && used > len - 1)
            __builtin_trap();
        break;
    case 1:
        if (hpc_entry_decode(bytes, len - 1, &entry) == 0)
            for (uint32_t i = 0; i < entry.head.hole_count; i++)
                hpc_entry_hole(&entry, i, &offset, &length);
        break;
    case 2: hpc_data_end_decode(bytes, len - 1, &end); break;
    case 3: hpc_accounting_decode(bytes, len - 1, &accounting); break;
    case 4:
        if (hpc_check_begin(bytes, len - 1, &check) == 0)
            while (hpc_check_next(&check, &entry) == 1)
                continue;
        break;
    case 5:
        while (hpc_xattr_next(bytes, len - 1, &at, &xattr) == 1)
            for (size_t i = 0; i < (size_t)xattr.name_len + xattr.value_len; i++)
                sum ^= xattr.name[i];
        break;
    default:
        if (hpc_params_parse(bytes, len - 1, &params, error, sizeof error) == 0)
            hpc_params_free(&params);
    }
    return 0;
}
