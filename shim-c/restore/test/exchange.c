/* Users who may write in the target exchange what the restore made, or is about to change, for what
 * they want. Each test failed when things were done by name. */
#include "test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>

#define SOMEBODY 65534

static void need_root(void)
{
    if (geteuid() != 0)
        skip("only root can give anything away");
}

static void is_private(const char *path, mode_t mode)
{
    struct stat st = stat_of(path);
    EQUAL(st.st_uid, 0);
    EQUAL(st.st_mode & 07777, mode);
}

/* ---- directories, between their making and the last pass ---- */

static void last_pass(bool adopted)
{
    if (adopted)
        EQUAL(mkdir("base/theirs", 0755), 0);
    EQUAL(mkdir("base/private", 0700), 0);
    write_file("base/private/secret", "secret");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0777, 0), "theirs", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "theirs/f", "x"), 0);
    EQUAL(rename("base/theirs", "base/mine"), 0);
    EQUAL(rename("base/private", "base/theirs"), 0);
    CHECK(hpc_restore_finish(r) < 0);
    is_private("base/theirs", 0700);
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

void last_pass_of_exchanged(void)
{
    need_root();
    last_pass(false);
    EQUAL(system("rm -rf base/*"), 0);
    last_pass(true);
}

/* What was made is not forgotten when it is no longer held: what stands in its place gets no files
 * either. */
void exchanged_parents(void)
{
    need_root();
    EQUAL(mkdir("base/private", 0700), 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0777, 0), "theirs", NULL), 0);
    for (unsigned i = 0; i <= DIRS_KEPT; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%u/f", i);
        EQUAL(put_file(r, entry(S_IFREG | 0600, 1), name, "x"), 0);
    }
    EQUAL(rename("base/theirs", "base/mine"), 0);
    EQUAL(rename("base/private", "base/theirs"), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "theirs/f", "x"), -ESTALE);
    CHECK(!exists("base/theirs/f"));
    hpc_restore_free(r);
}

/* A directory that was made on the way to a file, before its own entry came: what stands in its
 * place by then is not given what that entry says. */
void exchanged_placeholder(void)
{
    need_root();
    EQUAL(mkdir("base/private", 0700), 0);
    write_file("base/private/secret", "secret");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "theirs/f", "x"), 0);
    EQUAL(rename("base/theirs", "base/mine"), 0);
    EQUAL(rename("base/private", "base/theirs"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0777, 0), "theirs", NULL), -ESTALE);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "other", NULL), 0);
    CHECK(hpc_restore_finish(r) < 0);
    is_private("base/theirs", 0700);
    EQUAL(stat_of("base/other").st_mode & 07777, 0755);
    EQUAL(stats_of(r).failed, 1);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* ---- every kind, while it is made ---- */

static atomic_bool stop;
static atomic_int current; /* the round */
static atomic_long exchanges;

/* Puts the victims where the restore's new objects appear, and back. */
static void *exchanger(void *arg)
{
    (void)arg;
    if (syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY) < 0) /* this thread only */
        return NULL;
    while (!atomic_load(&stop)) {
        char new[32], victim[32];
        int round = atomic_load(&current);
        for (int dir = 0; dir < 2; dir++) {
            snprintf(new, sizeof new, "base/%d/%s", round, dir ? "dir" : "node");
            snprintf(victim, sizeof victim, "base/%d/%s", round, dir ? "private" : "secret");
            if (renameat2(AT_FDCWD, new, AT_FDCWD, victim, 2 /* RENAME_EXCHANGE */) == 0)
                atomic_fetch_add(&exchanges, 1);
        }
    }
    return NULL;
}

static void give_to_somebody(struct hpc_restore *r, int round, uint32_t mode, const char *name)
{
    static const uint8_t block[] = { 9,   0,   0,   0,   1,   0,   0,   0,   't',
                                     'r', 'u', 's', 't', 'e', 'd', '.', 'x', '1' };
    char path[32];
    struct hpc_entry_head h = entry(mode, 0);
    snprintf(path, sizeof path, "%d/%s", round, name);
    h.uid = h.gid = SOMEBODY;
    h.flags = 0;
    if (put(r, h, path, "target") == 0)
        hpc_restore_xattrs(r, block, sizeof block);
}

static void is_held_private(int fd, mode_t mode)
{
    struct stat st;
    EQUAL(fstat(fd, &st), 0);
    EQUAL(st.st_uid, 0);
    EQUAL(st.st_mode & 07777, mode);
    EQUAL(flistxattr(fd, NULL, 0), 0);
    close(fd);
}

void exchanged_objects(void)
{
    need_root();
    static const uint32_t kinds[] = { S_IFIFO | 0666, S_IFLNK | 0777, S_IFSOCK | 0666,
                                      S_IFREG | 0666 };
    pthread_t thread;
    struct timespec begin, now;
    EQUAL(pthread_create(&thread, NULL, exchanger, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int round = 0;
    do {
        char dir[16], secret[32], private[32];
        snprintf(dir, sizeof dir, "base/%d", ++round);
        snprintf(secret, sizeof secret, "%s/secret", dir);
        snprintf(private, sizeof private, "%s/private", dir);
        EQUAL(mkdir(dir, 0777) + chmod(dir, 0777) + mkdir(private, 0700), 0);
        write_file(secret, "secret");
        EQUAL(chmod(secret, 0600), 0);
        int file = open(secret, O_RDONLY | O_NOFOLLOW),
            folder = open(private, O_RDONLY | O_NOFOLLOW);
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
        atomic_store(&current, round);
        give_to_somebody(r, round, kinds[round % 4], "node");
        give_to_somebody(r, round, S_IFDIR | 0777, "dir");
        hpc_restore_finish(r);
        hpc_restore_free(r);
        is_held_private(file, 0600);
        is_held_private(folder, 0700);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < 2);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    CHECK(exchanges > 100);
    printf("  %d rounds, %ld exchanges\n", round, (long)exchanges);
}

/* ---- a default ACL that appears ---- */

static const uint8_t acl[] = {
    /* user::rw- user:4321:rw- group::r-- mask::rw- other::--- */
    2, 0,    0,    0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,   6,
    0, 0xe1, 0x10, 0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16,  0,
    6, 0,    255,  255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255,
};

static void has_no_acl(const char *path, mode_t mode)
{
    EQUAL(getxattr(path, "system.posix_acl_access", NULL, 0), -1);
    EQUAL(stat_of(path).st_mode & 0777, mode);
}

void default_acl_appears(void)
{
    need_root();
    EQUAL(mkdir("base/theirs", 0755), 0);
    EQUAL(chown("base/theirs", SOMEBODY, SOMEBODY), 0);
    if (setxattr("base/theirs", "system.posix_acl_default", acl, sizeof acl, 0) < 0 ||
        removexattr("base/theirs", "system.posix_acl_default") < 0)
        skip("this filesystem has no ACLs");
    for (unsigned flags = 0; flags <= HPC_RESTORE_IN_PLACE; flags += HPC_RESTORE_IN_PLACE) {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, flags);
        EQUAL(put_file(r, entry(S_IFREG | 0640, 1), "theirs/before", "x"), 0);
        EQUAL(setxattr("base/theirs", "system.posix_acl_default", acl, sizeof acl, 0), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0640, 1), "theirs/after", "x"), 0);
        EQUAL(put(r, entry(S_IFIFO | 0640, 0), "theirs/fifo", NULL), 0);
        EQUAL(put(r, entry(S_IFSOCK | 0640, 0), "theirs/fifo", NULL), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0640, 1), "theirs/parent/child", "x"), 0);
        EQUAL(put(r, entry(S_IFDIR | 0750, 0), "theirs/dir", NULL), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0640, 1), "theirs/dir/file", "x"), 0);
        EQUAL(hpc_restore_finish(r), 0);
        EQUAL(stats_of(r).attributes_failed, 0);
        has_no_acl("base/theirs/before", 0640);
        has_no_acl("base/theirs/after", 0640);
        has_no_acl("base/theirs/fifo", 0640);
        has_no_acl("base/theirs/parent/child", 0640);
        has_no_acl("base/theirs/dir", 0750);
        has_no_acl("base/theirs/dir/file", 0640);
        EQUAL(leftovers("base"), 0);
        hpc_restore_free(r);
        EQUAL(removexattr("base/theirs", "system.posix_acl_default"), 0);
    }
}

/* ---- hard links ---- */

void exchanged_leaders(void)
{
    need_root();
    write_file("base/secret", "secret");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head leader = entry(S_IFREG | 0666, 3), link = leader,
                          node = entry(S_IFIFO | 0666, 0), node_link = node;
    leader.nlink = link.nlink = node.nlink = node_link.nlink = 2;
    link.flags = node_link.flags = HPC_ENTRY_LINK;
    EQUAL(put_file(r, leader, "leader", "abc"), 0);
    EQUAL(put(r, node, "fifo", NULL), 0);
    EQUAL(rename("base/leader", "base/aside"), 0);
    EQUAL(rename("base/secret", "base/leader"), 0);
    EQUAL(put(r, link, "link", "leader"), -ESTALE);
    EQUAL(stat_of("base/leader").st_nlink, 1);
    CHECK(!exists("base/link"));
    EQUAL(rename("base/leader", "base/fifo"), 0);
    EQUAL(put(r, node_link, "link", "fifo"), -ESTALE);
    EQUAL(unlink("base/fifo"), 0);
    EQUAL(symlink("aside", "base/fifo"), 0);
    EQUAL(put(r, node_link, "link", "fifo"), -ESTALE);
    EQUAL(rename("base/aside", "base/leader"), 0);
    EQUAL(put(r, link, "link", "leader"), 0); /* it is back: the inode counts */
    content_is("base/link", "abc");
    hpc_restore_free(r);
}
