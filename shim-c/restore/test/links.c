/* Hard links whose leader comes later, never, is kept, or is missing. */
#include "test.h"
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static struct hpc_entry_head leader_head(void)
{
    struct hpc_entry_head h = entry(S_IFREG | 0644, 3);
    h.nlink = 3;
    h.uid = h.gid = geteuid() ? getegid() : 1234;
    h.uid = geteuid() ? geteuid() : 1234;
    return h;
}

static struct hpc_entry_head link_head(void)
{
    struct hpc_entry_head h = leader_head();
    h.flags = HPC_ENTRY_LINK;
    return h;
}

static char failures[4096];
static void note(void *context, const char *path, size_t len, const char *link, size_t link_len,
                 int error)
{
    (void)context;
    size_t at = strlen(failures);
    snprintf(failures + at, sizeof failures - at, "%.*s %.*s %s\n", (int)len, path, (int)link_len,
             link, strerrorname_np(error));
}

void links_before_their_leader(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    hpc_restore_on_failure(r, note, NULL);
    write_file("base/old", "from another time");
    EQUAL(put(r, link_head(), "dir/early", "sub/leader"), 0);
    EQUAL(put(r, link_head(), "early", "sub/leader"), 0);
    EQUAL(put(r, link_head(), "lost", "never"), 0);
    EQUAL(put(r, link_head(), "wrong", "old"), 0);
    CHECK(!exists("base/early"));
    EQUAL(stats_of(r).hardlinks, 0);
    EQUAL(put(r, entry(S_IFDIR | 0700, 0), "sub", NULL), 0);
    EQUAL(put_file(r, leader_head(), "sub/leader", "abc"), 0);
    EQUAL(put(r, link_head(), "late", "sub/leader"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "dir", NULL), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/sub/leader").st_nlink, 4);
    EQUAL(stat_of("base/dir/early").st_ino, stat_of("base/sub/leader").st_ino);
    EQUAL(stat_of("base/dir").st_mtim.tv_sec,
          1000); /* the links were made before directories got their times */
    EQUAL(stats_of(r).hardlinks, 3);
    EQUAL(stats_of(r).failed, 2);
    EQUAL(strcmp(failures, "lost never ENOENT\nwrong old EEXIST\n"), 0);
    CHECK(!exists("base/lost") && !exists("base/wrong"));
    EQUAL(stat_of("base/old").st_nlink, 1);
    hpc_restore_free(r);
}

/* A cancelled restore makes no more of them, and counts them. */
void late_links_of_a_cancelled_restore(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, link_head(), "a", "leader"), 0);
    EQUAL(put(r, link_head(), "b", "leader"), 0);
    hpc_restore_cancel(r);
    EQUAL(hpc_restore_finish(r), -ECANCELED);
    EQUAL(stats_of(r).failed, 2);
    hpc_restore_free(r);
}

/* A whole group, as an archive has it. */
static struct hpc_restore *put_group(enum hpc_replace rule)
{
    struct hpc_restore *r = open_core(rule, 0);
    failures[0] = 0;
    hpc_restore_on_failure(r, note, NULL);
    put_file(r, leader_head(), "a", "abc");
    put(r, link_head(), "b", "a");
    put(r, link_head(), "c", "a");
    EQUAL(hpc_restore_finish(r), 0);
    return r;
}

/* Whichever name of a file is missing, it becomes a link of the others again, and those count as
 * skipped. */
void missing_names_of_kept_files(void)
{
    static const enum hpc_replace rules[] = { HPC_REPLACE_NEVER, HPC_REPLACE_NEWER,
                                              HPC_REPLACE_OLDER };
    static const char *const names[] = { "base/a", "base/b", "base/c" };
    for (int rule = 0; rule < 3; rule++) {
        for (int missing = 0; missing < 3; missing++) {
            hpc_restore_free(put_group(HPC_REPLACE_ALWAYS));
            EQUAL(unlink(names[missing]), 0);
            struct hpc_restore *r = put_group(rules[rule]);
            for (int i = 0; i < 3; i++)
                EQUAL(stat_of(names[i]).st_nlink, 3);
            EQUAL(stats_of(r).skipped, 2);
            EQUAL(stats_of(r).files + stats_of(r).hardlinks, 1);
            EQUAL(stats_of(r).failed, 0);
            hpc_restore_free(r);
            r = put_group(rules[rule]);
            EQUAL(stats_of(r).skipped, 3);
            EQUAL(stats_of(r).files + stats_of(r).hardlinks, 0);
            hpc_restore_free(r);
        }
    }
    EQUAL(leftovers("base"), 0);
}

/* A file of the user's own under one of the names is neither linked to nor replaced. */
void other_files_are_not_linked_to(void)
{
    static const char *const names[] = { "base/a", "base/b", "base/c" };
    for (int mine = 0; mine < 3; mine++) {
        write_file(names[mine], "mine");
        struct hpc_restore *r = put_group(HPC_REPLACE_NEVER);
        content_is(names[mine], "mine");
        EQUAL(stat_of(names[mine]).st_nlink, 1);
        for (int i = 0; i < 3; i++)
            if (i != mine)
                content_is(names[i], "abc");
        EQUAL(stats_of(r).failed, 0);
        EQUAL(stats_of(r).skipped, 1);
        hpc_restore_free(r);
        EQUAL(leftovers("base"), 0);
        for (int i = 0; i < 3; i++)
            unlink(names[i]);
    }
}

/* Something that cannot be removed stands in the leader's place: that costs this name, and no
 * other. */
void names_of_a_file_whose_place_is_taken(void)
{
    EQUAL(mkdir("base/a", 0700), 0);
    write_file("base/a/full", "x");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put_file(r, leader_head(), "a", "abc"), -EISDIR);
    EQUAL(put(r, link_head(), "b", "a"), 0);
    EQUAL(put(r, link_head(), "c", "a"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    content_is("base/b", "abc");
    EQUAL(stat_of("base/c").st_nlink, 2);
    EQUAL(stats_of(r).failed, 1);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* Reads of a file, as the core makes them: the first large one cancels the restore. */
static struct hpc_restore *cancel_at_read;
static int large_reads;
ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    if (cancel_at_read && len >= 65536 && large_reads++ == 0)
        hpc_restore_cancel(cancel_at_read);
    return syscall(SYS_pread64, fd, data, len, at);
}

void comparison_of_a_cancelled_restore(void)
{
    struct hpc_entry_head h = leader_head(), link = link_head();
    h.size = link.size = 1ull << 32;
    h.blocks = 0;
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    for (int second = 0; second < 2; second++) {
        EQUAL(hpc_restore_begin(r, &h, "a", 1, NULL, 0), HPC_BEGIN_DATA);
        EQUAL(hpc_restore_write(r, h.size, NULL, 0), 0);
        EQUAL(hpc_restore_end(r, 1), 0);
        if (second)
            break;
        EQUAL(rename("base/a", "base/b"), 0);
        hpc_restore_free(r);
        r = open_core(HPC_REPLACE_NEVER, 0);
    }
    cancel_at_read = r;
    EQUAL(put(r, link, "b", "a"), HPC_BEGIN_SKIPPED);
    CHECK(large_reads > 0 && large_reads <= 2);
    cancel_at_read = NULL;
    EQUAL(hpc_restore_finish(r), -ECANCELED);
    hpc_restore_free(r);
}

enum { STASHERS = 4, STASHES = 300 };
struct stasher {
    struct hpc_restore *r;
    int number;
    pthread_t thread;
};

static void *stash_files(void *arg)
{
    struct stasher *s = arg;
    struct hpc_restore_entry *e = hpc_entry_new(s->r);
    struct hpc_entry_head h = leader_head();
    CHECK(e);
    h.flags |= HPC_ENTRY_HAS_DATA;
    for (int i = 0; i < STASHES; i++) {
        char name[32];
        snprintf(name, sizeof name, "taken%d.%d", s->number, i);
        EQUAL(hpc_entry_begin(e, &h, name, strlen(name), NULL, 0), HPC_BEGIN_DATA);
        EQUAL(hpc_entry_write(e, 0, "abc", 3), 0);
        EQUAL(hpc_entry_end(e, 1), HPC_BEGIN_SKIPPED);
    }
    hpc_entry_free(e);
    return NULL;
}

/* Files that are there for their other names only, from many writers: all of them go at the end. */
void many_stashes(void)
{
    struct stasher stashers[STASHERS];
    for (int i = 0; i < STASHERS * STASHES; i++) {
        char name[64];
        snprintf(name, sizeof name, "base/taken%d.%d", i / STASHES, i % STASHES);
        write_file(name, "another");
    }
    struct hpc_restore *r = open_core(HPC_REPLACE_NEVER, 0);
    for (int i = 0; i < STASHERS; i++) {
        stashers[i] = (struct stasher){ .r = r, .number = i };
        EQUAL(pthread_create(&stashers[i].thread, NULL, stash_files, &stashers[i]), 0);
    }
    for (int i = 0; i < STASHERS; i++)
        EQUAL(pthread_join(stashers[i].thread, NULL), 0);
    EQUAL(leftovers("base"), STASHERS * STASHES);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}

/* A server that takes root for somebody else (root_squash): nothing of our own use stays behind. */
void as_somebody_else(void)
{
    if (geteuid() != 0)
        skip("only root is taken for somebody else");
    EQUAL(mkdir("base/shared", 0777) + chmod("base/shared", 0777), 0);
    setfsuid(1234);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put(r, entry(S_IFIFO | 0644, 0), "shared/fifo", NULL), 0);
    EQUAL(put(r, entry(S_IFDIR | 0755, 0), "shared/dir", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 3), "shared/dir/file", "abc"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    hpc_restore_free(r);
    setfsuid(0);
    content_is("base/shared/dir/file", "abc");
    EQUAL(leftovers("base"), 0);
}
