/* Looking at a tree whose directory is held, for foreign calls: integers and byte buffers only.
 * What is looked at lies below the directory, and no symlink leads out of it. */
#ifndef HPC_LOOK_H
#define HPC_LOOK_H

#include <stdint.h>

#pragma GCC visibility push(default)

struct hpc_look { /* lstat(2) */
    uint64_t dev, ino, mode, nlink, uid, gid, rdev, size, blocks;
    int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
};

/* Descriptor (O_PATH) of what `path`, any length, leads to, symlinks followed: the one name that
 * somebody chose. -errno. */
int64_t hpc_look_hold(const uint8_t *path, int64_t len);
/* Below `dir`, as ../path/hpc_path.h; an empty path is what is held itself. 0 or -errno. */
int64_t hpc_look_stat(int64_t dir, const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);
/* Descriptor (O_PATH) of a directory below it, for further looks. */
int64_t hpc_look_directory(int64_t dir, const uint8_t *path, int64_t len);
/* Descriptor of a regular file, for reading; its access time stays where that is allowed. -ENXIO:
 * it is something else, which is not opened. */
int64_t hpc_look_open(int64_t dir, const uint8_t *path, int64_t len);
/* Target of a symlink, as much as fits cap; its length. -EINVAL: it is none. */
int64_t hpc_look_link(int64_t dir, const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

#pragma GCC visibility pop

#endif
