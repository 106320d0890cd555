/* Trees of extreme shapes: flat, deep, wide, and with few descriptors to walk them by. */
#include "tree.h"

#include <sys/resource.h>

#ifdef SMALL_TREES /* the thread sanitizer is slow */
#define FLAT 3000u
#define DEEP 300u
#else
#define FLAT 20000u
#define DEEP 2000u
#endif

void test_flat(void)
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

void test_chain(void)
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
void test_too_deep(void)
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

void test_wide(void)
{
    char *top = at("wide");
    unsigned made = make_wide(top, FLAT / 10, 5);

    for (unsigned threads = 1; threads <= 8; threads += 7) {
        for (unsigned flags = 0; flags <= HPC_SCAN_SERIAL_DIRS; flags += HPC_SCAN_SERIAL_DIRS) {
            struct result r = scan((options){ .threads = threads, .flags = flags }, top);
            CHECK(r.count == made && r.stats.dirs_listed == made, "%zu %u", r.count, made);
            check_unique(&r);
#ifdef BACKLOG_MAX
            /* with the bound at 32 and 4 KiB steps, not even one level's directories are ever all
             * known at once */
            CHECK(r.stats.pending_peak < FLAT / 10, "%llu pending",
                  (unsigned long long)r.stats.pending_peak);
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

static unsigned few_made;

static void scan_with_few(const char *top)
{
    small_limit(20);
    for (unsigned flags = 0; flags <= HPC_SCAN_SERIAL_DIRS; flags += HPC_SCAN_SERIAL_DIRS) {
        struct result r = scan(
            (options){ .threads = 16, .flags = flags | HPC_SCAN_READ_AHEAD, .inline_bytes = 10 },
            top);
        CHECK(r.count == few_made && r.stats.dirs_failed == 0, "%zu of %u", r.count, few_made);
        CHECK(r.stats.fds_peak <= 14, "%llu", (unsigned long long)r.stats.fds_peak);
        check_unique(&r);
        drop(&r);
    }
}

void test_few_descriptors(void)
{
    char *top = at("few");

    few_made = make_wide(top, FLAT / 10, 4);
    in_child(scan_with_few, top);
    remove_tree(top);
}
