#include "test.h"
#include <sys/resource.h>

void directory_attributes_last(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0500, 0), "d", NULL), 0);
    EQUAL(put(r, entry(S_IFDIR | 0000, 0), "d/e", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "d/e/f", "x"), 0);
    CHECK(stat_of("base/d").st_mtim.tv_sec != 1000);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0700);
    EQUAL(put(r, entry(S_IFREG | 0600, 1), "d/unfinished", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_finish(r), 0);  /* removes the unfinished file first, so that the time stays */
    EQUAL(stat_of("base/d").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/d").st_mtim.tv_nsec, 500000000);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0500);
    EQUAL(stat_of("base/d/e").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/d/e").st_mode, S_IFDIR);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* Parents after children, and one directory twice (the later entry wins), by a user whom modes bind. */
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
        h.mode = S_IFDIR | (i == 2 ? 0444 : 0);  /* nothing can be reached through these */
        h.mtime_s = (int64_t)(100 + i);
        EQUAL(put(r, h, order[i], NULL), 0);
    }
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).attributes_failed, 0);
    static const struct { const char *path; int mtime; } wanted[] = {
        { "base/z", 103 }, { "base/a", 101 }, { "base/a/b", 105 }, { "base/a/b/c", 100 }, { "base/a/b/c/d", 104 },
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
        EQUAL(hpc_record_along(r, r->root, name, (size_t)n, &at), 0);
    }
    CHECK(!r->names.memory);
    CHECK(r->spool.end < 100000 * 300);
    for (int i = 0; i < 100000; i += 7) {  /* each is found again */
        struct hpc_bytes path = { 0 };
        uint64_t at, end = r->spool.end;
        int n = snprintf(name, sizeof name, "some/path/of/ordinary/length/%d", i);
        EQUAL(hpc_record_along(r, r->root, name, (size_t)n, &at), 0);
        EQUAL(r->spool.end, end);
        EQUAL(hpc_record_path(r, at, &path), 0);
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
