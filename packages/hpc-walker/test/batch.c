/* The test's second opinion: writes the golden batch as the C compiler understands the headers. */
#include "../../../shim-c/scan/hpc_scan.h"
#include "../../../shim-c/wire/hpc_entry.h"
#include <stdio.h>
#include <string.h>

static void record(uint16_t type, int32_t error, uint32_t content_len, uint32_t xattr_len,
                   uint64_t ino_hash, const void *body, uint32_t body_len)
{
    static const unsigned char zero[8];
    struct hpc_record_prefix prefix = { .type = type,
                                        .error = error,
                                        .content_len = content_len,
                                        .ino_hash = ino_hash,
                                        .body_len = body_len,
                                        .xattr_len = xattr_len };
    prefix.xattr_error = type == HPC_REC_ENTRY && xattr_len ? 7 : 0;
    prefix.birth = type == HPC_REC_ENTRY && xattr_len ? -3 : 0;
    prefix.record_len = (uint32_t)(sizeof prefix + body_len + 7) / 8 * 8;
    fwrite(&prefix, sizeof prefix, 1, stdout);
    fwrite(body, 1, body_len, stdout);
    fwrite(zero, 1, prefix.record_len - sizeof prefix - body_len, stdout);
}

int main(void)
{
    static const char name[] = "a\nb\xff", content[] = "hello", target[] = "../x";
    static const char xattrs[] =
        "\x06\0\0\0\x03\0\0\0user.ab\0c\x0f\0\0\0\x04\0\0\0podheitor.flags\x60\0\0\0";
    unsigned char body[256];
    struct hpc_entry_head head = {
        .version = HPC_ENTRY_VERSION,
        .kind = HPC_REGULAR,
        .flags = HPC_ENTRY_OLDER,
        .name_len = 4,
        .nlink = 2,
        .ino = 0xfedcba9876543210u,
        .dev = 0x123456789au,
        .size = 5,
        .blocks = 8,
        .mtime_s = -2,
        .atime_s = 1700000000,
        .ctime_s = 0x100000001,
        .mtime_ns = 999999999,
        .atime_ns = 1,
        .ctime_ns = 0,
        .mode = 0100644,
        .uid = 0xfffffffe,
        .gid = 1000,
        .blksize = 4096,
    };

    record(HPC_REC_DIR, 0, 0, 0, 0, "/data/x", 7);
    memcpy(body, &head, sizeof head);
    memcpy(body + 128, name, 4);
    memcpy(body + 132, xattrs, sizeof xattrs - 1);
    memcpy(body + 132 + sizeof xattrs - 1, content, 5);
    record(HPC_REC_ENTRY, 0, 5, sizeof xattrs - 1, 0x0123456789abcdefu, body,
           137 + sizeof xattrs - 1);

    head.kind = HPC_SYMLINK, head.flags = 0, head.name_len = 1, head.link_len = 4, head.nlink = 1,
    head.mode = 0120777;
    head.size = 4, head.blocks = 0;
    memcpy(body, &head, sizeof head);
    memcpy(body + 128, "l", 1);
    memcpy(body + 129, target, 4);
    record(HPC_REC_ENTRY, 0, HPC_CONTENT_NONE, 0, 0xffffffffffffffffu, body, 133);

    uint32_t op[2] = { HPC_OP_STAT, 4 };
    memcpy(body, op, sizeof op);
    memcpy(body + 8, "gone", 4);
    record(HPC_REC_ERROR, 13, 0, 0, 0, body, 12);

    uint32_t mdts[2] = { 1, 0x10002 };
    memcpy(body, "/data/y", 7);
    memcpy(body + 7, mdts, sizeof mdts);
    record(HPC_REC_DIR, 0, 0, sizeof mdts, 0, body, 7 + sizeof mdts);
    return 0;
}
