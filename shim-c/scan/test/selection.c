/* What a scan leaves out: exclude patterns, markers, other filesystems. */
#include "tree.h"

#include <sched.h>
#include <sys/mount.h>

static const char *const names[] = {
    "a/",          "a/b/",      "a/b/c",      "a/c",          "a/bc",      "b/",       "b/c",
    "c",           "x.o",       "x.c",        "a/x.o",        "a/b/x.o",   "[x]",      "st*r",
    "back\\slash", "!bang",     "#hash",      "blank ",       "new\nline", "\xff\xfe", "deep/",
    "deep/1/",     "deep/1/2/", "deep/1/2/3", "deep/1/2/x.o", NULL,
};

/* The tree's names that are left when `list` is excluded, in order, joined by '|'. */
static void expect(const char *const *list, const char *want)
{
    char got[4096] = "", *top = at("tree");
    struct result r;

    excludes = list;
    r = scan((options){ .threads = 2 }, top);
    excludes = NULL;
    for (size_t i = 0; i < r.count; i++)
        if (strlen(r.at[i].path) > strlen(top))
            sprintf(got + strlen(got), "%s|", r.at[i].path + strlen(top) + 1);
    CHECK(!strcmp(got, want), "pattern %s: \n got %s\nwant %s", list[0], got, want);
    drop(&r);
}

#define PATTERNS(...) \
    (const char *const[]) \
    { \
        __VA_ARGS__, NULL \
    }

void test_exclude(void)
{
    const char *rest =
        "!bang|#hash|[x]|a|a/b|a/b/c|a/bc|a/c|b|b/c|back\\slash|blank |c|new\nline|st*r|\xff\xfe|";
    struct result r;
    char want[1024];

    make_dir(at("tree"));
    for (unsigned i = 0; names[i]; i++) {
        char name[64];
        size_t len = (size_t)snprintf(name, sizeof name, "tree/%s", names[i]);
        if (name[len - 1] == '/') {
            name[len - 1] = 0;
            make_dir(at(name));
        } else {
            make_file(at(name), "");
        }
    }
    expect(PATTERNS("*", "!?"), "a|a/b|a/b/c|a/c|b|b/c|c|");
    expect(PATTERNS("*", "!a"), "a|");
    expect(PATTERNS("x.*", "deep"), rest);
    expect(PATTERNS("*.[co]", "deep/"), rest);
    expect(PATTERNS("*.[!a-bd-n]", "!x.c", "x.c", "/de*p"), rest);
    expect(PATTERNS("**/x.?", "/deep/**", "/deep"), rest);
    expect(PATTERNS("/x.o", "/x.c", "a/x.o", "a/**/x.o", "deep/**/x.o", "deep/1/2/3", "deep/1/2/",
                    "deep/?/", "de?p/"),
           rest);
    snprintf(want, sizeof want, "%s",
             "!bang|#hash|[x]|a|a/b|a/b/c|a/b/x.o|a/bc|a/c|a/x.o|b|back\\slash|blank "
             "|deep|deep/1|deep/1/2|deep/1/2/3|deep/1/2/x.o|new\nline|st*r|x.c|x.o|\xff\xfe|");
    expect(PATTERNS("b/c", "/c", "/b/x", "c/"), want);
    expect(PATTERNS("a", "b/", "\\[x]", "st\\*r", "back\\\\*", "\\!b*", "#*", "* ", "*\n*",
                    "[\xf0-\xff][^a]", "deep/*/2/**", "*.o"),
           "c|deep|deep/1|deep/1/2|x.c|");
    expect(PATTERNS("/*", "!/a", "/a/*", "!/a/b/"), "a|a/b|a/b/c|a/b/x.o|");
    expect(PATTERNS("*", "![[:alpha:]]", "!x.[[:lower:]c-d]"),
           "a|a/b|a/b/c|a/b/x.o|a/c|a/x.o|b|b/c|c|x.c|x.o|");
    excludes = PATTERNS("a", "deep/1/"); /* what is below is not met, so it is not counted */
    r = scan((options){ .threads = 2 }, at("tree"));
    CHECK(r.stats.filtered_excluded == 2 && r.stats.dirs_listed == 3 && r.stats.scanned == 17,
          "%llu", (unsigned long long)r.stats.scanned);
    drop(&r);
    excludes = PATTERNS("*"); /* the path of the scan itself is never excluded */
    r = scan((options){ .shard_index = 0, .shard_count = 1 }, at("tree"));
    CHECK(r.count == 1 && r.stats.filtered_excluded == 14);
    drop(&r);
    excludes = NULL;
    remove_tree(at("tree"));
}

void test_exclude_refused(void)
{
    char many[140] = "", longest[HPC_SCAN_MAX_PATTERN + 2] = "";
    const char *const bad[] = { "",     "!",          "/",         "!/",  "a//b", "//",
                                "a//",  "[",          "[a",        "[]",  "[!",   "[a-",
                                "[a\\", "[[:nope:]]", "[[:alpha:", "a\\", "\\",   "a/[",
                                "\\/a", many,         longest,     NULL };
    const char *const good[] = { "[]]",   "[!]]",     "[^]-]", "[a-]",  "[[:alpha:]]",
                                 "[[:]",  "\\\\",     "!!",    "**",    "***/a",
                                 "a/**/", "**/**/**", "[z-a]", "a\\/b", NULL };

    for (unsigned i = 0; i <= HPC_SCAN_MAX_COMPONENTS; i++)
        strcat(many, "a/");
    strcat(many, "a");
    memset(longest, 'a', sizeof longest - 1);
    for (unsigned i = 0; bad[i]; i++) {
        excludes = PATTERNS("ok", bad[i]);
        CHECK(try_scan((options){ 0 }, "/") == -EINVAL, "%s was taken", bad[i]);
    }
    many[2 * HPC_SCAN_MAX_COMPONENTS - 1] = longest[HPC_SCAN_MAX_PATTERN] = 0;
    for (unsigned i = 0; i < 2 + sizeof good / sizeof good[0] - 1; i++) {
        int64_t h;
        excludes = PATTERNS(i == 0 ? many : i == 1 ? longest : good[i - 2]);
        h = try_scan((options){ 0 }, base);
        CHECK(h > 0, "%s was refused", excludes[0]);
        CHECK(!hpc_scan_free(h, 5000));
    }
    excludes = NULL;
    markers = PATTERNS("a/b");
    CHECK(try_scan((options){ 0 }, "/") == -EINVAL);
    markers = PATTERNS("..");
    CHECK(try_scan((options){ 0 }, "/") == -EINVAL);
    markers = PATTERNS("");
    CHECK(try_scan((options){ 0 }, "/") == -EINVAL);
    markers = NULL;
}

void test_markers(void)
{
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n# more";
    struct result r;
    char *top = at("marked");

    make_dir(top);
    for (const char *const *d = PATTERNS("cache", "liar", "short", "linked", "kept", "dangling");
         *d; d++) {
        char name[64];
        snprintf(name, sizeof name, "marked/%s", *d);
        make_dir(at(name));
        snprintf(name, sizeof name, "marked/%s/file", *d);
        make_file(at(name), "x");
    }
    make_file(at("marked/cache/CACHEDIR.TAG"), tag);
    make_file(at("marked/liar/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc56");
    make_file(at("marked/short/CACHEDIR.TAG"), "Signature: 8a47");
    CHECK(!symlink("../cache/CACHEDIR.TAG", at("marked/linked/CACHEDIR.TAG")));
    make_dir(at("marked/kept/.nobackup"));
    CHECK(!symlink("nowhere", at("marked/dangling/.nobackup")));
    r = scan((options){ 0 }, top);
    CHECK(r.count == 1 + 12 + 6 && r.stats.dirs_pruned_marker == 0);
    drop(&r);
    markers = PATTERNS("CACHEDIR.TAG");
    r = scan((options){ 0 }, top);
    CHECK(r.count == 1 + 12 + 6 - 2 && r.stats.dirs_pruned_marker == 1);
    find(&r, at("marked/cache"));
    drop(&r);
    markers = PATTERNS("CACHEDIR.TAG", ".nobackup");
    r = scan((options){ .flags = HPC_SCAN_SERIAL_DIRS }, top);
    CHECK(r.count == 1 + 12 + 6 - 6 && r.stats.dirs_pruned_marker == 3 && r.stats.dirs_listed == 4,
          "%zu", r.count);
    find(&r, at("marked/kept"));
    find(&r, at("marked/dangling"));
    drop(&r);
    r = scan((options){ 0 }, at("marked/cache"));
    CHECK(r.count == 1 && r.stats.dirs_pruned_marker == 1 && r.stats.dirs_listed == 0);
    drop(&r);
    markers = NULL;
    remove_tree(top);
}

static void scan_mounts(const char *top)
{
    struct result r;

    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", at("one/other"), "tmpfs", 0, NULL)) {
        printf("  not run, no mounts here: one filesystem\n");
        return;
    }
    make_file(at("one/other/inside"), "x");
    CHECK(!mount(at("one/dir"), at("one/same"), NULL, MS_BIND,
                 NULL)); /* the same filesystem once more */
    r = scan((options){ 0 }, top);
    CHECK(r.count == 7 && r.stats.dirs_pruned_filesystem == 0, "%zu", r.count);
    drop(&r);
    r = scan((options){ .flags = HPC_SCAN_ONE_FILESYSTEM }, top);
    CHECK(r.count == 6 && r.stats.dirs_pruned_filesystem == 1 && r.stats.dirs_listed == 3, "%zu",
          r.count);
    find(&r, at("one/other"));
    find(&r, at("one/same/file"));
    drop(&r);
}

void test_one_filesystem(void)
{
    make_dir(at("one"));
    make_dir(at("one/other"));
    make_dir(at("one/same"));
    make_dir(at("one/dir"));
    make_file(at("one/dir/file"), "x");
    in_child(scan_mounts, at("one"));
    remove_tree(at("one"));
}

static void scan_named(const char *top)
{
    const char *const below[] = { at("named/x/deep"), at("named/marked/in"), at("named/m"),
                                  at("named/alone"), NULL };
    const char *const left_out[] = { "x", "/alone", NULL }, *const marker[] = { ".nobackup", NULL };
    struct result r;

    if (geteuid() == 0) { /* else it is a directory like any other */
        CHECK(!unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
              !mount("none", at("named/m"), "tmpfs", 0, NULL));
        make_file(at("named/m/file"), "m");
        make_dir(at("named/m/x"));
    }
    roots_too = below;
    excludes = left_out;
    markers = marker;
    r = scan((options){ .flags = HPC_SCAN_ONE_FILESYSTEM }, top);
    check_unique(&r);
    CHECK(find(&r, at("named/x/deep/file")) && find(&r, at("named/marked/in/file")) &&
          find(&r, at("named/alone")));
    CHECK(find(&r, at("named/marked")) && find(&r, at("named/namesake/m")));
    if (geteuid() == 0)
        CHECK(find(&r, at("named/m/file")));
    for (size_t i = 0; i < r.count; i++)
        CHECK(strcmp(r.at[i].path, at("named/x")) && strcmp(r.at[i].path, at("named/m/x")) &&
              strcmp(r.at[i].path, at("named/marked/left")));
    drop(&r);
}

/* A path that is named itself is saved, whatever leaves it out of the walk above it, and once. */
void test_named_below(void)
{
    const char *const dirs[] = {
        "named",           "named/x", "named/x/deep",   "named/marked",
        "named/marked/in", "named/m", "named/namesake", "named/namesake/m"
    };
    const char *const files[] = { "named/x/deep/file", "named/marked/.nobackup",
                                  "named/marked/in/file", "named/marked/left", "named/alone" };

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        make_dir(at(dirs[i]));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        make_file(at(files[i]), "x");
    in_child(scan_named, at("named"));
    remove_tree(at("named"));
}
