/* What a shard, and an incremental, leaves to others. */
#include "tree.h"

#include <sched.h>
#include <sys/mount.h>

void test_shards_and_since(void)
{
    char *top = at("shards");
    uint64_t all = 0;
    struct result r;
    struct timespec long_ago[2] = { { 1000, 0 }, { 1000, 0 } };

    make_dir(top);
    make_dir(at("shards/dir"));
    for (unsigned i = 0; i < 400; i++) {
        char name[64];
        snprintf(name, sizeof name, "shards/%s%u", i % 2 ? "dir/" : "", i);
        make_file(at(name), "1");
    }
    for (uint32_t k = 0; k < 4; k++) {
        r = scan((options){ .shard_index = k, .shard_count = 4, .inline_bytes = 10 }, top);
        CHECK(r.stats.scanned == 402 && r.stats.filtered_shard == 402 - r.stats.handed_out &&
              r.stats.dirs_listed == 2);
        CHECK(r.stats.handed_out > 50 && r.stats.handed_out < 150);
        for (size_t i = 0; i < r.count; i++) {
            uint64_t hash;
            hpc_hash_inodes((const uint8_t *)&r.at[i].head.ino, 1, (uint8_t *)&hash);
            CHECK(hash % 4 == k);
        }
        all += r.stats.handed_out;
        drop(&r);
    }
    CHECK(all == 402); /* each inode hashes to one shard, so they do not overlap */
    /* ctime cannot be set back: an old mtime alone does not make an entry older */
    CHECK(!utimensat(AT_FDCWD, at("shards/0"), long_ago, 0));
    r = scan((options){ .since_s = 2000 }, top);
    CHECK(r.count == 402);
    drop(&r);
    r = scan((options){ .since_s = INT64_MAX }, top);
    CHECK(r.count == 0 && r.stats.filtered_older == 402 && r.stats.dirs_listed == 2);
    drop(&r);
    r = scan((options){ .since_s = INT64_MAX, .flags = HPC_SCAN_KEEP_OLDER, .inline_bytes = 10 },
             top);
    CHECK(r.count == 402 && find(&r, at("shards/0"))->head.flags == HPC_ENTRY_OLDER &&
          r.stats.content_bytes == 0);
    CHECK(find(&r, at("shards/0"))->content_len == HPC_CONTENT_NONE);
    drop(&r);
    remove_tree(top);
}

/* A file mounted on a file: readdir tells the inode below, stat the one above. It must not fall
 * between two shards. */
static void scan_file_mounts(const char *top)
{
    char from[4096], to[4096];
    uint64_t all = 0;

    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        printf("  not run, no mount namespace here: file mounts\n");
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        snprintf(from, sizeof from, "%s/from/%u", top, i);
        snprintf(to, sizeof to, "%s/to/%u", top, i);
        CHECK(!mount(from, to, NULL, MS_BIND, NULL), "%s", strerror(errno));
    }
    snprintf(to, sizeof to, "%s/to", top);
    for (unsigned proc = 1; proc <= 2;
         proc++) { /* the second time there is no /proc to ask what is mounted */
        for (uint32_t k = 0; k < 4; k++) {
            struct result r = scan((options){ .shard_index = k, .shard_count = 4 }, to);
            all += r.stats.handed_out;
            drop(&r);
        }
        CHECK(all == 17 * proc, "%llu", (unsigned long long)all);
        CHECK(proc == 2 || !mount("none", "/proc", "tmpfs", 0, NULL), "%s", strerror(errno));
    }
    CHECK(!umount("/proc")); /* the leak checker wants it back */
}

void test_file_mounts(void)
{
    char *top = at("mounts"), name[64];

    make_dir(top);
    make_dir(at("mounts/from"));
    make_dir(at("mounts/to"));
    for (unsigned i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "mounts/from/%u", i);
        make_file(at(name), "above");
        snprintf(name, sizeof name, "mounts/to/%u", i);
        make_file(at(name), "below");
    }
    in_child(scan_file_mounts, top);
    remove_tree(top);
}
