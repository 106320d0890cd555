#include "test.h"
#include <pthread.h>

void replace_files(void)
{
    static const struct {
        enum hpc_replace rule;
        bool when_older, when_equal, when_newer; /* the entry, compared with what exists */
    } rules[] = {
        { HPC_REPLACE_ALWAYS, true, true, true },
        { HPC_REPLACE_NEWER, false, false, true },
        { HPC_REPLACE_OLDER, true, false, false },
        { HPC_REPLACE_NEVER, false, false, false },
    };
    for (size_t i = 0; i < 4; i++) {
        struct hpc_restore *r = open_core(rules[i].rule, 0);
        bool wanted[3] = { rules[i].when_older, rules[i].when_equal, rules[i].when_newer };
        uint64_t skipped = 0;
        for (int by = 0; by < 2; by++) { /* differing in nanoseconds, or in seconds */
            for (int age = -1; age <= 1; age++) {
                write_file("base/file", "old");
                set_mtime("base/file", 1000 - (by ? age : 0), 500000000 - (by ? 0 : age));
                int result = put_file(r, entry(S_IFREG | 0600, 3), "file", "new");
                EQUAL(result, wanted[age + 1] ? 0 : HPC_BEGIN_SKIPPED);
                content_is("base/file", wanted[age + 1] ? "new" : "old");
                skipped += !wanted[age + 1];
                EQUAL(unlink("base/file"), 0);
            }
        }
        EQUAL(put_file(r, entry(S_IFREG | 0600, 3), "file", "new"),
              0); /* nothing there: every rule restores */
        content_is("base/file", "new");
        EQUAL(stats_of(r).skipped, skipped);
        EQUAL(stats_of(r).failed, 0);
        EQUAL(leftovers("base"), 0);
        EQUAL(unlink("base/file"), 0);
        hpc_restore_free(r);
    }
}

static void plant(const char *path, uint32_t type)
{
    if (type == S_IFREG)
        write_file(path, "old");
    else if (type == S_IFLNK)
        EQUAL(symlink("target", path), 0);
    else
        EQUAL(mkfifo(path, 0600), 0);
}

void replace_other_kinds(void)
{
    static const uint32_t types[] = { S_IFREG, S_IFLNK, S_IFIFO, S_IFDIR };
    struct hpc_restore *always = open_core(HPC_REPLACE_ALWAYS, 0),
                       *never = open_core(HPC_REPLACE_NEVER, 0);
    write_file("base/target", "must stay");
    for (int from = 0; from < 3; from++) {
        for (int to = 0; to < 4; to++) {
            char name[32], path[48];
            snprintf(name, sizeof name, "x%d%d", from, to);
            snprintf(path, sizeof path, "base/%s", name);
            plant(path, types[from]);
            struct hpc_entry_head h = entry(types[to] | 0700, 0);
            h.flags = 0;
            EQUAL(put(never, h, name, "t"), HPC_BEGIN_SKIPPED);
            EQUAL(stat_of(path).st_mode & S_IFMT, types[from]);
            EQUAL(put(always, h, name, "t"), HPC_BEGIN_DONE);
            EQUAL(stat_of(path).st_mode & S_IFMT, types[to]);
        }
    }
    content_is("base/target", "must stay");
    struct hpc_entry_head leader = entry(S_IFREG | 0600, 1);
    leader.nlink = 2;
    EQUAL(put_file(always, leader, "leader", "x"), 0);
    /* A directory that holds something is never removed for something else. */
    for (int to = 0; to < 3; to++) {
        EQUAL(mkdir("base/dir", 0700) == 0 || errno == EEXIST, 1);
        write_file("base/dir/full", "x");
        struct hpc_entry_head h = entry(types[to] | 0700, 0);
        h.flags = 0;
        EQUAL(put(always, h, "dir", "t"), -EISDIR);
        h.flags = HPC_ENTRY_LINK;
        EQUAL(put(always, h, "dir", "leader"), -EISDIR);
    }
    hpc_restore_free(always);
    hpc_restore_free(never);
    EQUAL(leftovers("base"), 0);
}

void replace_directories(void)
{
    static const enum hpc_replace rules[] = { HPC_REPLACE_ALWAYS, HPC_REPLACE_NEWER,
                                              HPC_REPLACE_OLDER, HPC_REPLACE_NEVER };
    for (size_t i = 0; i < 4; i++) {
        struct hpc_restore *r = open_core(rules[i], 0);
        EQUAL(mkdir("base/dir", 0711), 0);
        write_file("base/dir/kept", "kept");
        bool never = rules[i] == HPC_REPLACE_NEVER;
        EQUAL(put(r, entry(S_IFDIR | 0750, 0), "dir", NULL),
              never ? HPC_BEGIN_SKIPPED : HPC_BEGIN_DONE);
        EQUAL(hpc_restore_finish(r), 0);
        EQUAL(stat_of("base/dir").st_mode, S_IFDIR | (never ? 0711 : 0750));
        EQUAL(stat_of("base/dir").st_mtim.tv_sec == 1000, !never);
        content_is("base/dir/kept", "kept");
        hpc_restore_free(r);
        EQUAL(unlink("base/dir/kept") + rmdir("base/dir"), 0);
    }
}

void existing_link_is_not_written_through(void)
{
    for (unsigned flags = 0; flags < 2; flags++) {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, flags);
        write_file("outside", "precious");
        EQUAL(link("outside", "base/hard"), 0);
        EQUAL(symlink("../outside", "base/soft"), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0600, 3), "hard", "new"), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0600, 3), "soft", "new"), 0);
        content_is("outside", "precious");
        content_is("base/hard", "new");
        content_is("base/soft", "new");
        EQUAL(stat_of("outside").st_mode & 0777, 0644);
        EQUAL(unlink("base/hard") + unlink("base/soft"), 0);
        hpc_restore_free(r);
    }
}

void in_place(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, HPC_RESTORE_IN_PLACE);
    EQUAL(put(r, entry(S_IFREG | 0640, 3), "file", NULL), HPC_BEGIN_DATA);
    CHECK(exists("base/file"));
    CHECK(hpc_restore_fd(r) >= 0);
    EQUAL(hpc_restore_write(r, 0, "abc", 3), 0);
    EQUAL(hpc_restore_end(r, 1), 0);
    EQUAL(hpc_restore_fd(r), -1);
    content_is("base/file", "abc");
    EQUAL(stat_of("base/file").st_mode, S_IFREG | 0640);
    EQUAL(put(r, entry(S_IFREG | 0640, 3), "gone", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_end(r, 0), 0);
    CHECK(!exists("base/gone"));
    hpc_restore_free(r);
}

void interrupted(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    write_file("base/file", "old");
    EQUAL(put(r, entry(S_IFREG | 0600, 3), "file", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_write(r, 0, "ne", 2), 0);
    EQUAL(leftovers("base"), 1);
    /* The next entry discards it, and so does the end. */
    EQUAL(put(r, entry(S_IFREG | 0600, 3), "file2", NULL), HPC_BEGIN_DATA);
    EQUAL(stats_of(r).failed, 1);
    hpc_restore_free(r);
    EQUAL(leftovers("base"), 0);
    content_is("base/file", "old");
    CHECK(!exists("base/file2"));
}

static void *cancel(void *r)
{
    hpc_restore_cancel(r);
    return NULL;
}

void cancelled(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "dir", NULL), 0);
    EQUAL(put(r, entry(S_IFREG | 0600, 3), "file", NULL), HPC_BEGIN_DATA);
    pthread_t thread;
    EQUAL(pthread_create(&thread, NULL, cancel, r), 0);
    EQUAL(pthread_join(thread, NULL), 0);
    EQUAL(hpc_restore_write(r, 0, "abc", 3), -ECANCELED);
    EQUAL(hpc_restore_end(r, 1), -ECANCELED);
    EQUAL(put(r, entry(S_IFREG | 0600, 3), "file", NULL), -ECANCELED);
    EQUAL(hpc_restore_finish(r), -ECANCELED);
    hpc_restore_free(r);
    CHECK(!exists("base/file"));
    EQUAL(stat_of("base/dir").st_mode & 07777,
          0711); /* its own, although nothing more is restored */
    EQUAL(leftovers("base"), 0);
}

/* On a filesystem that keeps whole seconds, what was restored there is not "older" than its entry.
 */
void times_as_the_filesystem_keeps_them(void)
{
    static const struct {
        int64_t grain, seconds;
        long nanoseconds; /* of what exists; the entry has 1000.5 */
        int newer;
    } cases[] = {
        { 1, 1000, 500000000, 0 },       { 1, 1000, 499999999, 1 },
        { 1, 1000, 500000001, -1 },      { 1000000000, 1000, 0, 0 },
        { 1000000000, 999, 0, 1 },       { 1000000000, 1001, 0, -1 },
        { 2000000000, 1000, 0, 0 },      { 2000000000, 998, 0, 1 },
        { 2000000000, 1002, 0, -1 },     { 1000000, 1000, 500000000, 0 },
        { 1000000, 1000, 499000000, 1 }, { 1, 5000, 0, -1 },
        { 1000000000, INT64_MIN, 0, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hpc_restore *r = open_core(HPC_REPLACE_NEWER, 0);
        struct hpc_entry_head h = entry(S_IFREG | 0644, 1);
        r->grains[r->grain_count++] = (struct grain){ .dev = r->base->id.dev,
                                                      .nanoseconds = cases[i].grain };
        EQUAL(replace_compare_times(r, r->base, &h, cases[i].seconds, cases[i].nanoseconds),
              cases[i].newer);
        hpc_restore_free(r);
    }
    /* What this one keeps is found out. */
    struct hpc_restore *r = open_core(HPC_REPLACE_NEWER, 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "f", "x"), 0);
    set_mtime("base/f", 1000, 499999999);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "f", "y"), 0);
    EQUAL(r->grain_count, 1);
    EQUAL(r->grains[0].nanoseconds, 1);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* What stands in a file's place: an empty directory goes, as with tar. */
void empty_directories_give_way(void)
{
    static const uint32_t types[] = { S_IFREG, S_IFLNK, S_IFIFO };
    struct hpc_entry_head leader = entry(S_IFREG | 0600, 1), link = leader;
    leader.nlink = link.nlink = 2;
    link.flags = HPC_ENTRY_LINK;
    for (int i = 0; i < 3; i++) {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
        EQUAL(mkdir("base/dir", 0700) + mkdir("base/link", 0700), 0);
        struct hpc_entry_head h = entry(types[i] | 0700, 0);
        h.flags = 0;
        EQUAL(put(r, h, "dir", "t"), 0);
        EQUAL(stat_of("base/dir").st_mode & S_IFMT, types[i]);
        EQUAL(put_file(r, leader, "leader", "x"), 0);
        EQUAL(put(r, link, "link", "leader"), 0);
        EQUAL(stat_of("base/link").st_nlink, 2);
        hpc_restore_free(r);
        EQUAL(unlink("base/dir") + unlink("base/link"), 0);
    }
    EQUAL(mkdir("base/dir", 0700), 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_NEVER, 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "dir", "x"), HPC_BEGIN_SKIPPED);
    CHECK(S_ISDIR(stat_of("base/dir").st_mode));
    hpc_restore_free(r);
}
