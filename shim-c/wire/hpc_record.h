/* What a scan hands out: batches of records. */
#ifndef HPC_RECORD_H
#define HPC_RECORD_H

#include "hpc_entry.h"
#include "hpc_xattr.h"

/*
 * A batch is a sequence of records, each: prefix (40 bytes), body, zero padding to a multiple of 8.
 * Records come in the order in which threads find them: a directory's own ENTRY may come after
 * those of its children. A batch is self-contained: an ENTRY or ERROR is preceded, in the same
 * batch, by the DIR record it belongs to.
 *
 * - DIR: its body is the path of the directory as bytes (the option's path, '/', names; no trailing
 *   '/', except "/" itself); then, where they were asked for and are known, the MDTs that its names
 *   lie on, u32 each, in the last xattr_len bytes. The same directory may come again with more
 *   known.
 * - ENTRY: its body is struct hpc_entry_head, name (one component), link target, xattr block,
 *   content. name_len 0 = the DIR itself (a root).
 *   - content_len bytes of content end the body (what was read, which may differ from size when the
 *     file changed); HPC_CONTENT_NONE = not read (read it yourself if wanted).
 *   - error != 0: the content or the link target could not be read; no content then.
 *   - xattr_len bytes of xattr block: zero or more of { u16 name_len, u16 flags = 0, u32 value_len,
 *     name, value }, unaligned. Names and values as the kernel gives them; hpc_xattr.h says which
 *     ones. Two names are ours, value u32: "podheitor.flags", inode flags (FS_*_FL of linux/fs.h)
 *     if there are any, and "podheitor.project", the project id if it is not 0.
 *   - xattr_error != 0: not all of them could be read (E2BIG: they would not fit HPC_XATTR_BLOCK);
 *     those that could are there.
 * - ERROR: its body is u32 enum hpc_scan_op, u32 name_len, name. error = errno. The entry was not
 *   handed out (stat), or the listing of a directory is missing or incomplete (opendir, readdir;
 *   name_len 0 = the DIR itself).
 */
enum hpc_record_type { HPC_REC_DIR = 1, HPC_REC_ENTRY = 2, HPC_REC_ERROR = 3 };
enum hpc_scan_op { HPC_OP_STAT = 1, HPC_OP_OPENDIR = 2, HPC_OP_READDIR = 3 };
#define HPC_CONTENT_NONE 0xffffffffu

struct hpc_record_error { /* the body of an ERROR begins with it; the name follows */
    uint32_t op;          /* enum hpc_scan_op */
    uint32_t name_len;
};

#define HPC_RECORD_ALIGN 8 /* where a record may begin */
struct hpc_record_prefix {
    uint32_t record_len;  /*  0 prefix + body + padding */
    uint16_t type;        /*  4 enum hpc_record_type */
    uint16_t xattr_error; /*  6 errno or 0 */
    int32_t error;        /*  8 errno or 0 */
    uint32_t content_len; /* 12 */
    uint64_t ino_hash;    /* 16 xxh3_64 of the inode number as 8 bytes little endian, seed 0 */
    uint32_t body_len;    /* 24 bytes of body before padding */
    uint32_t xattr_len;   /* 28 of a DIR: bytes of MDTs */
    /* 32 of an ENTRY: nanoseconds since the epoch; where the filesystem does not keep it, -1 - the
       inode's generation, for a regular file whose content is left to the consumer; 0 = not known.
       With it an inode number that was given to another file is told apart */
    int64_t birth;
};

#endif
