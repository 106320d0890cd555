/* Extended attributes and holes. getfattr and getfacl judge them in the tests of
 * packages/hpc-walker. */
#include "tree.h"

#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

enum { FLAGGED = 20 };
#ifdef NO_AT_CALLS
enum { TOLD = 0 };
#else
enum { TOLD = FLAGGED + 1 }; /* the directory, too */
#endif

/* The value of an attribute in the block; NULL: it has none. Every block is checked to its end. */
static const uint8_t *value_of(const struct seen *s, const char *name, uint32_t *len)
{
    const uint8_t *found = NULL;

    for (uint32_t i = 0; i < s->xattr_len;) {
        uint16_t head[2];
        uint32_t value_len;
        CHECK(i + 8 <= s->xattr_len);
        memcpy(head, s->xattrs + i, 4);
        memcpy(&value_len, s->xattrs + i + 4, 4);
        CHECK(head[0] > 0 && head[1] == 0 && i + 8 + head[0] + (uint64_t)value_len <= s->xattr_len);
        if (head[0] == strlen(name) && !memcmp(s->xattrs + i + 8, name, head[0])) {
            CHECK(!found, "%s twice", name);
            found = s->xattrs + i + 8 + head[0];
            *len = value_len;
        }
        i += 8 + head[0] + value_len;
    }
    return found;
}

static void has(const struct seen *s, const char *name, const char *value)
{
    uint32_t len = 0;
    const uint8_t *v = value_of(s, name, &len);

    CHECK(v && len == strlen(value) && !memcmp(v, value, len), "%s of %s", name, s->path);
}

static bool has_none(const struct seen *s, const char *name)
{
    uint32_t len;

    return !value_of(s, name, &len);
}

static void set(const char *path, const char *name, const char *value)
{
    CHECK(!lsetxattr(path, name, value, strlen(value), 0), "%s %s: %s", path, name,
          strerror(errno));
}

static void scan_as_nobody(const char *top)
{
    struct result r;

    CHECK(!setgid(65534) && !setuid(65534));
    r = scan((options){ .flags = HPC_SCAN_XATTRS, .inline_bytes = 100 }, top);
    has(find(&r, at("attributes/file")), "user.a", "1");
    CHECK(find(&r, at("attributes/secret"))->xattr_error == EACCES &&
          find(&r, at("attributes/secret"))->xattr_len == 0);
    CHECK(r.stats.xattr_failed == 1, "%llu", (unsigned long long)r.stats.xattr_failed);
    drop(&r);
}

void test_xattrs(void)
{
    static const uint8_t acl[] = { 2, 0,  0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
                                   0, 57, 48,  0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                                   4, 0,  255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255 };
    char *top = at("attributes"), *file = at("attributes/file");
    bool privileged = geteuid() == 0;
    struct result r;
    uint32_t len = 0;
    const uint8_t *v;

    make_dir(top);
    make_file(file, "content");
    make_file(at("attributes/secret"), "");
    make_file(at("attributes/none"), "x");
    make_file(at("attributes/empty"), "");
    CHECK(!mkfifo(at("attributes/fifo"), 0600) && !symlink("nowhere", at("attributes/link")));
    if (lsetxattr(file, "user.a", "1", 1, 0)) {
        printf("  not run, no user attributes in %s: %s\n", base, strerror(errno));
        remove_tree(top);
        return;
    }
    set(file, "user.b \n\xff", "");
    set(top, "user.dir", "d");
    set(at("attributes/secret"), "user.s", "s");
    set(at("attributes/empty"), "user.e", "e");
    CHECK(!chmod(at("attributes/secret"), 0600));
    set(file, "user.job", "node.0"); /* what a metadata server of Lustre notes */
    set(file, "user.jobs", "kept");
    if (privileged) {
        static const char *const notes[] = { "dataver", "lfsck_bitmap", "projid", "pin" };
        for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
            char name[40];
            snprintf(name, sizeof name, "trusted.%s", notes[i]);
            set(file, name, "x");
        }
        set(at("attributes/fifo"), "trusted.f", "f");
        set(at("attributes/link"), "trusted.l", "l");
        set(at("attributes/link"), "trusted.lov", "l");
        set(file, "trusted.overlay.opaque", "y");
        set(file, "trusted.link", "y");
        set(file, "trusted.linked", "kept");
    }
    CHECK(!lsetxattr(file, "system.posix_acl_access", acl, sizeof acl, 0), "%s", strerror(errno));
    for (unsigned inlined = 0; inlined <= 100; inlined += 100) {
        r = scan((options){ .flags = HPC_SCAN_XATTRS, .inline_bytes = inlined }, top);
        has(find(&r, file), "user.a", "1");
        has(find(&r, file), "user.b \n\xff", "");
        has(find(&r, file), "user.jobs", "kept");
        CHECK(has_none(find(&r, file), "user.job"));
        has(find(&r, top), "user.dir", "d");
        has(find(&r, at("attributes/empty")), "user.e", "e");
        v = value_of(find(&r, file), "system.posix_acl_access", &len);
        CHECK(v && len == sizeof acl && !memcmp(v, acl, len));
        CHECK(find(&r, at("attributes/none"))->xattr_len == 0);
        CHECK(!inlined || !strcmp(find(&r, file)->content, "content"));
        if (privileged) {
            has(find(&r, at("attributes/fifo")), "trusted.f", "f");
            has(find(&r, at("attributes/link")), "trusted.l", "l");
            CHECK(has_none(find(&r, at("attributes/link")), "trusted.lov"));
            CHECK(has_none(find(&r, file), "trusted.dataver") &&
                  has_none(find(&r, file), "trusted.pin"));
            CHECK(has_none(find(&r, file), "trusted.lfsck_bitmap") &&
                  has_none(find(&r, file), "trusted.projid"));
            CHECK(has_none(find(&r, file), "trusted.overlay.opaque") &&
                  has_none(find(&r, file), "trusted.link"));
            has(find(&r, file), "trusted.linked", "kept");
        }
        CHECK(!strcmp(find(&r, at("attributes/link"))->link, "nowhere") &&
              r.stats.xattr_failed == 0);
        drop(&r);
        r = scan((options){ .inline_bytes = inlined }, top); /* not asked for */
        CHECK(find(&r, file)->xattr_len == 0);
        drop(&r);
    }
    r = scan((options){ .flags = HPC_SCAN_XATTRS | HPC_SCAN_KEEP_OLDER,
                        .inline_bytes = 100,
                        .since_s = INT64_MAX },
             top);
    CHECK(find(&r, file)->xattr_len == 0); /* it is asked when it is wanted */
    CHECK(find(&r, file)->content_len == HPC_CONTENT_NONE);
    drop(&r);
    r = scan((options){ .flags = HPC_SCAN_XATTRS }, file); /* as a root */
    has(&r.at[0], "user.a", "1");
    drop(&r);
    if (privileged)
        in_child(scan_as_nobody, top);
    remove_tree(top);
}

static void test_flags(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC), flags = FS_NODUMP_FL | FS_APPEND_FL;
    struct result r;
    uint32_t len = 0, got = 0;
    const uint8_t *v;

    if (ioctl(fd, FS_IOC_SETFLAGS, &flags)) {
        printf("  not run, no inode flags on %s: %s\n", file, strerror(errno));
        close(fd);
        return;
    }
    r = scan((options){ .flags = HPC_SCAN_XATTRS }, file);
    v = value_of(&r.at[0], "podheitor.flags", &len);
    CHECK(v && len == 4);
    memcpy(&got, v, 4);
    CHECK(got == (FS_NODUMP_FL | FS_APPEND_FL), "%x", got);
    drop(&r);
    flags = 0;
    CHECK(!ioctl(fd, FS_IOC_SETFLAGS, &flags));
    close(fd);
}

/* Entries with this flag and no other. */
static unsigned count_flag(const char *top, uint32_t inline_bytes)
{
    struct result r = scan((options){ .flags = HPC_SCAN_XATTRS, .inline_bytes = inline_bytes },
                           top);
    unsigned found = 0;

    for (size_t i = 0; i < r.count; i++) {
        uint32_t len = 0, got = 0;
        const uint8_t *v = r.at[i].type == HPC_REC_ENTRY
                               ? value_of(&r.at[i], "podheitor.flags", &len)
                               : NULL;
        if (v && len == sizeof got)
            memcpy(&got, v, sizeof got);
        found += got == FS_NOATIME_FL;
    }
    drop(&r);
    return found;
}

/* ext4, as the engine asks it: by a call that Linux has from 6.17 on. */
static bool tells_flags(const char *file)
{
    struct statfs fs;
    uint64_t attributes[3];

    return !statfs(file, &fs) && fs.f_type == 0xEF53 &&
           !syscall(468 /* file_getattr */, AT_FDCWD, file, attributes, sizeof attributes, 0);
}

static void set_noatime(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), flags = 0;

    CHECK(fd >= 0 && !ioctl(fd, FS_IOC_GETFLAGS, &flags));
    flags |= FS_NOATIME_FL; /* ext4 refuses to lose others */
    CHECK(!ioctl(fd, FS_IOC_SETFLAGS, &flags));
    close(fd);
}

/* mount(2); its header and linux/fs.h do not go together. */
static long mounted(const char *what, const char *on, const char *type, unsigned long flags)
{
    return syscall(SYS_mount, what, on, type, flags, NULL);
}

/* What is mounted on a directory of another filesystem, which is asked for no flags: the mounted
 * root and all below it have theirs. By one thread, which asked for the one above last. */
static void scan_mounted(const char *ext4)
{
    unsigned found;

    if (unshare(CLONE_NEWNS) || mounted(NULL, "/", NULL, MS_REC | MS_PRIVATE)) {
        printf("  not run, nothing can be mounted: %s\n", strerror(errno));
        return;
    }
    make_dir(at("mounts"));
    make_dir(at("mounts/on"));
    CHECK(!mounted("none", at("mounts"), "tmpfs", 0));
    make_dir(at("mounts/on"));
    make_file(at("mounts/beside"), "");
    CHECK(!mounted(ext4, at("mounts/on"), NULL, MS_BIND));
    found = count_flag(at("mounts"), 0);
    CHECK(!syscall(SYS_umount2, at("mounts/on"), 0) && !syscall(SYS_umount2, at("mounts"), 0));
    remove_tree(at("mounts"));
    CHECK(found == TOLD, "%u", found);
}

/*
 * A flag of which statx(2) says nothing: of the root, of files that are named and of files that are
 * opened, as a small one behind a small one is, and of what is mounted.
 */
void test_flags_of_opened(void)
{
    char top[] = "/var/tmp/hpc-scan-XXXXXX"; /* a template of mkdtemp(3); not below base, which is a
                                                tmpfs where there is one, and those are not asked */

    if (!mkdtemp(top) || !tells_flags(top)) {
        printf("  not run, no ext4 on a kernel that tells flags: %s\n", top);
        (void)rmdir(top);
        return;
    }
    for (unsigned i = 0; i < FLAGGED; i++) {
        char name[64];

        snprintf(name, sizeof name, "%s/file-%u", top, i);
        make_file(name, "content");
        set_noatime(name);
    }
    set_noatime(top);
    CHECK(count_flag(top, 0) == TOLD && count_flag(top, 100) == TOLD);
    if (geteuid() == 0)
        in_child(scan_mounted, top);
    remove_tree(top);
}

/* More than a block holds: what fits is there, and the entry says E2BIG. */
void test_xattrs_large(void)
{
    char *top = at("large"), *file = at("large/file"), *value = malloc(65536);
    struct result r;
    uint32_t len = 0;
    unsigned made = 0;

    memset(value, 'v', 65536);
    make_dir(top);
    make_file(file, "content");
    make_file(at("large/next"), "x");
    test_flags(file);
    for (; made < 20; made++) {
        char name[300];
        snprintf(name, sizeof name, "user.%0240u", made);
        if (lsetxattr(file, name, value, 65536, 0))
            break;
    }
    if (made == 20) { /* tmpfs and xfs take that much, ext4 does not */
        r = scan((options){ .flags = HPC_SCAN_XATTRS, .inline_bytes = 100 }, top);
        CHECK(find(&r, file)->xattr_error == E2BIG &&
              find(&r, file)->xattr_len > HPC_XATTR_BLOCK - 65536 &&
              find(&r, file)->xattr_len <= HPC_XATTR_BLOCK);
        CHECK(value_of(find(&r, file), "nothing", &len) == NULL &&
              !strcmp(find(&r, file)->content, "content"));
        CHECK(r.stats.xattr_failed == 1 && find(&r, at("large/next"))->xattr_len == 0 &&
              find(&r, at("large/next"))->xattr_error == 0);
        drop(&r);
    } else {
        printf("  not run, attributes are small in %s: more than a block\n", base);
    }
    free(value);
    remove_tree(top);
}

void test_holes(void)
{
    char *path = at("sparse"), block[4096];
    uint64_t out[8][2];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int64_t n, size = INT64_C(1) << 40;
    struct result r;

    memset(block, 'x', sizeof block);
    CHECK(fd >= 0 && !ftruncate(fd, size));
    CHECK(pwrite(fd, block, 4096, 0) == 4096 && pwrite(fd, block, 4096, 1 << 20) == 4096 &&
          pwrite(fd, block, 4096, size / 2) == 4096);
    CHECK(lseek(fd, 77, SEEK_SET) == 77);
    n = hpc_holes(fd, size, 4096, (uint8_t *)out, sizeof out);
    CHECK(n == 3, "%lld", (long long)n);
    CHECK(out[0][0] == 4096 && out[0][0] + out[0][1] == 1 << 20 && out[1][0] == (1 << 20) + 4096 &&
          out[1][0] + out[1][1] == (uint64_t)size / 2);
    CHECK(out[2][0] == (uint64_t)size / 2 + 4096 && out[2][0] + out[2][1] == (uint64_t)size);
    CHECK(lseek(fd, 0, SEEK_CUR) == 77);
    CHECK(hpc_holes(fd, size, 2 << 20, (uint8_t *)out, sizeof out) == 2);
    CHECK(hpc_holes(fd, size, 4096, (uint8_t *)out, 47) == -E2BIG);
    CHECK(hpc_holes(fd, 8192, 4096, (uint8_t *)out, sizeof out) == 1 &&
          out[0][1] == 4096); /* no further than asked */
    CHECK(hpc_holes(fd, 4096, 1, (uint8_t *)out, sizeof out) == 0 &&
          hpc_holes(fd, 0, 1, (uint8_t *)out, sizeof out) == 0);
    CHECK(!ftruncate(fd, 1 << 19)); /* shrunk: what is gone is no hole */
    CHECK(hpc_holes(fd, size, 4096, (uint8_t *)out, sizeof out) == 1 &&
          out[0][1] == (1 << 19) - 4096);
    CHECK(!ftruncate(fd, 0) && hpc_holes(fd, size, 1, (uint8_t *)out, sizeof out) == 0);
    CHECK(hpc_holes(-1, 1, 1, (uint8_t *)out, 16) == -EINVAL &&
          hpc_holes(fd, -1, 1, (uint8_t *)out, 16) == -EINVAL &&
          hpc_holes(fd, 1, 0, (uint8_t *)out, 16) == -EINVAL);
    /* a small file with a hole is the consumer's affair, one without is read */
    CHECK(!ftruncate(fd, 30000));
    r = scan((options){ .inline_bytes = 65536 }, path);
    CHECK(r.at[0].content_len == HPC_CONTENT_NONE && r.at[0].error == 0);
    drop(&r);
    for (off_t i = 0; i < 32768; i += 4096)
        CHECK(pwrite(fd, block, 4096, i) == 4096);
    r = scan((options){ .inline_bytes = 65536 }, path);
    CHECK(r.at[0].content_len == 32768);
    drop(&r);
    close(fd);
    unlink(path);
}
