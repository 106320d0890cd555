#include "hpc_look.h"
#include "hpc_path.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int64_t hpc_look_hold(const uint8_t *path, int64_t len)
{
    return len <= 0 ? -EINVAL : hpc_path_follow((const char *)path, (size_t)len, O_PATH);
}

int64_t hpc_look_stat(int64_t dir, const uint8_t *path, int64_t len, uint8_t *out, int64_t cap)
{
    struct stat st;
    int err = hpc_path_stat((int)dir, (const char *)path, (size_t)len, &st);
    if (err)
        return err;
    struct hpc_look look = {
        .dev = st.st_dev,
        .ino = st.st_ino,
        .mode = st.st_mode,
        .nlink = st.st_nlink,
        .uid = st.st_uid,
        .gid = st.st_gid,
        .rdev = st.st_rdev,
        .size = (uint64_t)st.st_size,
        .blocks = (uint64_t)st.st_blocks,
        .mtime_s = st.st_mtim.tv_sec,
        .mtime_ns = st.st_mtim.tv_nsec,
        .ctime_s = st.st_ctim.tv_sec,
        .ctime_ns = st.st_ctim.tv_nsec,
    };
    memcpy(out, &look, cap < 0 ? 0 : (size_t)cap < sizeof look ? (size_t)cap : sizeof look);
    return 0;
}

int64_t hpc_look_directory(int64_t dir, const uint8_t *path, int64_t len)
{
    return hpc_path_open((int)dir, (const char *)path, (size_t)len, O_PATH | O_DIRECTORY);
}

int64_t hpc_look_open(int64_t dir, const uint8_t *path, int64_t len)
{
    struct stat st;
    if (len > 0)
        return hpc_path_open_regular((int)dir, (const char *)path, (size_t)len,
                                     O_RDONLY | O_NOATIME, &st);
    if (fstat((int)dir, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode)
               ? hpc_path_reopen((int)dir, -1, NULL, O_RDONLY | O_NOATIME | O_NOCTTY, &st)
               : -ENXIO;
}

int64_t hpc_look_link(int64_t dir, const uint8_t *path, int64_t len, uint8_t *out, int64_t cap)
{
    char name[HPC_PATH_NAME];
    int parent = hpc_path_parent((int)dir, (const char *)path, (size_t)len, name);
    if (parent < 0)
        return parent;
    ssize_t n = readlinkat(parent, name, (char *)out, cap < 0 ? 0 : (size_t)cap);
    int error = errno;
    close(parent);
    return n < 0 ? -error : n;
}
