/*
 * Opening and looking at what lies below a directory that is held open, without ever following a
 * symlink in any component: what users of the tree exchange meanwhile cannot lead out of it. Used
 * by the scan engine, the restore core and the plugin.
 *
 * A path is relative to `dir` (a descriptor, O_PATH will do, or AT_FDCWD), of any length, and need
 * not end in NUL: names between slashes; slashes more than needed count for nothing, so a path
 * never starts at "/". An empty path is the directory itself. Every function returns a value >= 0
 * or -errno. -ELOOP: a component is a symlink; -EINVAL: one is "." or "..", or there is a NUL.
 */
#ifndef HPC_PATH_H
#define HPC_PATH_H

#include <stddef.h>
#include <sys/stat.h>

/* A name and its NUL: no filesystem of Linux stores a longer one. */
#define HPC_PATH_NAME 256

/*
 * Opens it. Flags as in open(2), without O_CREAT; O_CLOEXEC and O_NOFOLLOW are added. With O_PATH a
 * symlink itself may be the last component. O_NOATIME is left out where it is refused. Opening a
 * fifo or a device has effects: where the kind is not known, hpc_path_open_regular().
 */
int hpc_path_open(int dir, const char *path, size_t len, int flags);

/*
 * For a path that whoever started the program named, symlinks and all: as openat(2) from the
 * working directory or the root, for any length. O_CLOEXEC and O_NOCTTY are added; O_NOATIME is
 * left out where it is refused. -ENOENT for an empty path.
 */
int hpc_path_follow(const char *path, size_t len, int flags);

/* lstat(2): of a symlink, the symlink. Nothing is mounted, and nothing but directories on the way
 * is opened. */
int hpc_path_stat(int dir, const char *path, size_t len, struct stat *st);

/*
 * Opens the directory that holds the last component, with O_PATH, and copies that component, for
 * any of the *at() calls; those must not follow it either. -EINVAL for an empty path.
 */
int hpc_path_parent(int dir, const char *path, size_t len, char name[HPC_PATH_NAME]);

/*
 * Opens a regular file and tells what it is. No other kind of object is ever opened, but with
 * O_PATH: no fifo is woken, no tape rewound. O_NOCTTY is added; without O_NONBLOCK it waits for the
 * holder of a lease, as long as the kernel lets that one wait (fs.lease-break-time). -ENXIO: it is
 * no regular file, and *st says what it is. Without /proc: -ESTALE if another object got the name
 * within the call.
 */
int hpc_path_open_regular(int dir, const char *path, size_t len, int flags, struct stat *st);

/* The same of an object that is held by an O_PATH descriptor; dir and name: where it was found, for
 * want of /proc; -1, NULL: not known. */
int hpc_path_reopen(int path_fd, int dir, const char *name, int flags, const struct stat *st);

#endif
