/* The test's second opinion: what the headers say, as the C compiler understands it. `layout
 * offsets` prints one "struct field offset size" per line; `layout batch` writes the golden batch.
 */
#include "../../../shim-c/include/hpc_entry.h"
#include "../../../shim-c/scan/frames.h"
#include "../../../shim-c/scan/hpc_scan.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FIELD(type, field) \
    printf(#type " " #field " %zu %zu\n", offsetof(struct type, field), \
           sizeof(((struct type *)0)->field))
#define VALUE(name) printf("constant " #name " %lld 0\n", (long long)(name))

static void offsets(void)
{
    FIELD(hpc_entry_head, version);
    FIELD(hpc_entry_head, kind);
    FIELD(hpc_entry_head, flags);
    FIELD(hpc_entry_head, name_len);
    FIELD(hpc_entry_head, link_len);
    FIELD(hpc_entry_head, nlink);
    FIELD(hpc_entry_head, ino);
    FIELD(hpc_entry_head, dev);
    FIELD(hpc_entry_head, size);
    FIELD(hpc_entry_head, blocks);
    FIELD(hpc_entry_head, mtime_s);
    FIELD(hpc_entry_head, atime_s);
    FIELD(hpc_entry_head, ctime_s);
    FIELD(hpc_entry_head, mtime_ns);
    FIELD(hpc_entry_head, atime_ns);
    FIELD(hpc_entry_head, ctime_ns);
    FIELD(hpc_entry_head, mode);
    FIELD(hpc_entry_head, uid);
    FIELD(hpc_entry_head, gid);
    FIELD(hpc_entry_head, rdev);
    FIELD(hpc_entry_head, blksize);
    FIELD(hpc_entry_head, layout);
    FIELD(hpc_entry_head, link_group);
    FIELD(hpc_entry_head, hole_count);
    FIELD(hpc_entry_head, reserved);
    FIELD(hpc_record_prefix, record_len);
    FIELD(hpc_record_prefix, type);
    FIELD(hpc_record_prefix, xattr_error);
    FIELD(hpc_record_prefix, error);
    FIELD(hpc_record_prefix, content_len);
    FIELD(hpc_record_prefix, ino_hash);
    FIELD(hpc_record_prefix, body_len);
    FIELD(hpc_record_prefix, xattr_len);
    FIELD(hpc_record_prefix, birth);
    FIELD(hpc_open_request, id);
    FIELD(hpc_open_request, dir);
    FIELD(hpc_open_request, flags);
    FIELD(hpc_open_request, path_len);
    FIELD(hpc_open_request, dev);
    FIELD(hpc_open_request, ino);
    FIELD(hpc_open_request, birth);
    FIELD(hpc_open_request, size);
    FIELD(hpc_open_request, ctime_s);
    FIELD(hpc_open_request, ctime_ns);
    FIELD(hpc_open_request, mode);
    FIELD(hpc_open_answer, length);
    FIELD(hpc_open_answer, id);
    FIELD(hpc_open_answer, error);
    FIELD(hpc_open_answer, fd);
    FIELD(hpc_open_answer, changed);
    FIELD(hpc_open_answer, hole_count);
    FIELD(hpc_open_answer, xattr_len);
    FIELD(hpc_open_answer, xattr_error);
    FIELD(hpc_open_answer, head);
    VALUE(sizeof(struct hpc_open_request));
    VALUE(sizeof(struct hpc_open_answer));
    VALUE(HPC_OPEN_CONTENT);
    VALUE(HPC_OPEN_HOLES);
    VALUE(HPC_OPEN_XATTRS);
    VALUE(HPC_OPEN_XATTRS_NEW);
    VALUE(HPC_OPEN_SKIP_RELEASED);
    VALUE(HPC_OPEN_PROJECT);
    VALUE(HPC_OPEN_ROOT);
    FIELD(hpc_frames_call, flags);
    FIELD(hpc_frames_call, own_count);
    FIELD(hpc_frames_call, time_ms);
    FIELD(hpc_frames_call, used);
    FIELD(hpc_frames_call, at);
    FIELD(hpc_frames_call, dir_at);
    FIELD(hpc_frames_call, stop);
    FIELD(hpc_frames_call, files);
    FIELD(hpc_frames_call, directories);
    FIELD(hpc_frames_call, symlinks);
    FIELD(hpc_frames_call, specials);
    FIELD(hpc_frames_call, xattr_blocks);
    FIELD(hpc_frames_call, bytes);
    FIELD(hpc_frames_call, written);
    VALUE(sizeof(struct hpc_frames_call));
    VALUE(HPC_FRAMES_CONTENT);
    VALUE(HPC_FRAMES_DIGESTS);
    VALUE(HPC_FRAMES_END);
    VALUE(HPC_FRAMES_OTHER);
    VALUE(HPC_FRAMES_FULL);
    VALUE(HPC_FRAMES_MORE);
    VALUE(sizeof(struct hpc_entry_head));
    VALUE(sizeof(struct hpc_record_prefix));
    VALUE(HPC_ENTRY_VERSION);
    VALUE(HPC_CONTENT_NONE);
    VALUE(HPC_REC_DIR);
    VALUE(HPC_REC_ENTRY);
    VALUE(HPC_REC_ERROR);
    VALUE(HPC_OP_STAT);
    VALUE(HPC_OP_OPENDIR);
    VALUE(HPC_OP_READDIR);
    VALUE(HPC_REGULAR);
    VALUE(HPC_DIRECTORY);
    VALUE(HPC_SYMLINK);
    VALUE(HPC_FIFO);
    VALUE(HPC_CHARDEV);
    VALUE(HPC_BLOCKDEV);
    VALUE(HPC_SOCKET);
    VALUE(HPC_ENTRY_HAS_DATA);
    VALUE(HPC_ENTRY_LINK);
    VALUE(HPC_ENTRY_LEADER);
    VALUE(HPC_ENTRY_LAST_LINK);
    VALUE(HPC_ENTRY_DIGEST);
    VALUE(HPC_ENTRY_OLDER);
    VALUE(HPC_ENTRY_ATTRS);
}

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

static void batch(void)
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
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "offsets") == 0)
        offsets();
    else if (argc == 2 && strcmp(argv[1], "batch") == 0)
        batch();
    else
        return 2;
    return 0;
}
