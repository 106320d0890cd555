#include "test.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static bool is_root(void)
{
    return geteuid() == 0;
}

void every_kind(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0750, 0), "/d", NULL), HPC_BEGIN_DONE);
    EQUAL(put_file(r, entry(S_IFREG | 0640, 5), "d/file", "hello"), 0);
    struct hpc_entry_head empty = entry(S_IFREG | 0600, 0);
    empty.flags = 0;
    EQUAL(put(r, empty, "d/empty", NULL), HPC_BEGIN_DONE);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 0), "d/empty2", ""), 0);
    EQUAL(put(r, entry(S_IFLNK | 0777, 7), "d/link", "../gone"), HPC_BEGIN_DONE);
    EQUAL(put(r, entry(S_IFIFO | 0620, 0), "d/fifo", NULL), HPC_BEGIN_DONE);
    EQUAL(put(r, entry(S_IFSOCK | 0600, 0), "d/socket", NULL), HPC_BEGIN_DONE);
    int devices = 0;
    if (is_root()) {
        struct hpc_entry_head dev = entry(S_IFCHR | 0666, 0);
        dev.rdev = makedev(1, 3);
        devices += put(r, dev, "d/chr", NULL) == HPC_BEGIN_DONE;
        dev = entry(S_IFBLK | 0660, 0);
        dev.rdev = makedev(7, 300);
        devices += put(r, dev, "d/blk", NULL) == HPC_BEGIN_DONE;
        EQUAL(devices, 2);
        CHECK(S_ISCHR(stat_of("base/d/chr").st_mode) &&
              stat_of("base/d/chr").st_rdev == makedev(1, 3));
        CHECK(S_ISBLK(stat_of("base/d/blk").st_mode) &&
              stat_of("base/d/blk").st_rdev == makedev(7, 300));
    }
    EQUAL(hpc_restore_finish(r), 0);

    content_is("base/d/file", "hello");
    EQUAL(stat_of("base/d/file").st_mode, S_IFREG | 0640);
    content_is("base/d/empty", "");
    char target[16] = { 0 };
    EQUAL(readlink("base/d/link", target, sizeof target), 7);
    EQUAL(strcmp(target, "../gone"), 0);
    EQUAL(stat_of("base/d/link").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/d/link").st_mtim.tv_nsec, 500000000);
    EQUAL(stat_of("base/d/fifo").st_mode, S_IFIFO | 0620);
    EQUAL(stat_of("base/d/socket").st_mode, S_IFSOCK | 0600);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0750);
    EQUAL(leftovers("base"), 0);

    struct hpc_restore_stats s = stats_of(r);
    EQUAL(s.files, 3);
    EQUAL(s.directories, 1);
    EQUAL(s.symlinks, 1);
    EQUAL(s.specials, 2 + devices);
    EQUAL(s.bytes, 5);
    EQUAL(s.failed, 0);
    EQUAL(s.attributes_failed, is_root() ? 0 : 7);
    hpc_restore_free(r);
}

void attributes_and_umask(void)
{
    if (!is_root())
        skip("owners can be set by root only");
    umask(0777);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFREG | 06755, 1);
    h.mtime_s = -31536000; /* 1969 */
    h.mtime_ns = 123456789;
    h.atime_s = 4294967301; /* 2106, beyond 32 bits */
    h.atime_ns = 999999999;
    h.uid = 3000000000;
    h.gid = 77;
    EQUAL(put_file(r, h, "p/q/suid", "x"), 0);
    EQUAL(put(r, entry(S_IFDIR | 02770, 0), "p/dir", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0444, 1), "p/dir/inside", "x"), 0);
    struct hpc_entry_head fifo = entry(S_IFIFO | 0666, 0);
    EQUAL(put(r, fifo, "p/fifo", NULL), 0);
    h = entry(S_IFLNK | 0777, 1);
    EQUAL(put(r, h, "p/link", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).attributes_failed, 0);
    struct stat st = stat_of("base/p/q/suid");
    EQUAL(st.st_mode, S_IFREG | 06755);
    EQUAL(st.st_uid, 3000000000);
    EQUAL(st.st_gid, 77);
    EQUAL(st.st_mtim.tv_sec, -31536000);
    EQUAL(st.st_mtim.tv_nsec, 123456789);
    EQUAL(st.st_atim.tv_sec, 4294967301);
    EQUAL(st.st_atim.tv_nsec, 999999999);
    EQUAL(stat_of("base/p/dir").st_mode, S_IFDIR | 02770);
    EQUAL(stat_of("base/p/fifo").st_mode, S_IFIFO | 0666);
    EQUAL(stat_of("base/p/link").st_uid, 1234);
    EQUAL(stat_of("base/p/q").st_mode, S_IFDIR | 0755);

    h = entry(S_IFREG | 0600, 1);
    h.mtime_ns = 0x3ffffffe; /* the kernel would take this for UTIME_OMIT */
    EQUAL(put_file(r, h, "damaged", "x"), 0);
    EQUAL(stats_of(r).attributes_failed, 1);
    hpc_restore_free(r);
}

void hard_links(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head leader = entry(S_IFREG | 0600, 3), other = leader;
    leader.flags |= HPC_ENTRY_LEADER;
    leader.link_group = other.link_group = 9;
    other.flags = HPC_ENTRY_LINK;
    EQUAL(put_file(r, leader, "/a/leader", "abc"), 0);
    EQUAL(put(r, other, "/a/second", "/a/leader"), 0);
    EQUAL(put(r, other, "/b/third", "/a/leader"), 0);
    EQUAL(put(r, other, "/b/third", "/a/leader"), 0); /* once more: it is that link already */
    write_file("base/in-the-way", "old");
    EQUAL(put(r, other, "in-the-way", "a//leader"), 0);
    EQUAL(stat_of("base/a/leader").st_nlink, 4);
    EQUAL(stat_of("base/in-the-way").st_ino, stat_of("base/a/leader").st_ino);

    EQUAL(put(r, other, "/b/fourth", "/../leader"), -EINVAL);
    EQUAL(put(r, other, "/b/fourth", "/"), -EINVAL);
    /* Leaders that may still come */
    EQUAL(put(r, other, "/b/fourth", "/a/missing"), 0);
    EQUAL(put(r, other, "/b/fourth", "/missing/leader"), 0);
    EQUAL(put(r, other, "/b/fourth", "/a"), 0);

    struct hpc_entry_head symlink_leader = entry(S_IFLNK | 0777, 1), symlink_other = symlink_leader;
    symlink_other.flags = HPC_ENTRY_LINK;
    symlink_leader.link_group = symlink_other.link_group = 10;
    EQUAL(put(r, symlink_leader, "a/sym", "x"), 0);
    EQUAL(put(r, symlink_other, "a/sym2", "a/sym"), 0);
    EQUAL(stat_of("base/a/sym2").st_ino, stat_of("base/a/sym").st_ino);
    EQUAL(stats_of(r).hardlinks, 5);
    EQUAL(stats_of(r).failed, 2);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).hardlinks, 5);
    EQUAL(stats_of(r).failed, 5);
    CHECK(!exists("base/missing") && !exists("base/b/fourth"));
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

void link_of_a_failed_leader(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head leader = entry(S_IFREG | 0600, 3), other = leader;
    leader.nlink = other.nlink = 2;
    other.flags = HPC_ENTRY_LINK;
    write_file("base/leader", "from another time");
    EQUAL(put(r, leader, "leader", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_end(r, 0), 0);
    content_is("base/leader", "from another time");
    EQUAL(put(r, other, "other", "leader"), -ENOENT);
    CHECK(!exists("base/other"));

    /* Many failures: each is remembered, and links of other files are made all the same. */
    char name[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "no-data/%d", i);
        leader.flags = 0; /* a size, but no data */
        EQUAL(put(r, leader, name, NULL), -ENODATA);
    }
    leader.flags = HPC_ENTRY_HAS_DATA;
    EQUAL(put_file(r, leader, "good", "abc"), 0);
    EQUAL(put(r, other, "good2", "good"), 0);
    EQUAL(stat_of("base/good2").st_nlink, 2);
    for (int i = 0; i < 100000; i += 999) {
        snprintf(name, sizeof name, "no-data/%d", i);
        EQUAL(put(r, other, "bad2", name), -ENOENT);
    }
    CHECK(!r->leaders.memory);
    hpc_restore_free(r);
}

void sparse_files(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    size_t size = 8 << 20;
    char *data = calloc(1, size);
    CHECK(data);
    data[5] = 'x';
    data[(3 << 20) + 1] = 'y';
    struct hpc_entry_head h = entry(S_IFREG | 0600, size);
    h.blocks = 16;
    EQUAL(put(r, h, "sparse", NULL), HPC_BEGIN_DATA);
    for (size_t at = 0; at < size; at += 999999) /* unaligned pieces */
        EQUAL(hpc_restore_write(r, at, data + at, size - at < 999999 ? size - at : 999999), 0);
    EQUAL(hpc_restore_end(r, 1), 0);
    EQUAL(stats_of(r).bytes, size);
    struct stat st = stat_of("base/sparse");
    EQUAL(st.st_size, size);
    CHECK(st.st_blocks * 512 < 256 << 10);
    char *back = malloc(size);
    int fd = open("base/sparse", O_RDONLY);
    EQUAL(read(fd, back, size), size);
    EQUAL(memcmp(data, back, size), 0);
    close(fd);

    h.blocks = size / 512; /* was not sparse: stays allocated */
    EQUAL(put(r, h, "dense", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_write(r, 0, data, size), 0);
    EQUAL(hpc_restore_end(r, 1), 0);
    CHECK(stat_of("base/dense").st_blocks * 512 >= (blkcnt_t)size);

    /* Overwriting with zeros does write them. */
    h.blocks = 1;
    EQUAL(put(r, h, "twice", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_write(r, 0, "secret", 6), 0);
    EQUAL(hpc_restore_write(r, 0, data + 6, 6), 0);
    EQUAL(hpc_restore_write(r, 10000, NULL, 0), 0);
    EQUAL(hpc_restore_end(r, 1), 0);
    EQUAL(stat_of("base/twice").st_size, 10000);
    fd = open("base/twice", O_RDONLY);
    EQUAL(read(fd, back, 10000), 10000);
    EQUAL(memcmp(back, data + 6, 10000), 0);
    close(fd);
    free(data);
    free(back);
    hpc_restore_free(r);
}

void bad_entries(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFREG | 0600, 10);
    h.flags = 0;
    EQUAL(put(r, h, "no-data", NULL), -ENODATA);
    EQUAL(put(r, entry(0600, 0), "no-type", NULL), -EINVAL);
    EQUAL(put(r, entry(S_IFLNK | 0777, 0), "no-target", ""), -EINVAL);
    h = entry(S_IFLNK | 0777, 3);
    EQUAL(hpc_restore_begin(r, &h, "nul-target", 10, "a\0b", 3), -EINVAL);
    h = entry(S_IFREG | 0600, 3);
    h.flags |= HPC_ENTRY_LINK;
    EQUAL(put(r, h, "link-with-data", "x"), -EINVAL);
    EQUAL(hpc_restore_write(r, 0, "x", 1), -EBADF);
    EQUAL(put(r, entry(S_IFREG | 0600, 1), "too-far", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_write(r, UINT64_MAX - 1, "x", 1), -EFBIG);
    EQUAL(hpc_restore_end(r, 1), -EFBIG);
    EQUAL(stats_of(r).failed, 6);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);

    int err = 0;
    CHECK(!hpc_restore_new("base", NULL, (enum hpc_replace)'?', 0, &err));
    EQUAL(err, -EINVAL);
    CHECK(!hpc_restore_new("", NULL, HPC_REPLACE_ALWAYS, 0, &err));
    write_file("plain", "");
    CHECK(!hpc_restore_new("plain", NULL, HPC_REPLACE_ALWAYS, 0, &err));
    EQUAL(err, -ENOTDIR);
    CHECK(!hpc_restore_new("base", "missing", HPC_REPLACE_ALWAYS, 0, &err));
    EQUAL(err, -ENOENT);
    r = hpc_restore_new("new/base/of/four", NULL, HPC_REPLACE_ALWAYS, 0, &err);
    CHECK(r);
    EQUAL(leftovers("new"), 0);
    hpc_restore_free(r);
}

/* A filesystem that keeps eight bits of a device number, as the C library of this program sees it.
 */
static bool eight_bits;
int mknodat(int dir, const char *name, mode_t mode, dev_t dev)
{
    if (eight_bits)
        dev = makedev(major(dev) & 0xff, minor(dev) & 0xff);
    return (int)syscall(SYS_mknodat, dir, name, mode, (unsigned)dev);
}

void device_numbers_that_do_not_fit(void)
{
    if (!is_root())
        skip("only root can make devices");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head dev = entry(S_IFBLK | 0660, 0);
    eight_bits = true;
    dev.rdev = makedev(8, 1);
    EQUAL(put(r, dev, "small", NULL), 0);
    dev.rdev = makedev(300, 70000);
    EQUAL(put(r, dev, "large", NULL), -ERANGE);
    CHECK(!exists("base/large"));
    eight_bits = false;
    EQUAL(put(r, dev, "large", NULL), 0);
    EQUAL(stat_of("base/large").st_rdev, dev.rdev);
    hpc_restore_free(r);
    EQUAL(leftovers("base"), 0);
}

/* Without /proc every kind still gets its mode, and what cannot be done is said as it is. */
void without_proc(void)
{
    static const uint8_t block[] = { 9,   0,   0,   0,   1,   0,   0,   0,   't',
                                     'r', 'u', 's', 't', 'e', 'd', '.', 'x', '1' };
    if (!is_root() || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0)
        skip("this system does not allow /proc to be hidden");
    EQUAL(mkdir("base/shared", 0777) + chmod("base/shared", 0777), 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "own", NULL), 0);
    EQUAL(put(r, entry(S_IFIFO | 0666, 0), "own/fifo", NULL), 0);
    EQUAL(put(r, entry(S_IFIFO | 0666, 0), "shared/fifo", NULL), 0);
    struct hpc_entry_head leader = entry(S_IFREG | 0640, 1), link = leader;
    leader.nlink = 2;
    link.flags = HPC_ENTRY_LINK;
    EQUAL(put_file(r, leader, "shared/file", "x"), 0);
    EQUAL(put(r, link, "own/link", "shared/file"), 0);
    EQUAL(stats_of(r).attributes_failed, 0);
    EQUAL(put(r, entry(S_IFLNK | 0777, 1), "own/symlink", "x"), 0);
    EQUAL(hpc_restore_xattrs(r, block, sizeof block), 0);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/own/fifo").st_mode & 07777, 0666);
    EQUAL(stat_of("base/shared/fifo").st_mode & 07777, 0666);
    EQUAL(stat_of("base/own/link").st_nlink, 2);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
    EQUAL(umount("/proc"), 0);
}

struct made {
    uint32_t layout;
    int times, dir_is_parent;
};

static int make_striped(void *arg, int dir, const char *name, int flags, mode_t mode,
                        uint32_t layout)
{
    struct made *made = arg;
    struct stat parent = stat_of("base/d"), st;
    made->times++;
    made->layout = layout;
    CHECK(!fstat(dir, &st));
    made->dir_is_parent = st.st_ino == parent.st_ino;
    CHECK((flags & (O_CREAT | O_EXCL | O_NOFOLLOW)) == (O_CREAT | O_EXCL | O_NOFOLLOW));
    if (layout == 13)
        return -ENOSPC;
    return openat(dir, name, flags, mode);
}

/* A file with a layout is made by whoever knows layouts, and then written like any other. */
void layouts(void)
{
    struct made made = { 0 };
    struct hpc_create_ops ops = { make_striped, &made };
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head striped = entry(S_IFREG | 0640, 5);
    hpc_restore_on_create(r, &ops);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "d", NULL), HPC_BEGIN_DONE);
    EQUAL(put_file(r, striped, "d/plain", "plain"), 0);
    EQUAL(made.times, 0);
    striped.layout = 0xfedcba98;
    EQUAL(put_file(r, striped, "d/striped", "bytes"), 0);
    EQUAL(made.times, 1);
    EQUAL(made.layout, 0xfedcba98);
    CHECK(made.dir_is_parent);
    striped.layout = 13;
    EQUAL(put_file(r, striped, "d/refused", "bytes"), -ENOSPC);
    EQUAL(hpc_restore_finish(r), 0);
    content_is("base/d/plain", "plain");
    content_is("base/d/striped", "bytes");
    EQUAL(stat_of("base/d/striped").st_mode, S_IFREG | 0640);
    CHECK(!exists("base/d/refused"));
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}
