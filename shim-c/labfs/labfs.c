/*
 * labfs: a directory seen through FUSE, with faults. For tests only.
 *
 *   labfs SOURCE MOUNTPOINT [lustre]      runs in the foreground until it is unmounted or killed
 *
 * With `lustre` it behaves like a client of Lustre (lustre.h), and the table of mounts says
 * fuse.lustre.
 *
 * The file `.labfs` in the mount's root, which no listing shows, is its control. Written to, line
 * by line: a rule (rules.h) is added; `clear` drops all rules; `release` lets everything that hangs
 * go on, and drops the rules that made it hang. Read: one line per rule, "HITS RULE-LINE", and a
 * last line "hanging N".
 *
 * Nothing is cached: every attribute, name and byte comes from the program, so that a fault is seen
 * at the call that it hits.
 */
#define FUSE_USE_VERSION 312
#include "faults.h"
#include "lustre.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CONTROL "/.labfs"

static int fault(enum labfs_op op, const char *path)
{
    size_t none = 0;
    int rc = lustre_on && path ? targets_reach(path) : 0;
    return rc ? rc : faults_apply(op, path, UINT64_MAX, &none);
}

#define FAULT(op, path) \
    do { \
        int fault_rc = fault(op, path); \
        if (fault_rc != 0) \
            return fault_rc; \
    } while (0)
#define CALL(call) ((call) < 0 ? -errno : 0)

static bool is_targets(const char *path)
{
    return lustre_on && path && strcmp(path, LUSTRE_CONTROL) == 0;
}
static bool is_control(const char *path)
{
    return (path && strcmp(path, CONTROL) == 0) || is_targets(path);
}

static void *start(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->use_ino = 1;   /* hard links keep their inode numbers */
    config->direct_io = 1; /* short reads and sizes as they come */
    config->nullpath_ok = 0;
    config->hard_remove = 1; /* no .fuse_hidden names in the trees */
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
    return NULL;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    (void)fi;
    if (is_control(path)) {
        *st = (struct stat){ .st_mode = S_IFREG | 0600,
                             .st_nlink = 1,
                             .st_size = FAULTS_ANSWER_MAX };
        return 0;
    }
    FAULT(OP_GETATTR, path);
    int rc = CALL(fstatat(faults_root, below(path), st, AT_SYMLINK_NOFOLLOW));
    if (rc == 0 && lustre_on) { /* whole seconds; what is released has next to no blocks */
        st->st_mtim.tv_nsec = st->st_atim.tv_nsec = st->st_ctim.tv_nsec = 0;
        if (S_ISREG(st->st_mode) && st->st_size > 0 && hsm_released(path))
            st->st_blocks = 1;
    }
    return rc;
}

static int fs_opendir(const char *path, struct fuse_file_info *fi)
{
    (void)fi;
    FAULT(OP_OPENDIR, path);
    int fd = openat(faults_root, below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int fs_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    struct listing listing = { 0 };
    off_t at = 0;
    size_t given = 0;
    (void)fi, (void)flags;
    FAULT(OP_READDIR, path);
    if (lustre_on)
        targets_listing(path, &listing);
    int fd = openat(faults_root, below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -errno;
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st = { .st_ino = e->d_ino, .st_mode = (mode_t)e->d_type << 12 };
        if (!targets_lists(&listing, e->d_name) || ++at <= offset)
            continue;
        /* with offsets the names arrive even if the listing fails behind them */
        if (fill(buf, e->d_name, &st, listing.loud ? at : 0, 0)) {
            closedir(dir);
            return 0;
        }
        given++;
    }
    closedir(dir);
    return listing.loud && given == 0 ? -ESHUTDOWN : 0;
}

static int fs_open(const char *path, struct fuse_file_info *fi)
{
    if (is_control(path))
        return 0;
    FAULT(OP_OPEN, path);
    int fd = openat(faults_root, below(path),
                    (fi->flags & ~(O_CREAT | O_EXCL | O_DIRECT)) | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    fi->fh = (uint64_t)fd;
    return 0;
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    FAULT(OP_CREATE, path);
    int fd = openat(faults_root, below(path),
                    (fi->flags & ~O_DIRECT) | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    fi->fh = (uint64_t)fd;
    return 0;
}

static int fs_read(const char *path, char *buf, size_t size, off_t offset,
                   struct fuse_file_info *fi)
{
    if (is_targets(path))
        return targets_control_read(buf, size, offset);
    if (is_control(path))
        return faults_control_read(buf, size, offset);
    if (lustre_on && hsm_released(path))
        return hsm_recall(path);
    int rc = faults_apply(OP_READ, path, (uint64_t)offset + size, &size);
    ssize_t n = rc < 0 ? -1 : pread((int)fi->fh, buf, size, offset);
    return rc < 0 ? rc : n < 0 ? -errno : (int)n;
}

static int fs_write(const char *path, const char *buf, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    if (is_targets(path))
        return targets_control_write(buf, size);
    if (is_control(path))
        return faults_control_write(buf, size);
    int rc = faults_apply(OP_WRITE, path, (uint64_t)offset + size, &size);
    ssize_t n = rc < 0 ? -1 : pwrite((int)fi->fh, buf, size, offset);
    return rc < 0 ? rc : n < 0 ? -errno : (int)n;
}

static int fs_release(const char *path, struct fuse_file_info *fi)
{
    if (is_control(path))
        return 0;
    fault(OP_RELEASE, path);
    return CALL(close((int)fi->fh));
}

static int fs_fsync(const char *path, int data, struct fuse_file_info *fi)
{
    FAULT(OP_FSYNC, path);
    return CALL(data ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    if (is_control(path))
        return 0;
    FAULT(OP_TRUNCATE, path);
    return fi ? CALL(ftruncate((int)fi->fh, size)) : change_size(path, false, size);
}

static int fs_readlink(const char *path, char *buf, size_t size)
{
    FAULT(OP_READLINK, path);
    ssize_t n = readlinkat(faults_root, below(path), buf, size - 1);
    if (n < 0)
        return -errno;
    buf[n] = 0;
    return 0;
}

static int fs_mkdir(const char *path, mode_t mode)
{
    FAULT(OP_MKDIR, path);
    return CALL(mkdirat(faults_root, below(path), mode));
}
static int fs_mknod(const char *path, mode_t mode, dev_t dev)
{
    FAULT(OP_MKNOD, path);
    return CALL(mknodat(faults_root, below(path), mode, dev));
}
static int fs_unlink(const char *path)
{
    FAULT(OP_UNLINK, path);
    return CALL(unlinkat(faults_root, below(path), 0));
}
static int fs_rmdir(const char *path)
{
    FAULT(OP_UNLINK, path);
    return CALL(unlinkat(faults_root, below(path), AT_REMOVEDIR));
}
static int fs_symlink(const char *target, const char *path)
{
    FAULT(OP_SYMLINK, path);
    return CALL(symlinkat(target, faults_root, below(path)));
}
static int fs_link(const char *from, const char *path)
{
    FAULT(OP_LINK, path);
    return CALL(linkat(faults_root, below(from), faults_root, below(path), 0));
}

static int fs_rename(const char *from, const char *to, unsigned flags)
{
    FAULT(OP_RENAME, to);
    return CALL(renameat2(faults_root, below(from), faults_root, below(to), flags));
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)fi;
    FAULT(OP_CHMOD, path);
    return CALL(fchmodat(faults_root, below(path), mode, 0));
}

static int fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
    (void)fi;
    FAULT(OP_CHOWN, path);
    return CALL(fchownat(faults_root, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
    (void)fi;
    FAULT(OP_UTIMENS, path);
    return CALL(utimensat(faults_root, below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int fs_statfs(const char *path, struct statvfs *out)
{
    FAULT(OP_STATFS, path);
    return CALL(fstatvfs(faults_root, out));
}

/* Extended attributes have no *at calls: through the descriptor's name, which for a symlink means
 * none. */
static int at_path(char *out, size_t cap, const char *path)
{
    return snprintf(out, cap, "/proc/self/fd/%d/%s", faults_root, below(path)) < (int)cap
               ? 0
               : -ENAMETOOLONG;
}

static int fs_getxattr(const char *path, const char *name, char *value, size_t size)
{
    char full[8192];
    FAULT(OP_GETXATTR, path);
    if (lustre_on)
        return lustre_get(path, name, value, size);
    int rc = at_path(full, sizeof full, path);
    ssize_t n = rc < 0 ? -1 : lgetxattr(full, name, value, size);
    return rc < 0 ? rc : n < 0 ? -errno : (int)n;
}

static int fs_listxattr(const char *path, char *list, size_t size)
{
    char full[8192];
    FAULT(OP_LISTXATTR, path);
    if (lustre_on)
        return lustre_list(path, list, size, fuse_get_context()->uid == 0);
    int rc = at_path(full, sizeof full, path);
    ssize_t n = rc < 0 ? -1 : llistxattr(full, list, size);
    return rc < 0 ? rc : n < 0 ? -errno : (int)n;
}

static int fs_setxattr(const char *path, const char *name, const char *value, size_t size,
                       int flags)
{
    char full[8192];
    FAULT(OP_SETXATTR, path);
    if (lustre_on)
        return lustre_set(path, name, value, size, flags);
    int rc = at_path(full, sizeof full, path);
    return rc < 0 ? rc : CALL(lsetxattr(full, name, value, size, flags));
}

static int fs_removexattr(const char *path, const char *name)
{
    char full[8192];
    FAULT(OP_SETXATTR, path);
    if (lustre_on)
        return lustre_remove(path, name);
    int rc = at_path(full, sizeof full, path);
    return rc < 0 ? rc : CALL(lremovexattr(full, name));
}

/* Only of the double of Lustre: without the call the kernel answers SEEK_DATA and SEEK_HOLE by
 * itself. */
static off_t fs_lseek(const char *path, off_t offset, int whence, struct fuse_file_info *fi)
{
    if (!lustre_on)
        return -ENOSYS;
    if (hsm_released(path))
        return hsm_recall(path);
    off_t at = lseek((int)fi->fh, offset, whence);
    return at < 0 ? -errno : at;
}

static int fs_ioctl(const char *path, unsigned command, void *arg, struct fuse_file_info *fi,
                    unsigned flags, void *data)
{
    (void)arg, (void)fi, (void)flags;
    if (!lustre_on || !path || is_control(path))
        return -ENOTTY;
    int rc = targets_reach(path);
    return rc ? rc : project_ioctl(path, command, data);
}

static const struct fuse_operations operations = {
    .init = start,
    .getattr = fs_getattr,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .open = fs_open,
    .create = fs_create,
    .read = fs_read,
    .write = fs_write,
    .release = fs_release,
    .fsync = fs_fsync,
    .truncate = fs_truncate,
    .readlink = fs_readlink,
    .mkdir = fs_mkdir,
    .mknod = fs_mknod,
    .unlink = fs_unlink,
    .rmdir = fs_rmdir,
    .symlink = fs_symlink,
    .link = fs_link,
    .rename = fs_rename,
    .chmod = fs_chmod,
    .chown = fs_chown,
    .utimens = fs_utimens,
    .statfs = fs_statfs,
    .getxattr = fs_getxattr,
    .listxattr = fs_listxattr,
    .setxattr = fs_setxattr,
    .removexattr = fs_removexattr,
    .lseek = fs_lseek,
    .ioctl = fs_ioctl,
};

int main(int argc, char **argv)
{
    lustre_on = argc == 4 && strcmp(argv[3], "lustre") == 0;
    if (argc != 3 && !lustre_on) {
        fprintf(stderr, "usage: labfs SOURCE MOUNTPOINT [lustre]\n");
        return 2;
    }
    faults_root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (faults_root < 0) {
        perror(argv[1]);
        return 1;
    }
    umask(0);
    /* auto_unmount: also when it is killed. Many threads: everything that hangs holds one. */
    char plain[] =
        "auto_unmount,allow_other,fsname=labfs,subtype=labfs,max_threads=256,max_idle_threads=16";
    char lustre[] = "auto_unmount,allow_other,fsname=10.0.0.1@tcp:/"
                    "testfs,subtype=lustre,max_threads=256,max_idle_threads=16";
    char *words[] = { argv[0], "-f", "-o", lustre_on ? lustre : plain, argv[2], NULL };
    return fuse_main(5, words, &operations, NULL);
}
