#include "test.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <time.h>

void directory_attributes_last(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0500, 0), "d", NULL), 0);
    EQUAL(put(r, entry(S_IFDIR | 0000, 0), "d/e", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "d/e/f", "x"), 0);
    CHECK(stat_of("base/d").st_mtim.tv_sec != 1000);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0700);
    EQUAL(put(r, entry(S_IFREG | 0600, 1), "d/unfinished", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_finish(r), 0); /* removes the unfinished file first, so that the time stays */
    EQUAL(stat_of("base/d").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/d").st_mtim.tv_nsec, 500000000);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0500);
    EQUAL(stat_of("base/d/e").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/d/e").st_mode, S_IFDIR);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* Parents after children, and one directory twice (the later entry wins), by a user whom modes
 * bind. */
void directories_in_any_order(void)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        fail_at(__FILE__, __LINE__, "setuid", -1, 0);
    static const char *const order[] = { "a/b/c", "a", "a/b", "z", "a/b/c/d", "a/b" };
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFDIR, 0);
    h.uid = geteuid();
    h.gid = getegid();
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        h.mode = S_IFDIR | (i == 2 ? 0444 : 0); /* nothing can be reached through these */
        h.mtime_s = (int64_t)(100 + i);
        EQUAL(put(r, h, order[i], NULL), 0);
    }
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).attributes_failed, 0);
    static const struct {
        const char *path;
        int mtime;
    } wanted[] = {
        { "base/z", 103 },     { "base/a", 101 },       { "base/a/b", 105 },
        { "base/a/b/c", 100 }, { "base/a/b/c/d", 104 },
    };
    for (size_t i = 0; i < 5; i++) {
        EQUAL(stat_of(wanted[i].path).st_mtim.tv_sec, wanted[i].mtime);
        EQUAL(stat_of(wanted[i].path).st_mode, S_IFDIR);
        EQUAL(chmod(wanted[i].path, 0700), 0);
    }
    hpc_restore_free(r);
}

/* What grows with the namespace lies on disk, without a name. */
void directory_list_is_small(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    char name[128];
    EQUAL(leftovers("."), 0);
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < 100000; i++) {
        uint64_t at;
        int n = snprintf(name, sizeof name, "some/path/of/ordinary/length/%d", i);
        EQUAL(record_along(r, r->root, name, (size_t)n, &at), 0);
    }
    CHECK(!r->names.memory);
    CHECK(r->spool.end < 100000 * 300);
    for (int i = 0; i < 100000; i += 7) { /* each is found again */
        struct bytes path = { 0 };
        uint64_t at, end = r->spool.end;
        int n = snprintf(name, sizeof name, "some/path/of/ordinary/length/%d", i);
        EQUAL(record_along(r, r->root, name, (size_t)n, &at), 0);
        EQUAL(r->spool.end, end);
        EQUAL(record_path(r, at, &path), 0);
        EQUAL(strcmp(path.data, name), 0);
        free(path.data);
    }
    pthread_mutex_unlock(&r->lock);
    hpc_restore_free(r);
}

void attributes_of_the_base(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "/", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "/f", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base").st_mode, S_IFDIR | 0711);
    EQUAL(stat_of("base").st_mtim.tv_sec, 1000);
    hpc_restore_free(r);
    r = open_core(HPC_REPLACE_NEVER, 0);
    EQUAL(put(r, entry(S_IFDIR | 0700, 0), "/", NULL), HPC_BEGIN_SKIPPED);
    hpc_restore_free(r);

    /* Base "/" is an ordinary base: names are absolute paths. */
    int err;
    r = hpc_restore_new("/", scratch, HPC_REPLACE_ALWAYS, 0, &err);
    CHECK(r);
    char name[96];
    snprintf(name, sizeof name, "%s/base/in/place", scratch);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), name, "y"), 0);
    content_is("base/in/place", "y");
    hpc_restore_free(r);
}

/* Of processor: other programs count for nothing. */
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Time grows with the number of directories, not with the square of it: each is opened once, from
 * its parent, on the way down and in the last pass. */
void deep_chains(void)
{
    if (geteuid() == 0) {
        /* Where we can, on a filesystem whose own work does not depend on what was deleted a moment
         * ago. */
        if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
            mount("tmpfs", "base", "tmpfs", 0, "mode=0777");
        /* As a user whom modes bind, so that a parent that is finished before its child shows. */
        EQUAL(setgid(65534) + setuid(65534), 0);
    }
    enum { DEPTH = 6000 };
    char *path = malloc(2 * DEPTH + 1);
    for (int i = 0; i < DEPTH; i++)
        memcpy(path + 2 * i, "d/", 2);
    double took[2];
    for (int half = 1; half >= 0; half--) {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
        size_t depth = half ? DEPTH / 4 : DEPTH;
        struct hpc_entry_head h = entry(S_IFDIR | 0555, 0);
        h.uid = geteuid();
        h.gid = getegid();
        double begin = seconds();
        path[0] = half ? 'h' : 'd';
        for (size_t i = 1; i <= depth; i++)
            EQUAL(hpc_restore_begin(r, &h, path, 2 * i, NULL, 0), 0);
        EQUAL(hpc_restore_finish(r), 0);
        took[half] = seconds() - begin;
        EQUAL(stats_of(r).attributes_failed, 0);
        EQUAL(stats_of(r).directories, depth);
        CHECK(r->spool.end < depth * 500); /* no whole paths */
        hpc_restore_free(r);
    }
    printf("  %d levels in %.2f s, a quarter of them in %.2f s\n", DEPTH, took[0], took[1]);
    CHECK(took[0] < 10 * took[1] + 0.02);
    /* All the way down, each as its entry said. */
    int dir = open("base", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < DEPTH; i++) {
        int next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        struct stat st;
        CHECK(next >= 0);
        close(dir);
        EQUAL(fstat(next, &st), 0);
        EQUAL(st.st_mode & 07777, 0555);
        EQUAL(st.st_mtim.tv_sec, 1000);
        EQUAL(fchmod(next, 0700), 0);
        dir = next;
    }
    close(dir);
    free(path);
}

/* Cancelled in the last pass: what is left is counted, and the pass ends. */
void cancelled_last_pass(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    char name[16];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "d%d", i);
        EQUAL(put(r, entry(S_IFDIR | 0755, 0), name, NULL), 0);
    }
    r->patience = 0;
    hpc_restore_cancel(r);
    EQUAL(hpc_restore_finish(r), -ECANCELED);
    EQUAL(stats_of(r).unfinished, 50);
    EQUAL(stat_of("base/d7").st_mode & 07777, 0700);
    hpc_restore_free(r);
}

/* Parents that nobody asked for: what the archive says of them, if they have to be made; never
 * wider. */
void attributes_of_parents(void)
{
    static const uint8_t block[] = { 6, 0, 0, 0, 1, 0, 0, 0, 'u', 's', 'e', 'r', '.', 'x', '1' };
    EQUAL(mkdir("base/there", 0711), 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFDIR | 0700, 0);
    struct hpc_restore_entry *e = r->single;
    EQUAL(hpc_entry_parent(e, &h, "/before", 7), 0);
    EQUAL(hpc_restore_xattrs(r, block, sizeof block), 0);
    EQUAL(hpc_entry_parent(e, &h, "never", 5), 0);
    EQUAL(hpc_entry_parent(e, &h, "there", 5), 0);
    EQUAL(hpc_entry_parent(e, &h, "/", 1), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "before/f", "x"), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "after/f", "x"), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "there/f", "x"), 0);
    EQUAL(put(r, h, "chosen", NULL), 0);
    EQUAL(hpc_entry_parent(e, &h, "after", 5), 0);
    h.mode = S_IFDIR | 0777;
    EQUAL(hpc_entry_parent(e, &h, "chosen", 6), 0);
    EQUAL(hpc_entry_parent(e, &h, "a/../b", 6), -EINVAL);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/before").st_mode & 07777, 0700);
    EQUAL(stat_of("base/before").st_mtim.tv_sec, 1000);
    char value;
    CHECK(getxattr("base/before", "user.x", &value, 1) == 1 || errno == EOPNOTSUPP);
    EQUAL(stat_of("base/after").st_mode & 07777, 0700);
    EQUAL(stat_of("base/there").st_mode & 07777, 0711);
    EQUAL(stat_of("base/chosen").st_mode & 07777, 0700);
    EQUAL(stat_of("base").st_mode & 07777, 0777);
    CHECK(!exists("base/never"));
    EQUAL(stats_of(r).directories, 1);
    hpc_restore_free(r);
}

/* A directory that was there gets exactly what its entry has, unless nobody looked at that when it
 * was saved. */
void foreign_attributes(void)
{
    static const uint8_t block[] = { 9,   0,   0,   0,   1,   0,   0,   0,   'u',
                                     's', 'e', 'r', '.', 'k', 'e', 'p', 't', '1' };
    for (int keep = 0; keep < 3; keep++) {
        EQUAL(mkdir("base/dir", 0755), 0);
        if (setxattr("base/dir", "user.foreign", "x", 1, 0) < 0)
            skip("this filesystem has no extended attributes");
        EQUAL(setxattr("base/dir", "user.kept", "x", 1, 0), 0);
        struct hpc_restore *r = open_core(keep == 2 ? HPC_REPLACE_NEVER : HPC_REPLACE_ALWAYS, 0);
        hpc_restore_keep_xattrs(r, keep == 1);
        EQUAL(put(r, entry(S_IFDIR | 0750, 0), "dir", NULL), keep == 2 ? HPC_BEGIN_SKIPPED : 0);
        EQUAL(hpc_restore_xattrs(r, block, sizeof block), 0);
        EQUAL(hpc_restore_finish(r), 0);
        char value = 0;
        EQUAL(getxattr("base/dir", "user.kept", &value, 1), 1);
        EQUAL(value, keep == 2 ? 'x' : '1');
        EQUAL(getxattr("base/dir", "user.foreign", NULL, 0), keep ? 1 : -1);
        hpc_restore_free(r);
        EQUAL(rmdir("base/dir"), 0);
    }
}
