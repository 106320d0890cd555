/* Extended attributes, ACLs and inode flags; judged by getfattr, getfacl and lsattr where words are
 * enough. */
#include "test.h"
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

struct block {
    uint8_t bytes[70000];
    size_t len;
};

static void add(struct block *b, const char *name, const void *value, size_t len)
{
    uint16_t head[2] = { (uint16_t)strlen(name), 0 };
    uint32_t value_len = (uint32_t)len;
    memcpy(b->bytes + b->len, head, 4);
    memcpy(b->bytes + b->len + 4, &value_len, 4);
    memcpy(b->bytes + b->len + 8, name, head[0]);
    if (len)
        memcpy(b->bytes + b->len + 8 + head[0], value, len);
    b->len += 8 + head[0] + len;
}

/* rw for the owner, rw for user 4321, r for the group, r as the mask of all, nothing for others: in
 * the kernel's form */
static const uint8_t acl[] = {
    2, 0,    0,    0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,   6,
    0, 0xe1, 0x10, 0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16,  0,
    6, 0,    255,  255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255,
};
static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 4 };

/* What a command prints. */
static const char *output(const char *format, ...)
{
    static char text[16384];
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    FILE *in = popen(command, "r");
    CHECK(in);
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = 0;
    EQUAL(pclose(in), 0);
    return text;
}

#define SAYS(words, ...) \
    do { \
        const char *o_ = output(__VA_ARGS__); \
        if (!strstr(o_, words)) { \
            fprintf(stderr, "wanted \"%s\" in:\n%s", words, o_); \
            fail_at(__FILE__, __LINE__, "output", 0, 1); \
        } \
    } while (0)
#define SAYS_NOT(words, ...) \
    do { \
        const char *o_ = output(__VA_ARGS__); \
        if (strstr(o_, words)) { \
            fprintf(stderr, "unwanted \"%s\" in:\n%s", words, o_); \
            fail_at(__FILE__, __LINE__, "output", 1, 0); \
        } \
    } while (0)

static void need_root_and_acls(void)
{
    if (geteuid() != 0)
        skip("needs root");
    if (setxattr("base", "system.posix_acl_default", acl, sizeof acl, 0) < 0 ||
        removexattr("base", "system.posix_acl_default") < 0)
        skip("this filesystem has no ACLs");
}

static char named[65536];
static int named_count;
static void note(void *context, const char *path, size_t len, const char *attribute, int error)
{
    (void)context;
    size_t at = strlen(named);
    snprintf(named + at, sizeof named - at, "%.*s %s %s\n", (int)len, path, attribute,
             strerrorname_np(error));
    named_count++;
}

static int put_with_block(struct hpc_restore *r, struct hpc_entry_head head, const char *name,
                          const char *content, const struct block *b, bool block_first)
{
    int result = put(r, head, name, S_ISLNK(head.mode) ? content : NULL);
    if (result == HPC_BEGIN_SKIPPED || result < 0)
        return result;
    if (block_first)
        EQUAL(hpc_restore_xattrs(r, b->bytes, b->len), 0);
    if (result == HPC_BEGIN_DATA)
        EQUAL(hpc_restore_write(r, 0, content, strlen(content)), 0);
    if (!block_first)
        EQUAL(hpc_restore_xattrs(r, b->bytes, b->len), 0);
    return hpc_restore_end(r, 1);
}

void xattrs_of_every_kind(void)
{
    need_root_and_acls();
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    hpc_restore_on_attribute(r, note, NULL);
    static struct block b, dir, link;
    char big[3000];
    memset(big, 'v', sizeof big);
    add(&b, "user.x", "a\0b\n", 4);
    add(&b, "user.empty", NULL, 0);
    add(&b, "user.big", big, sizeof big);
    add(&b, "security.capability", capability, sizeof capability);
    add(&b, "system.posix_acl_access", acl, sizeof acl);
    EQUAL(put_with_block(r, entry(S_IFREG | 06660, 5), "d/first", "hello", &b, true), 0);
    EQUAL(put_with_block(r, entry(S_IFREG | 0660, 5), "d/last", "hello", &b, false), 0);
    struct hpc_entry_head empty = entry(S_IFREG | 0660, 0);
    empty.flags = HPC_ENTRY_ATTRS;
    EQUAL(put_with_block(r, empty, "d/empty", "", &b, true), 0);
    EQUAL(put(r, empty, "d/blockless", NULL),
          0); /* whose block never comes: the next entry completes it */
    add(&link, "trusted.l", "sym", 3);
    add(&link, "security.s", "label", 5);
    EQUAL(put_with_block(r, entry(S_IFLNK | 0777, 4), "d/sym", "gone", &link, true), 0);
    EQUAL(put_with_block(r, entry(S_IFIFO | 0660, 0), "d/fifo", "", &link, true), 0);
    struct block fifo_acl = { .len = 0 };
    add(&fifo_acl, "system.posix_acl_access", acl, sizeof acl);
    EQUAL(put_with_block(r, entry(S_IFSOCK | 0660, 0), "d/socket", "", &fifo_acl, true), 0);
    add(&dir, "system.posix_acl_default", acl, sizeof acl);
    add(&dir, "system.posix_acl_access", acl, sizeof acl);
    add(&dir, "user.d", "dir", 3);
    EQUAL(put_with_block(r, entry(S_IFDIR | 02760, 0), "d", "", &dir, true), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0640, 1), "d/plain", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    CHECK(stats_of(r).attributes_failed == 0 && named_count == 0);

    static const char *const files[] = { "first", "last", "empty" };
    for (int i = 0; i < 3; i++) {
        SAYS("user.x=0x6100620a", "getfattr -d -e hex -m - base/d/%s", files[i]);
        SAYS("user.empty=\"\"\n", "getfattr -d -m - base/d/%s", files[i]);
        SAYS("security.capability=0x0100000200040000000000000000000000000000",
             "getfattr -d -e hex -m - base/d/%s", files[i]);
        SAYS("user:4321:rw-\ngroup::r--\nmask::rw-\nother::---", "getfacl -cn base/d/%s", files[i]);
        EQUAL(getxattr("base/d/empty", "user.big", NULL, 0), 3000);
        EQUAL(stat_of("base/d/empty").st_mtim.tv_sec, 1000);
    }
    EQUAL(stat_of("base/d/first").st_mode, S_IFREG | 06660);
    EQUAL(stat_of("base/d/first").st_uid, 1234);
    SAYS("trusted.l=\"sym\"", "getfattr -h -d -m - base/d/sym");
    SAYS("security.s=\"label\"", "getfattr -h -d -m - base/d/sym");
    SAYS("trusted.l=\"sym\"", "getfattr -h -d -m - base/d/fifo");
    SAYS("user:4321:rw-", "getfacl -cn base/d/socket");
    EQUAL(stat_of("base/d/socket").st_mode, S_IFSOCK | 0660);
    SAYS("default:user:4321:rw-", "getfacl -cn base/d");
    SAYS("user.d=\"dir\"", "getfattr -d -m - base/d");
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 02760);
    EQUAL(stat_of("base/d").st_mtim.tv_sec, 1000);
    SAYS_NOT("user:4321", "getfacl -cn base/d/plain");
    EQUAL(stat_of("base/d/blockless").st_mode, S_IFREG | 0660);
    EQUAL(stats_of(r).xattrs, 3 * 5 + 2 + 2 + 1 + 3);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* Whatever the directories around have as default ACL: what comes back has the ACL of its entry, or
 * none. */
void default_acls_do_not_leak(void)
{
    need_root_and_acls();
    EQUAL(setxattr("base", "system.posix_acl_default", acl, sizeof acl, 0), 0);
    EQUAL(mkdir("base/there", 0755), 0); /* inherits, and gives that up: its entry has no ACL */
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    static struct block b;
    add(&b, "user.x", "1", 1);
    EQUAL(put_file(r, entry(S_IFREG | 0664, 1), "file", "x"), 0);
    EQUAL(put_with_block(r, entry(S_IFREG | 0664, 1), "with-xattr", "x", &b, true), 0);
    EQUAL(put(r, entry(S_IFIFO | 0664, 0), "fifo", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0664, 1), "a/b/file", "x"),
          0); /* parents first as placeholders */
    EQUAL(put(r, entry(S_IFDIR | 0775, 0), "a/b", NULL), 0);
    EQUAL(put(r, entry(S_IFDIR | 0775, 0), "a/b/c", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0664, 1), "a/b/c/file", "x"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "there", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0664, 1), "there/file", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).attributes_failed, 0);
    static const char *const without[] = { "file", "with-xattr", "fifo",       "a/b/file",
                                           "a/b",  "a/b/c",      "a/b/c/file", "there/file" };
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        SAYS_NOT("4321", "getfacl -cn base/%s", without[i]);
        char path[64];
        snprintf(path, sizeof path, "base/%s", without[i]);
        EQUAL(stat_of(path).st_mode & 0777, S_ISDIR(stat_of(path).st_mode) ? 0775 : 0664);
    }
    SAYS_NOT("4321", "getfacl -cn base/there");
    hpc_restore_free(r);
}

static long flags_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW), flags = 0;
    if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        flags = -1;
    close(fd);
    return flags;
}

static void clear_flags(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW), flags = 0;
    ioctl(fd, FS_IOC_SETFLAGS, &flags);
    close(fd);
}

/* Immutable files can neither be renamed, linked to, nor be given times: the flags come after
 * everything. */
void inode_flags_last(void)
{
    if (geteuid() != 0)
        skip("needs root");
    if (flags_of("base") < 0)
        skip("this filesystem has no inode flags");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    hpc_restore_on_attribute(r, note, NULL);
    static struct block immutable, nodump, odd;
    const uint32_t i = FS_IMMUTABLE_FL, d = FS_NODUMP_FL | FS_NOATIME_FL, e = FS_ENCRYPT_FL;
    add(&immutable, "podheitor.flags", &i, 4);
    add(&nodump, "podheitor.flags", &d, 4);
    add(&odd, "podheitor.flags", &e, 4);
    EQUAL(put_with_block(r, entry(S_IFDIR | 0755, 0), "d", "", &immutable, true), 0);
    EQUAL(put_with_block(r, entry(S_IFREG | 0600, 1), "d/one", "x", &immutable, true), 0);
    struct hpc_entry_head leader = entry(S_IFREG | 0600, 1);
    leader.nlink = 2;
    EQUAL(put_with_block(r, leader, "d/leader", "x", &immutable, false), 0);
    struct hpc_entry_head link = leader;
    link.flags = HPC_ENTRY_LINK;
    EQUAL(put(r, link, "d/link", "d/leader"), 0);
    EQUAL(put_with_block(r, entry(S_IFREG | 0600, 1), "nodump", "x", &nodump, true), 0);
    EQUAL(put_with_block(r, entry(S_IFREG | 0600, 1), "odd", "x", &odd, true), 0);
    EQUAL(flags_of("base/d/one") & FS_IMMUTABLE_FL, FS_IMMUTABLE_FL);
    EQUAL(flags_of("base/d/leader") & FS_IMMUTABLE_FL, 0);
    EQUAL(hpc_restore_finish(r), 0);
    bool good = flags_of("base/d") & FS_IMMUTABLE_FL && flags_of("base/d/leader") & FS_IMMUTABLE_FL;
    char listed[200];
    snprintf(listed, sizeof listed, "%s", output("lsattr -d base/nodump base/d/link"));
    for (int n = 0; n < 3; n++)
        clear_flags(n == 0 ? "base/d" : n == 1 ? "base/d/one" : "base/d/leader");
    CHECK(good);
    if (!strstr(listed, "dA") || !strstr(listed, "----i"))
        fail_at(listed, 0, "lsattr", 0, 1);
    EQUAL(stat_of("base/d/link").st_nlink, 2);
    EQUAL(stat_of("base/d").st_mtim.tv_sec, 1000);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(strcmp(named, "odd podheitor.flags EOPNOTSUPP\n"), 0);
    hpc_restore_free(r);
}

void xattrs_never_written_back(void)
{
    if (geteuid() != 0)
        skip("needs root");
    static const char *const refused[] = {
        "trusted.lov", "trusted.lma",     "trusted.overlay.opaque", "trusted.hsm",
        "lustre.lov",  "ceph.dir.layout", "btrfs.compression",      "gpfs.x",
        "afs.x",       "cifs.x",          "podheitor.unknown",      "system.other",
        "user.",       "nonsense",
    };
    /* what archives of earlier releases hold of a metadata server's notes: left, and no word of it
     */
    static const char *const servers[] = {
        "user.job", "trusted.dataver", "trusted.lfsck_bitmap", "trusted.projid", "trusted.pin",
    };
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    hpc_restore_on_attribute(r, note, NULL);
    static struct block b;
    add(&b, "trusted.lovely", "kept", 4);
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        add(&b, servers[i], "x", 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        add(&b, refused[i], "x", 1);
    add(&b, "user.last", "kept", 4);
    EQUAL(put_with_block(r, entry(S_IFREG | 0600, 1), "f", "x", &b, true), 0);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(stats_of(r).xattrs, 2);
    EQUAL(named_count, sizeof refused / sizeof *refused);
    CHECK(strstr(named, "f trusted.lov EOPNOTSUPP\n") &&
          strstr(named, "f podheitor.unknown EOPNOTSUPP\n"));
    char list[100];
    EQUAL(listxattr("base/f", list, sizeof list), sizeof "trusted.lovely" + sizeof "user.last");

    /* Damaged blocks: nothing of them is taken, the file itself is. */
    static const uint8_t bad[][12] = { { 200, 0, 0, 0, 0, 0, 0, 0, 'u' },
                                       { 1, 0, 1, 0, 0, 0, 0, 0, 'u' },
                                       { 0 },
                                       { 1, 0, 0, 0, 255, 255, 255, 255, 'u' },
                                       { 1, 0, 0, 0, 0, 0, 0, 0, 0 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        b.len = 0;
        add(&b, "user.good", "x", 1);
        memcpy(b.bytes + b.len, bad[i], 9);
        b.len += 9;
        EQUAL(put_with_block(r, entry(S_IFREG | 0600, 1), "g", "x", &b, i % 2), 0);
        EQUAL(listxattr("base/g", list, sizeof list), 0);
    }
    EQUAL(stats_of(r).attributes_failed, 6);
    EQUAL(stats_of(r).files, 6);
    CHECK(strstr(named, "g xattrs EBADMSG\n"));
    /* A second block of one entry, a block of nothing, of a skipped and of a failed entry */
    b.len = 0;
    add(&b, "user.n", "1", 1);
    EQUAL(hpc_restore_xattrs(r, b.bytes, b.len), 0);
    EQUAL(put(r, entry(S_IFREG | 0600, 1), "h", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_xattrs(r, b.bytes, b.len), 0);
    EQUAL(hpc_restore_xattrs(r, b.bytes, b.len), 0);
    EQUAL(stats_of(r).attributes_failed, 7);
    EQUAL(put(r, entry(S_IFREG | 0600, 1), "../h", NULL), -EINVAL);
    EQUAL(hpc_restore_xattrs(r, b.bytes, b.len), 0);
    EQUAL(stats_of(r).attributes_failed, 7);
    hpc_restore_free(r);
}

/* Named up to a limit; by a user who may set little. */
void attributes_are_named(void)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        fail_at(__FILE__, __LINE__, "setuid", -1, 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    hpc_restore_on_attribute(r, note, NULL);
    static struct block b;
    add(&b, "user.mine", "yes", 3);
    add(&b, "trusted.t", "no", 2);
    add(&b, "security.capability", capability, sizeof capability);
    EQUAL(put_with_block(r, entry(S_IFREG | 0644, 1), "d/f", "x", &b, true), 0);
    EQUAL(strcmp(named, "d/f owner EPERM\nd/f trusted.t EPERM\nd/f security.capability EPERM\n"),
          0);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(put_with_block(r, entry(S_IFIFO | 0644, 0), "fifo", "", &b, true), 0);
    EQUAL(stats_of(r).attributes_failed,
          2); /* once, though owner and xattrs failed at different times */
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i);
        EQUAL(put_file(r, entry(S_IFREG | 0644, 1), name, "x"), 0);
    }
    EQUAL(named_count, NAMED_ATTRIBUTES);
    EQUAL(stats_of(r).attributes_failed, 202);
    hpc_restore_free(r);
}

/* A cancelled restore leaves its directories as their entries say, not 0700. */
void cancelled_directories(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "d", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "p/f", "x"), 0);
    EQUAL(put(r, entry(S_IFREG | 0644, 1), "d/half", NULL), HPC_BEGIN_DATA);
    hpc_restore_cancel(r);
    EQUAL(hpc_restore_end(r, 1), -ECANCELED);
    EQUAL(hpc_restore_finish(r), -ECANCELED);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0755);
    EQUAL(stat_of("base/d").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/p").st_mode, S_IFDIR | 0755);
    CHECK(!exists("base/d/half"));
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

void sparse_as_the_source(void)
{
    /* 64 MiB, three extents of 4 KiB at odd places, fed as plain data with zeros: what comes back
     * takes as little. */
    size_t size = 64 << 20;
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFREG | 0644, size);
    h.blocks = 24;
    EQUAL(put(r, h, "f", NULL), HPC_BEGIN_DATA);
    static char chunk[65536];
    for (size_t at = 0; at < size; at += sizeof chunk) {
        bool data = at == 0 || at == 32 << 20 || at == size - sizeof chunk;
        memset(chunk, 0, sizeof chunk);
        memset(chunk + 4096, data ? 'x' : 0, 4096);
        EQUAL(hpc_restore_write(r, at, chunk, sizeof chunk), 0);
    }
    EQUAL(hpc_restore_end(r, 1), 0);
    EQUAL(stat_of("base/f").st_size, size);
    CHECK(stat_of("base/f").st_blocks <= 26);
    hpc_restore_free(r);
}
