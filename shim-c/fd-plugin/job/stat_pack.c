#include "stat_pack.h"

#define TAG       ((uint64_t)5 << 60)
#define TAG_MASK  ((uint64_t)15 << 60)
#define NANO_MASK (((uint64_t)1 << 30) - 1)

static int is_device(mode_t mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

void stat_pack_from_entry(struct stat *st, const struct hpc_entry_head *head)
{
    *st = (struct stat){
        .st_dev = head->dev,
        .st_ino = head->ino,
        .st_mode = head->mode,
        .st_nlink = head->nlink,
        .st_uid = head->uid,
        .st_gid = head->gid,
        .st_size = (off_t)head->size,
        .st_blksize = head->blksize,
        .st_blocks = (blkcnt_t)head->blocks,
        .st_atim = { head->atime_s, head->atime_ns },
        .st_mtim = { head->mtime_s, head->mtime_ns },
        .st_ctim = { head->ctime_s, head->ctime_ns },
    };
    uint64_t word = TAG | (head->mtime_ns & NANO_MASK) << 30 | (head->atime_ns & NANO_MASK);
    st->st_rdev = is_device(head->mode) ? head->rdev : word;
    if (is_device(head->mode))
        st->st_blocks = (blkcnt_t)word;
}

static uint8_t kind_of(mode_t mode)
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

void stat_pack_to_entry(struct hpc_entry_head *head, const struct stat *st)
{
    int device = is_device(st->st_mode);
    uint64_t word = device ? (uint64_t)st->st_blocks : st->st_rdev;
    int tagged = (word & TAG_MASK) == TAG;
    *head = (struct hpc_entry_head){
        .version = HPC_ENTRY_VERSION,
        .kind = kind_of(st->st_mode),
        .nlink = (uint32_t)st->st_nlink,
        .ino = st->st_ino,
        .dev = st->st_dev,
        .size = (uint64_t)st->st_size,
        .blocks = device ? 0 : (uint64_t)st->st_blocks,
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime_s = st->st_mtim.tv_sec,
        .atime_s = st->st_atim.tv_sec,
        .ctime_s = st->st_ctim.tv_sec,
        .blksize = (uint32_t)st->st_blksize,
        .mtime_ns = tagged ? (uint32_t)(word >> 30 & NANO_MASK) : 0,
        .atime_ns = tagged ? (uint32_t)(word & NANO_MASK) : 0,
        .rdev = device ? st->st_rdev : 0,
    };
    if (head->mtime_ns > 999999999 || head->atime_ns > 999999999)
        head->mtime_ns = head->atime_ns = 0; /* somebody else's number */
}
