/* Tests of the scan engine, each on a tree of its own below a temporary directory. */
#include "tree.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef SMALL_TREES /* the thread sanitizer is slow */
#define FLAT 3000u
#define DEEP 300u
#else
#define FLAT 20000u
#define DEEP 2000u
#endif

typedef struct hpc_scan_options options;

char base[64];
const char *const *excludes, *const *markers;

/* the other files of this program */
void test_fairness(void);
void test_exclude(void);
void test_exclude_refused(void);
void test_markers(void);
void test_one_filesystem(void);
void test_xattrs(void);
void test_xattrs_large(void);
void test_holes(void);
void test_pace(void);
void test_backoff(void);
void test_stream(void);
void test_stream_refused(void);
void test_stream_stopped(void);

static void test_hash(void)
{
    /* xxh3.xxh64 of @node-rs/xxhash 1.7.8, keys as 8 bytes little endian */
    static const uint64_t golden[][2] = {
        { UINT64_C(0), UINT64_C(14374147212387527897) },
        { UINT64_C(1), UINT64_C(3439722301264460078) },
        { UINT64_C(2), UINT64_C(2343778756980564547) },
        { UINT64_C(12345), UINT64_C(11234342765698724289) },
        { UINT64_C(81985529216486895), UINT64_C(13226496048068982694) },
        { UINT64_C(4294967295), UINT64_C(17303564612199222665) },
        { UINT64_C(4294967296), UINT64_C(17197929579947543131) },
        { UINT64_C(9223372036854775808), UINT64_C(9407778237848358495) },
        { UINT64_C(18446744073709551615), UINT64_C(5841669975847748627) },
    };

    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        uint64_t out;
        CHECK(hpc_hash_inodes((const uint8_t *)&golden[i][0], 1, (uint8_t *)&out) == 1);
        CHECK(out == golden[i][1], "key %zu", i);
    }
}

static void test_flat(void)
{
    char *top = at("flat");

    make_dir(top);
    for (unsigned i = 0; i < FLAT; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/a file with a name of some length %u", top, i);
        make_file(path, "");
    }
    for (unsigned threads = 1; threads <= 8; threads += 7) {
        for (unsigned flags = 0; flags <= HPC_SCAN_SERIAL_DIRS; flags += HPC_SCAN_SERIAL_DIRS) {
            struct result r = scan((options){ .threads = threads, .flags = flags }, top);
            CHECK(r.count == FLAT + 1, "%zu", r.count);
            CHECK(r.stats.dirs_listed == 1);
            check_unique(&r);
            drop(&r);
        }
    }
    remove_tree(top);
}

static void test_chain(void)
{
    const char *name = "a-component-of-thirty-two-bytes!";
    char *top = at("chain");

    make_chain(top, name, DEEP); /* 66,000 bytes of path: no system call takes it whole */
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        struct result r = scan((options){ .threads = threads, .inline_bytes = 100 }, top);
        size_t longest = 0;
        CHECK(r.count == DEEP + 2, "%zu", r.count);
        CHECK(r.stats.dirs_listed == DEEP + 1);
        check_unique(&r);
        for (size_t i = 0; i < r.count; i++)
            longest = r.at[i].path_len > longest ? r.at[i].path_len : longest;
        CHECK(longest == strlen(top) + DEEP * (strlen(name) + 1) + strlen("/leaf"));
        CHECK(r.stats.fds_peak <= 3 * threads + 2, "%llu", (unsigned long long)r.stats.fds_peak);
        if (threads == 1) { /* the deepest file by its whole path */
            const struct seen *leaf = &r.at[r.count - 1];
            int64_t fd = hpc_open((const uint8_t *)leaf->path, (int64_t)leaf->path_len, O_RDONLY);
            struct stat st;
            CHECK(fd >= 0, "%s", strerror((int)-fd));
            CHECK(!fstat((int)fd, &st) && st.st_ino == leaf->head.ino);
            close((int)fd);
        }
        drop(&r);
    }
    remove_tree(top);
}

/* A path of more than HPC_SCAN_MAX_PATH bytes: said, and the scan goes on. */
static void test_too_deep(void)
{
    char name[251], *top = at("deeper");
    unsigned levels = HPC_SCAN_MAX_PATH / 251 + 3;
    struct result r;
    size_t errors = 0;

    memset(name, 'x', 250);
    name[250] = 0;
    make_chain(top, name, levels);
    r = scan((options){ .threads = 2 }, top);
    for (size_t i = 0; i < r.count; i++)
        if (r.at[i].type == HPC_REC_ERROR) {
            CHECK(r.at[i].error == ENAMETOOLONG && r.at[i].op == HPC_OP_OPENDIR);
            errors++;
        }
    CHECK(errors == 1);
    CHECK(r.stats.handed_out > HPC_SCAN_MAX_PATH / 251 - 2 && r.stats.handed_out <= levels);
    drop(&r);
    remove_tree(top);
}

/* Sub-directories side by side and nested, more than one step of listing at each level. */
static unsigned make_wide(const char *top, unsigned width, unsigned levels)
{
    unsigned made = 1;

    make_dir(top);
    for (unsigned i = 0; i < width; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/sub-directory-number-%u", top, i);
        if (levels > 1 && i == width / 2) {
            made += make_wide(path, width, levels - 1);
        } else {
            make_dir(path);
            made++;
        }
    }
    return made;
}

static void test_wide(void)
{
    char *top = at("wide");
    unsigned made = make_wide(top, FLAT / 10, 5);

    for (unsigned threads = 1; threads <= 8; threads += 7) {
        for (unsigned flags = 0; flags <= HPC_SCAN_SERIAL_DIRS; flags += HPC_SCAN_SERIAL_DIRS) {
            struct result r = scan((options){ .threads = threads, .flags = flags }, top);
            CHECK(r.count == made && r.stats.dirs_listed == made, "%zu %u", r.count, made);
            check_unique(&r);
#ifdef BACKLOG_MAX
            /* with the bound at 32 and 4 KiB steps, not even one level's directories are ever all known at once */
            CHECK(r.stats.pending_peak < FLAT / 10, "%llu pending", (unsigned long long)r.stats.pending_peak);
#endif
            drop(&r);
        }
    }
    remove_tree(top);
}

static void small_limit(rlim_t files)
{
    struct rlimit limit = { files, files };

    CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
}

static void in_child(void (*body)(const char *), const char *arg)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        body(arg);
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0, "in the child, status %x", status);
}

static unsigned few_made;

static void scan_with_few(const char *top)
{
    small_limit(20);
    for (unsigned flags = 0; flags <= HPC_SCAN_SERIAL_DIRS; flags += HPC_SCAN_SERIAL_DIRS) {
        struct result r = scan((options){ .threads = 16, .flags = flags, .inline_bytes = 10 }, top);
        CHECK(r.count == few_made && r.stats.dirs_failed == 0, "%zu of %u", r.count, few_made);
        CHECK(r.stats.fds_peak <= 14, "%llu", (unsigned long long)r.stats.fds_peak);
        check_unique(&r);
        drop(&r);
    }
}

static void test_few_descriptors(void)
{
    char *top = at("few");

    few_made = make_wide(top, FLAT / 10, 4);
    in_child(scan_with_few, top);
    remove_tree(top);
}

static void scan_unprivileged(const char *top)
{
    char path[4096];
    struct result r;

    CHECK(!setgid(65534) && !setuid(65534));
    r = scan((options){ .inline_bytes = 100 }, top);
    snprintf(path, sizeof path, "%s/open/readable", top);
    CHECK(!strcmp(find(&r, path)->content, "hello")); /* O_NOATIME is refused to us: read all the same */
    snprintf(path, sizeof path, "%s/open/secret", top);
    CHECK(find(&r, path)->error == EACCES && find(&r, path)->content_len == HPC_CONTENT_NONE);
    CHECK(r.stats.dirs_failed == 1 && r.stats.dirs_listed == 2 && r.stats.handed_out == 5);
    for (size_t i = 0; i < r.count; i++)
        if (r.at[i].type == HPC_REC_ERROR)
            CHECK(r.at[i].error == EACCES && r.at[i].op == HPC_OP_OPENDIR && strstr(r.at[i].path, "/closed"));
    drop(&r);
}

static void test_unreadable(void)
{
    char *top = at("unreadable");

    make_dir(top);
    make_dir(at("unreadable/open"));
    make_dir(at("unreadable/closed"));
    make_file(at("unreadable/open/readable"), "hello");
    make_file(at("unreadable/open/secret"), "hidden");
    CHECK(!chmod(at("unreadable/open/secret"), 0600) && !chmod(at("unreadable/closed"), 0700));
    if (geteuid() == 0)
        in_child(scan_unprivileged, top);
    remove_tree(top);
}

static void test_kinds_and_content(void)
{
    char *top = at("kinds"), *big = malloc(70000);
    struct result r;
    const struct seen *s;

    memset(big, 'b', 70000);
    big[65537] = 0;
    make_dir(top);
    make_file(at("kinds/empty"), "");
    make_file(at("kinds/small"), "content");
    make_file(at("kinds/over"), big);
    big[65536] = 0;
    make_file(at("kinds/full"), big);
    make_file(at("kinds/new\nline\xff"), "x");
    CHECK(!link(at("kinds/small"), at("kinds/second")));
    CHECK(!symlink("a target\n\xfe", at("kinds/link")));
    CHECK(!mkfifo(at("kinds/fifo"), 0600));
    r = scan((options){ .inline_bytes = 65536 }, top);
    CHECK(r.count == 9);
    s = find(&r, at("kinds/small"));
    CHECK(s->content_len == 7 && !strcmp(s->content, "content") && s->head.kind == HPC_REGULAR && s->head.nlink == 2);
    CHECK(find(&r, at("kinds/second"))->head.ino == s->head.ino);
    CHECK(find(&r, at("kinds/empty"))->content_len == 0);
    CHECK(find(&r, at("kinds/full"))->content_len == 65536 && !strcmp(find(&r, at("kinds/full"))->content, big));
    CHECK(find(&r, at("kinds/over"))->content_len == HPC_CONTENT_NONE && find(&r, at("kinds/over"))->head.size == 65537);
    CHECK(find(&r, at("kinds/new\nline\xff"))->content_len == 1);
    CHECK(!strcmp(find(&r, at("kinds/link"))->link, "a target\n\xfe") && find(&r, at("kinds/link"))->head.kind == HPC_SYMLINK);
    CHECK(find(&r, at("kinds/fifo"))->head.kind == HPC_FIFO && find(&r, at("kinds/fifo"))->content_len == HPC_CONTENT_NONE);
    CHECK(find(&r, top)->head.kind == HPC_DIRECTORY && find(&r, top)->head.name_len == 0);
    CHECK(r.stats.content_bytes == 7 + 7 + 65536 + 1);
    drop(&r);
    r = scan((options){ .inline_bytes = 0 }, top);
    CHECK(r.count == 9 && r.stats.content_bytes == 0 && find(&r, at("kinds/empty"))->content_len == HPC_CONTENT_NONE);
    drop(&r);
    remove_tree(top);
    free(big);
}

static void test_roots(void)
{
    struct result r;
    char *top = at("roots");
    uint8_t *buf = malloc(HPC_SCAN_MIN_CAP);
    int64_t h, n;

    make_dir(top);
    make_dir(at("roots/dir"));
    make_file(at("roots/dir/file"), "abc");
    CHECK(!symlink("dir", at("roots/to-dir")));
    r = scan((options){ .inline_bytes = 10 }, at("roots/dir/file"));
    CHECK(r.count == 1 && r.at[0].head.name_len == 0 && !strcmp(r.at[0].path, at("roots/dir/file")) && !strcmp(r.at[0].content, "abc"));
    drop(&r);
    r = scan((options){ 0 }, at("roots/to-dir"));
    CHECK(r.count == 2 && find(&r, at("roots/to-dir"))->head.kind == HPC_DIRECTORY);
    find(&r, at("roots/to-dir/file"));
    drop(&r);
    r = scan((options){ 0 }, at("roots/dir///"));
    find(&r, at("roots/dir"));
    find(&r, at("roots/dir/file"));
    drop(&r);
    r = scan((options){ 0 }, at("roots/absent"));
    CHECK(r.count == 1 && r.at[0].type == HPC_REC_ERROR && r.at[0].error == ENOENT && r.at[0].op == HPC_OP_STAT && r.stats.failed == 1);
    drop(&r);
    remove_tree(top);
    h = start_scan((options){ .threads = 1 }, "/"); /* all of it would take too long: the first batch tells */
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) == -EAGAIN)
        ;
    memset(&r, 0, sizeof r);
    CHECK(n > 0);
    read_batch(&r, buf, (size_t)n);
    CHECK(!strcmp(r.at[0].path, "/") && r.at[0].head.name_len == 0);
    for (size_t i = 1; i < r.count; i++)
        CHECK(r.at[i].path[0] == '/' && r.at[i].path[1] != '/');
    CHECK(hpc_scan_free(h, 5000) == 0);
    drop(&r);
    free(buf);
}

static void test_shards_and_since(void)
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
        CHECK(r.stats.scanned == 402 && r.stats.filtered_shard == 402 - r.stats.handed_out && r.stats.dirs_listed == 2);
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
    r = scan((options){ .since_s = INT64_MAX, .flags = HPC_SCAN_KEEP_OLDER, .inline_bytes = 10 }, top);
    CHECK(r.count == 402 && find(&r, at("shards/0"))->head.flags == HPC_ENTRY_OLDER && r.stats.content_bytes == 0);
    CHECK(find(&r, at("shards/0"))->content_len == HPC_CONTENT_NONE);
    drop(&r);
    remove_tree(top);
}

/* A file mounted on a file: readdir tells the inode below, stat the one above. It must not fall between two shards. */
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
    for (unsigned proc = 1; proc <= 2; proc++) { /* the second time there is no /proc to ask what is mounted */
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

static void test_file_mounts(void)
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

static _Atomic bool changing;

/* Makes, fills, renames, replaces and removes, as fast as it can. */
static void *change(void *arg)
{
    unsigned turn = 0;

    (void)arg;
    while (atomic_load(&changing)) {
        char d[128], f[160], e[128];
        unsigned n = turn++ % 40;
        snprintf(d, sizeof d, "%s/changing/d%u", base, n);
        snprintf(f, sizeof f, "%s/f", d);
        snprintf(e, sizeof e, "%s/changing/e%u", base, n);
        mkdir(d, 0755);
        close(open(f, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        if (turn % 3 == 0 && !truncate(f, 5))
            rename(f, e);
        unlink(f);
        rmdir(d);
        if (turn % 2 == 0 && symlink("/etc", d))
            continue;
        unlink(d);
        close(open(d, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        unlink(d);
        unlink(e);
    }
    return NULL;
}

static void test_changing(void)
{
    char *top = at("changing");
    pthread_t thread;

    make_dir(top);
    for (unsigned i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof name, "changing/stays%u", i);
        make_file(at(name), "stays");
    }
    atomic_store(&changing, true);
    CHECK(!pthread_create(&thread, NULL, change, NULL));
    for (unsigned i = 0; i < 150; i++) {
        struct result r = scan((options){ .threads = 4, .inline_bytes = 100 }, top);
        unsigned stays = 0;
        for (size_t j = 0; j < r.count; j++) {
            stays += strstr(r.at[j].path, "/stays") != NULL;
            CHECK(r.at[j].type == HPC_REC_ENTRY, "%s: %s", r.at[j].path, strerror(r.at[j].error));
            CHECK(r.at[j].error == 0 || r.at[j].error == ESTALE, "%s: %s", r.at[j].path, strerror(r.at[j].error));
            CHECK(!strstr(r.at[j].path, "passwd"), "a symlink was followed");
        }
        CHECK(stays == 200, "%u", stays);
        drop(&r);
    }
    atomic_store(&changing, false);
    pthread_join(thread, NULL);
    remove_tree(top);
}

static void *stop_later(void *handle)
{
    hpc_scan_stop(*(int64_t *)handle);
    return NULL;
}

static void test_ring_and_stop(void)
{
    char *top = at("ring");
    uint8_t *buf = malloc(HPC_SCAN_MIN_CAP);
    struct hpc_scan_stats st;
    pthread_t thread;
    double begin;
    int64_t h, n;

    make_dir(top);
    for (unsigned i = 0; i < 3000; i++) {
        char name[64];
        snprintf(name, sizeof name, "ring/%u", i);
        make_file(at(name), "");
    }
    h = start_scan((options){ .threads = 4, .ring_entries = 8 }, top);
    CHECK(hpc_scan_next(h, buf, 100, 0) == -EINVAL);
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) == -EAGAIN)
        ;
    CHECK(n > 0);
    /* the ring holds 8 and each thread a few: nobody gets far while we do not read */
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    CHECK(st.handed_out < 200, "%llu", (unsigned long long)st.handed_out);
    begin = now();
    CHECK(!hpc_scan_stop(h));
    CHECK(hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000) == -ECANCELED);
    CHECK(!hpc_scan_free(h, 5000));
    CHECK(now() - begin < 1.0);

    h = start_scan((options){ .threads = 1, .ring_entries = 1 }, top); /* and it still comes to an end */
    n = 1;
    for (unsigned batches = 0; n != 0; batches++) {
        n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000);
        CHECK(n >= 0 || n == -EAGAIN);
    }
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    CHECK(st.handed_out == 3001);
    CHECK(!hpc_scan_free(h, 5000));

    for (unsigned i = 0; i < 50; i++) { /* stop at any moment, from another thread, and free what is under way */
        h = start_scan((options){ .threads = 3, .ring_entries = 64 }, top);
        CHECK(!pthread_create(&thread, NULL, stop_later, &h));
        while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 100)) > 0)
            ;
        CHECK(n == -ECANCELED || n == 0 || n == -EAGAIN);
        pthread_join(thread, NULL);
        CHECK(!hpc_scan_free(h, 5000));
    }
    free(buf);
    remove_tree(top);
}

static size_t put_request(uint8_t *to, const char *path, uint32_t max)
{
    uint32_t head[2] = { (uint32_t)strlen(path), max };

    memcpy(to, head, sizeof head);
    memcpy(to + 8, path, head[0]);
    return 8 + ((head[0] + 7u) & ~7u);
}

static void test_read_files(void)
{
    uint8_t requests[4096] = { 0 }, out[256];
    uint64_t used = 0;
    int32_t answer[2];
    size_t len = 0;

    make_dir(at("files"));
    make_file(at("files/a"), "hello");
    make_file(at("files/b"), "");
    len += put_request(requests + len, at("files/a"), 5);
    len += put_request(requests + len, at("files/a"), 4);
    len += put_request(requests + len, at("files"), 5);
    len += put_request(requests + len, at("files/none"), 5);
    len += put_request(requests + len, at("files/b"), 5);
    CHECK(hpc_read_files(requests, (int64_t)len, out, sizeof out, (uint8_t *)&used) == 5 && used == 48);
    static const int32_t want[5][2] = { { 0, 5 }, { EFBIG, 0 }, { EINVAL, 0 }, { ENOENT, 0 }, { 0, 0 } };
    for (size_t i = 0, pos = 0; i < 5; i++) {
        memcpy(answer, out + pos, sizeof answer);
        CHECK(answer[0] == want[i][0] && answer[1] == want[i][1], "answer %zu: %d", i, answer[0]);
        pos += 8 + (((size_t)answer[1] + 7) & ~(size_t)7);
    }
    CHECK(!memcmp(out + 8, "hello\0\0\0", 8));
    CHECK(hpc_read_files(requests, (int64_t)len, out, 12, (uint8_t *)&used) == 0 && used == 0); /* no room for five bytes */
    CHECK(hpc_read_files(requests, (int64_t)len, out, 16, (uint8_t *)&used) == 1 && used == 16);
    CHECK(hpc_read_files(requests, (int64_t)len, out, 13, (uint8_t *)&used) == 1 && used == 13); /* 8 + max suffice, without padding */
    CHECK(hpc_read_files(requests, 20, out, sizeof out, (uint8_t *)&used) == -EINVAL);
    CHECK(hpc_open((const uint8_t *)"/etc\0x", 6, O_RDONLY) == -EINVAL);
    CHECK(hpc_open((const uint8_t *)"/nonexistent", 12, O_RDONLY) == -ENOENT);
    remove_tree(at("files"));
}

static void test_bad_options(void)
{
    options good = { .version = HPC_SCAN_ABI, .threads = 1, .since_s = INT64_MIN, .ring_entries = 1, .ring_bytes = 1, .path_count = 1 };
    struct { options o; uint32_t len; char path[4]; uint32_t excludes, markers; } b = { good, 4, "/etc", 0, 0 };
    int64_t size = sizeof b;

#define REFUSED(change, error)                                                \
    do {                                                                      \
        b.o = good;                                                           \
        b.len = 4;                                                            \
        memcpy(b.path, "/etc", 4);                                            \
        b.excludes = b.markers = 0;                                           \
        change;                                                               \
        CHECK(hpc_scan_start((const uint8_t *)&b, size) == -(error), #change); \
    } while (0)
    CHECK(sizeof b == sizeof good + 16);
    REFUSED(b.o.version = 1, EINVAL);
    REFUSED(b.o.threads = 0, EINVAL);
    REFUSED(b.o.threads = 513, EINVAL);
    REFUSED(b.o.path_count = 0, EINVAL);
    REFUSED(b.o.path_count = 2, EINVAL);
    REFUSED(b.o.flags = 1u << 9, EINVAL);
    REFUSED(b.o.inline_bytes = HPC_SCAN_MAX_INLINE + 1, EINVAL);
    REFUSED((b.o.shard_count = 4, b.o.shard_index = 4), EINVAL);
    REFUSED(b.len = 5, EINVAL);
    REFUSED(b.len = 0, EINVAL);
    REFUSED(b.path[1] = 0, EINVAL);
    REFUSED(b.excludes = 1, EINVAL);
    REFUSED(b.markers = 1, EINVAL);
    CHECK(hpc_scan_start((const uint8_t *)&b, size - 4) == -EINVAL);
    CHECK(hpc_scan_next(0, NULL, 0, 0) == -EINVAL && hpc_scan_stop(0) == -EINVAL && hpc_scan_free(0, 0) == -EINVAL);
}

static pid_t owner;

static void clean_up(void)
{
    if (getpid() == owner) /* not a child's affair */
        remove_tree(base);
}

/* An argument is the directory to work in. */
int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
#define TEST(name) { #name, test_##name }
        TEST(hash), TEST(fairness), TEST(bad_options), TEST(kinds_and_content), TEST(roots), TEST(read_files), TEST(unreadable),
        TEST(shards_and_since), TEST(pace), TEST(backoff), TEST(file_mounts), TEST(flat), TEST(chain), TEST(too_deep), TEST(wide), TEST(few_descriptors),
        TEST(changing), TEST(ring_and_stop), TEST(exclude), TEST(exclude_refused), TEST(markers), TEST(one_filesystem), TEST(xattrs),
        TEST(xattrs_large), TEST(holes), TEST(stream), TEST(stream_refused), TEST(stream_stopped),
    };
    const char *tmp = argc > 1 ? argv[1] : access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

    snprintf(base, sizeof base, "%s/hpc-scan-XXXXXX", tmp);
    CHECK(mkdtemp(base));
    CHECK(!chmod(base, 0755));
    owner = getpid();
    CHECK(!atexit(clean_up));
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        double begin = now();
        tests[i].run();
        printf("  %-20s %.2f s\n", tests[i].name, now() - begin);
        fflush(stdout);
    }
    return 0;
}
