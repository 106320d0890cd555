/*
 * Extended attributes as they travel: the block of an entry, our own names in it, and which of the
 * names of others are kept. POSIX and NFSv4 ACLs are attributes, too.
 */
#ifndef HPC_XATTR_H
#define HPC_XATTR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The largest block that is sent: it fits a B frame, with a digest behind it. */
#define HPC_XATTR_BLOCK 900000u
#define HPC_XATTR_NAME  255u /* the kernel's XATTR_NAME_MAX */

struct hpc_xattr_head { /* of each attribute in a block; its name and its value follow */
    uint16_t name_len;
    uint16_t flags; /* 0 */
    uint32_t value_len;
};

/* Writes head and name to `to`, which the value follows; returns how long they are. */
static inline size_t hpc_xattr_put(uint8_t *to, const char *name, uint32_t value_len)
{
    struct hpc_xattr_head head = { .name_len = (uint16_t)strlen(name), .value_len = value_len };

    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, name, head.name_len);
    return sizeof head + head.name_len;
}

/* Names of ours: what is no xattr to the kernel, but travels with them. The values are u32, never
 * 0: inode flags (FS_*_FL of linux/fs.h); the project id; and, only on a volume, never on the pipe,
 * the errno with which the reading of this file failed. */
#define HPC_XATTR_FLAGS   "podheitor.flags"
#define HPC_XATTR_PROJECT "podheitor.project"
#define HPC_XATTR_UNREAD  "podheitor.unread"

enum hpc_xattr_rule {
    HPC_XATTR_KEEP,   /* saved and restored */
    HPC_XATTR_REFUSE, /* not saved; where a volume has it, it is not written back, and that is said
                       */
    HPC_XATTR_DROP,   /* the same, but nobody misses it */
};
/* What becomes of an attribute of the kernel's. */
enum hpc_xattr_rule hpc_xattr_rule(const char *name);

#endif
