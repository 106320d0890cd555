/* Tests of the scan engine, each on a tree of its own below a temporary directory. */
#include "tree.h"

char base[64];
const char *const *excludes, *const *markers, *const *whole;
const char *const *roots_too;

/* the other files of this program */
void test_flat(void);
void test_chain(void);
void test_too_deep(void);
void test_wide(void);
void test_few_descriptors(void);
void test_unreadable(void);
void test_kinds_and_content(void);
void test_read_files(void);
void test_shards_and_since(void);
void test_file_mounts(void);
void test_changing(void);
void test_ring_and_stop(void);
void test_ring_wakes(void);
void test_fairness(void);
void test_exclude(void);
void test_whole(void);
void test_released(void);
void test_exclude_refused(void);
void test_markers(void);
void test_one_filesystem(void);
void test_xattrs(void);
void test_flags_of_opened(void);
void test_xattrs_large(void);
void test_holes(void);
void test_pace(void);
void test_control(void);
void test_backoff(void);
void test_read_ahead(void);
void test_frames(void);
void test_frames_stopped(void);
void test_stream(void);
void test_stream_refused(void);
void test_stream_stopped(void);
void test_close_fails(void);
void test_torn(void);
void test_exchanged(void);
void test_generation(void);
void test_holes_go_back(void);
void test_openers(void);
void test_openers_left(void);
void test_named_below(void);
void test_mdts(void);
void test_mdts_exchanged(void);
void test_roots_links(void);
void test_roots_own_links(void);
void test_roots_kinds(void);
void test_roots_exchanged(void);

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
    CHECK(r.count == 1 && r.at[0].head.name_len == 0 &&
          !strcmp(r.at[0].path, at("roots/dir/file")) && !strcmp(r.at[0].content, "abc"));
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
    CHECK(r.count == 1 && r.at[0].type == HPC_REC_ERROR && r.at[0].error == ENOENT &&
          r.at[0].op == HPC_OP_STAT && r.stats.failed == 1);
    drop(&r);
    remove_tree(top);
    h = start_scan((options){ .threads = 1 },
                   "/"); /* all of it would take too long: the first batch tells */
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

static void test_bad_options(void)
{
    options good = { .version = HPC_SCAN_ABI,
                     .threads = 1,
                     .since_s = INT64_MIN,
                     .ring_entries = 1,
                     .ring_bytes = 1,
                     .path_count = 1 };
    struct {
        options o;
        uint32_t len;
        char path[4];
        uint32_t excludes, markers;
    } b = { good, 4, "/etc", 0, 0 };
    int64_t size = sizeof b;

#define REFUSED(change, error) \
    do { \
        b.o = good; \
        b.len = 4; \
        memcpy(b.path, "/etc", 4); \
        b.excludes = b.markers = 0; \
        change; \
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
    CHECK(hpc_scan_next(0, NULL, 0, 0) == -EINVAL && hpc_scan_stop(0) == -EINVAL &&
          hpc_scan_free(0, 0) == -EINVAL);
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
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
#define TEST(name) { #name, test_##name }
        TEST(hash),
        TEST(fairness),
        TEST(bad_options),
        TEST(kinds_and_content),
        TEST(roots),
        TEST(read_files),
        TEST(unreadable),
        TEST(shards_and_since),
        TEST(pace),
        TEST(control),
        TEST(backoff),
        TEST(read_ahead),
        TEST(file_mounts),
        TEST(flat),
        TEST(chain),
        TEST(too_deep),
        TEST(wide),
        TEST(few_descriptors),
        TEST(changing),
        TEST(ring_and_stop),
        TEST(ring_wakes),
        TEST(exclude),
        TEST(exclude_refused),
        TEST(whole),
        TEST(released),
        TEST(markers),
        TEST(one_filesystem),
        TEST(xattrs),
        TEST(flags_of_opened),
        TEST(xattrs_large),
        TEST(holes),
        TEST(frames),
        TEST(frames_stopped),
        TEST(stream),
        TEST(stream_refused),
        TEST(stream_stopped),
        TEST(close_fails),
        TEST(torn),
        TEST(exchanged),
        TEST(generation),
        TEST(holes_go_back),
        TEST(openers),
        TEST(openers_left),
        TEST(named_below),
        TEST(mdts),
        TEST(mdts_exchanged),
        TEST(roots_links),
        TEST(roots_own_links),
        TEST(roots_kinds),
        TEST(roots_exchanged),
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
