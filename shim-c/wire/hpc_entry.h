/*
 * The entry record, version 1: one filesystem object as it travels from the scan engine to
 * TypeScript, from the backend to the shim (an hpc/1 `M` frame), into archives, and into the
 * restore core.
 *
 * All integers little endian, no padding beyond what is written here. The fixed head is 128 bytes;
 * behind it, unaligned and in this order: name (name_len bytes), link (link_len bytes), holes (16
 * bytes each), and, when HPC_ENTRY_DIGEST is set, 8 bytes of xxh3_64 over everything before them.
 * docs/ptcomm.md has the diagram.
 */
#ifndef HPC_ENTRY_H
#define HPC_ENTRY_H

#include <stdint.h>
#include <sys/stat.h>

#define HPC_ENTRY_VERSION 1
#define HPC_ENTRY_HEAD    128
/* Holes in one record: 512 KiB of its frame, which leaves room for any name. */
#define HPC_HOLES_MAX     32768u

/* What the object is (st_mode decides; this is only faster to test). */
enum hpc_kind {
    HPC_REGULAR = 1,
    HPC_DIRECTORY = 2,
    HPC_SYMLINK = 3,
    HPC_FIFO = 4,
    HPC_CHARDEV = 5,
    HPC_BLOCKDEV = 6,
    HPC_SOCKET = 7,
};

/* The kind that st_mode means; 0: type bits that Linux does not have. */
static inline uint8_t hpc_kind_of_mode(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return HPC_REGULAR;
    case S_IFDIR: return HPC_DIRECTORY;
    case S_IFLNK: return HPC_SYMLINK;
    case S_IFIFO: return HPC_FIFO;
    case S_IFCHR: return HPC_CHARDEV;
    case S_IFBLK: return HPC_BLOCKDEV;
    case S_IFSOCK: return HPC_SOCKET;
    default: return 0;
    }
}

enum hpc_entry_flag {
    HPC_ENTRY_HAS_DATA = 1 << 0, /* D frames (maybe none) and one Z frame follow */
    HPC_ENTRY_LINK = 1 << 1, /* another name of link_group; `link` is the leader's name; no data */
    HPC_ENTRY_LEADER = 1 << 2, /* first emitted name of an inode that has more: others may follow */
    HPC_ENTRY_LAST_LINK = 1 << 3, /* with LINK: every name of the group has been sent, forget it */
    HPC_ENTRY_DIGEST = 1 << 4,    /* the record ends in its xxh3 (archives) */
    HPC_ENTRY_OLDER =
        1 << 5, /* mtime and ctime are both before `since` (scan engine, CHECK batches) */
    HPC_ENTRY_ATTRS =
        1 << 6, /* a B frame with the entry's xattr block follows the record, before any data */
};
/* Every flag of version 1: an unknown one could change what the rest means. */
#define HPC_ENTRY_FLAGS 0x7fu

struct hpc_entry_head {
    uint8_t version;   /*   0 HPC_ENTRY_VERSION */
    uint8_t kind;      /*   1 enum hpc_kind */
    uint16_t flags;    /*   2 enum hpc_entry_flag */
    uint32_t name_len; /*   4 bytes of name; full path in frames and archives, last component in
                          scan batches */
    uint32_t
        link_len;   /*   8 bytes of link: a symlink's target, or the leader's name of a hard link */
    uint32_t nlink; /*  12 */
    uint64_t ino;   /*  16 */
    uint64_t dev;   /*  24 st_dev as stat(2) gives it */
    uint64_t size;  /*  32 st_size */
    uint64_t blocks;     /*  40 512-byte blocks */
    int64_t mtime_s;     /*  48 */
    int64_t atime_s;     /*  56 */
    int64_t ctime_s;     /*  64 */
    uint32_t mtime_ns;   /*  72 */
    uint32_t atime_ns;   /*  76 */
    uint32_t ctime_ns;   /*  80 */
    uint32_t mode;       /*  84 st_mode with the type bits */
    uint32_t uid;        /*  88 */
    uint32_t gid;        /*  92 */
    uint64_t rdev;       /*  96 st_rdev of devices, else 0 */
    uint32_t blksize;    /* 104 */
    uint32_t layout;     /* 108 parallel layout id, 0 = the directory's default */
    uint64_t link_group; /* 112 not 0: names of one inode within this job share it */
    uint32_t hole_count; /* 120 holes, 16 bytes each (u64 offset, u64 length) */
    uint32_t reserved;   /* 124 zero */
};

/* A stretch of a file that holds no data. */
struct hpc_hole {
    uint64_t offset, length;
};

_Static_assert(sizeof(struct hpc_entry_head) == HPC_ENTRY_HEAD, "entry head is 128 bytes");

#endif
