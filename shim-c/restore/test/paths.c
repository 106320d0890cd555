#include "test.h"

/* "name/name/…" of `levels` components of `width` bytes. */
static char *deep(size_t levels, size_t width, const char *last)
{
    char *path = malloc(levels * (width + 1) + strlen(last) + 1);
    CHECK(path);
    char *at = path;
    for (size_t i = 0; i < levels; i++) {
        memset(at, 'a' + (int)(i % 26), width);
        at[width] = '/';
        at += width + 1;
    }
    strcpy(at, last);
    return path;
}

/* Opens a long path the plain way, one component at a time. */
static int open_deep(const char *path)
{
    int dir = open("base", O_RDONLY | O_DIRECTORY);
    char name[300];
    for (;;) {
        const char *slash = strchr(path, '/');
        if (!slash)
            break;
        memcpy(name, path, (size_t)(slash - path));
        name[slash - path] = 0;
        int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        close(dir);
        if (next < 0)
            return -1;
        dir = next;
        path = slash + 1;
    }
    int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW);
    close(dir);
    return fd;
}

void deep_paths(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct {
        size_t levels, width;
    } shapes[] = { { 200, 255 }, { 5000, 1 }, { 1, 255 }, { 17, 240 }, { 2048, 1 } };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char *file = deep(shapes[i].levels, shapes[i].width, "file");
        char *dir = deep(shapes[i].levels, shapes[i].width, "dir");
        char *again = deep(shapes[i].levels, shapes[i].width, "dir/again");
        char *other = deep(shapes[i].levels, shapes[i].width, "other");
        struct hpc_entry_head leader = entry(S_IFREG | 0600, 4);
        leader.nlink = 2;
        EQUAL(put_file(r, leader, file, "deep"), 0);
        EQUAL(put(r, entry(S_IFDIR | 0555, 0), dir, NULL), 0);
        EQUAL(put_file(r, entry(S_IFREG | 0600, 5), again, "again"), 0);
        struct hpc_entry_head link = entry(S_IFREG | 0600, 4);
        link.flags = HPC_ENTRY_LINK;
        EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "else/where", "x"),
              0); /* the cached parent goes */
        EQUAL(put(r, link, other, file), 0);
        char got[8] = { 0 };
        int fd = open_deep(other);
        CHECK(fd >= 0);
        EQUAL(read(fd, got, sizeof got), 4);
        EQUAL(memcmp(got, "deep", 4), 0);
        close(fd);
        EQUAL(hpc_restore_finish(r), 0);
        fd = open_deep(dir);
        struct stat st;
        EQUAL(fstat(fd, &st), 0);
        EQUAL(st.st_mode, S_IFDIR | 0555);
        EQUAL(st.st_mtim.tv_sec, 1000);
        close(fd);
        free(file), free(dir), free(again), free(other);
    }
    hpc_restore_free(r);
}

/* A symlink to a directory outside, in place of every component in turn. */
void planted_symlinks(void)
{
    EQUAL(mkdir("outside", 0777), 0);
    static const char *const parts[] = { "one", "one/two", "one/two/three" };
    static const char *const targets[] = { "../outside", "../../outside", "../../../outside" };
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/outside", scratch);
    for (size_t i = 0; i < 3; i++) {
        for (int kind = 0; kind < 3; kind++) {
            char path[64];
            snprintf(path, sizeof path, "base%zu-%d", i, kind);
            int err;
            struct hpc_restore *r = hpc_restore_new(path, ".", HPC_REPLACE_ALWAYS, 0, &err);
            CHECK(r);
            if (i > 0)
                EQUAL(put(r, entry(S_IFDIR | 0755, 0), parts[i - 1], NULL), 0);
            snprintf(path, sizeof path, "base%zu-%d/%s", i, kind, parts[i]);
            /* relative, absolute, and planted after the directory was used and cached */
            if (kind == 2) {
                EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "one/two/three/file", "x"), 0);
                for (unsigned n = 0; n <= DIRS_KEPT; n++) { /* so that it is no longer held */
                    char other[32];
                    snprintf(other, sizeof other, "else%u/where", n);
                    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), other, "x"), 0);
                }
                EQUAL(rename(path, "moved-away"), 0);
            }
            EQUAL(symlink(kind == 1 ? absolute : targets[i], path), 0);
            EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "one/two/three/file", "x"), -ELOOP);
            EQUAL(put(r, entry(S_IFDIR | 0700, 0), "one/two/three/dir", NULL), -ELOOP);
            EQUAL(put(r, entry(S_IFIFO | 0700, 0), "one/two/three/fifo", NULL), -ELOOP);
            struct hpc_entry_head link = entry(S_IFREG | 0600, 1);
            link.flags = HPC_ENTRY_LINK;
            write_file("outside/secret", "s");
            EQUAL(put(r, link, "stolen",
                      i == 0   ? "one/secret"
                      : i == 1 ? "one/two/secret"
                               : "one/two/three/secret"),
                  0);
            /* The finishing pass does not follow it either, and neither does the link that waits
             * for it. */
            uint64_t failed = stats_of(r).failed;
            hpc_restore_finish(r);
            EQUAL(stats_of(r).failed, failed + 1);
            CHECK(stat_of("outside/secret").st_nlink == 1);
            EQUAL(unlink("outside/secret"), 0);
            CHECK(rmdir("outside") == 0 &&
                  mkdir("outside", 0777) == 0); /* nothing was made there */
            EQUAL(stat_of("outside").st_mode & 0777, 0755);
            /* An entry of its own takes the symlink's place. */
            EQUAL(put(r, entry(S_IFDIR | 0750, 0), parts[i], NULL), 0);
            EQUAL(stat_of(path).st_mode & S_IFMT, S_IFDIR);
            hpc_restore_free(r);
            if (kind == 2)
                EQUAL(rename("moved-away", i == 0 ? "moved0" : i == 1 ? "moved1" : "moved2"), 0);
        }
    }
}

void odd_names(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    static const char *const names[] = {
        "-rf",   "new\nline",    "\xff\xfe\x80", "\"quotes' \\ $(x)",
        " ",     "...",          "..a",          ".a",
        "*",     "\x01\x1b[31m", "a..",          "~",
        "tab\t",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64], full[80];
        snprintf(path, sizeof path, "//%s/%s//%s", names[i], names[i], names[i]);
        snprintf(full, sizeof full, "base/%s/%s/%s", names[i], names[i], names[i]);
        EQUAL(put_file(r, entry(S_IFREG | 0600, 1), path, "x"), 0);
        content_is(full, "x");
    }
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "/dir/with/slash///", NULL), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/dir/with/slash").st_mode, S_IFDIR | 0711);
    hpc_restore_free(r);
}

void refused_names(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    static const char *const names[] = { "",    "..",    "../x", "a/../b", "a/..",
                                         "./x", "a/./b", "/",    "//",     "." };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        EQUAL(put_file(r, entry(S_IFREG | 0600, 1), names[i], "x"), -EINVAL);
    struct hpc_entry_head h = entry(S_IFREG | 0600, 1);
    EQUAL(hpc_restore_begin(r, &h, "a\0b", 3, NULL, 0), -EINVAL);
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = 0;
    EQUAL(put_file(r, h, long_name, "x"), -ENAMETOOLONG);
    char *long_dir = deep(1, 256, "file"), *huge_dir = deep(1, 5000, "file");
    EQUAL(put_file(r, h, long_dir, "x"), -ENAMETOOLONG);
    EQUAL(put_file(r, h, huge_dir, "x"), -ENAMETOOLONG);
    free(long_dir), free(huge_dir);
    EQUAL(stats_of(r).failed, sizeof names / sizeof names[0] + 4);
    EQUAL(rmdir("base"), 0); /* nothing came of it */
    hpc_restore_free(r);
}

void missing_parents(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_NEVER, 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "a/b/c/file", "x"), 0);
    EQUAL(stat_of("base/a/b").st_mode & 0777, 0700);
    /* Its own entry comes later: not "existing" for the rule `never`, and its mode wins. */
    EQUAL(put(r, entry(S_IFDIR | 01700, 0), "a/b", NULL), HPC_BEGIN_DONE);
    EQUAL(put(r, entry(S_IFDIR | 0750, 0), "a/b/c", NULL), HPC_BEGIN_DONE);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/a").st_mode, S_IFDIR | 0755);
    EQUAL(stat_of("base/a/b").st_mode, S_IFDIR | 01700);
    EQUAL(stat_of("base/a/b/c").st_mode, S_IFDIR | 0750);
    EQUAL(stats_of(r).directories, 2);
    /* A file in the way of a parent is not removed for it. */
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "a/b/c/file/below", "y"), -ENOTDIR);
    content_is("base/a/b/c/file", "x");
    hpc_restore_free(r);
}

void parents_under_a_umask(void)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        fail_at(__FILE__, __LINE__, "setuid", -1, 0);
    umask(0777);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "a/b/file", "x"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0555, 0), "d", NULL), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0644, 1), "d/file", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/a/b").st_mode, S_IFDIR | 0755);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0555);
    EQUAL(stat_of("base/a/b/file").st_mode, S_IFREG | 0644);
    EQUAL(chmod("base/d", 0700), 0);
    hpc_restore_free(r);
}

void no_descriptor_leaks(void)
{
    int before = open_fds();
    for (int round = 0; round < 2; round++) {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
        for (int i = 0; i < 200; i++) {
            char name[64];
            snprintf(name, sizeof name, "%d/%d/%d/f", i % 7, i % 3, i);
            EQUAL(put_file(r, entry(S_IFREG | 0600, 1), name, "x"), 0);
            snprintf(name, sizeof name, "%d/%d/%d/f/not/a/dir", i % 7, i % 3, i);
            EQUAL(put_file(r, entry(S_IFREG | 0600, 1), name, "x"), -ENOTDIR);
        }
        EQUAL(put(r, entry(S_IFREG | 0600, 1), "unfinished", NULL), HPC_BEGIN_DATA);
        CHECK(open_fds() - before <=
              (int)(4 + DIRS_KEPT)); /* base, its stage, spool, the directories that are held,
                                            the file */
        hpc_restore_free(r);
        EQUAL(open_fds(), before);
    }
}

/* On the way to the base symlinks are followed, but none that others may have set. */
void links_to_the_base(void)
{
    int err;
    EQUAL(chmod(".", 0755), 0); /* others could put another link there */
    EQUAL(symlink("base", "link"), 0);
    struct hpc_restore *r = hpc_restore_new("link/new", ".", HPC_REPLACE_ALWAYS, 0, &err);
    CHECK(r);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "file", "x"), 0);
    hpc_restore_free(r);
    content_is("base/new/file", "x");
    if (geteuid() != 0)
        skip("only root can give a symlink away");
    EQUAL(lchown("link", 1234, 1234), 0);
    EQUAL(hpc_restore_new("link/other", ".", HPC_REPLACE_ALWAYS, 0, &err) == NULL, 1);
    EQUAL(err, -ELOOP);
    CHECK(!exists("base/other"));
    char path[200], said[300] = { 0 };
    snprintf(path, sizeof path, "%s/link/other", scratch);
    EQUAL(
        hpc_restore_base_link((uint8_t *)path, (int64_t)strlen(path), (uint8_t *)said, sizeof said),
        strlen(scratch) + 5);
    CHECK(strncmp(said, scratch, strlen(scratch)) == 0 &&
          strcmp(said + strlen(scratch), "/link") == 0);
}

/* base/home -> big/home, of which "home/u" and "data" were the paths of the backup; data ->
 * big/data */
static struct hpc_restore *with_roots(void)
{
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    EQUAL(hpc_restore_root(r, "/home/u", 7), 0);
    EQUAL(hpc_restore_root(r, "data", 4), 0);
    return r;
}

static void make_roots(void)
{
    EQUAL(chmod(".", 0755), 0);
    EQUAL(chmod("base", 0755), 0);
    EQUAL(mkdir("base/big", 0755), 0);
    EQUAL(mkdir("base/big/home", 0755), 0);
    EQUAL(mkdir("base/big/data", 0700), 0);
    EQUAL(mkdir("outside", 0700), 0);
    EQUAL(symlink("big/home", "base/home"), 0);
    EQUAL(symlink("big/data", "base/data"), 0);
}

static void is_link(const char *path)
{
    struct stat st;
    EQUAL(lstat(path, &st), 0);
    CHECK(S_ISLNK(st.st_mode));
}

void links_at_roots(void)
{
    make_roots();
    struct hpc_restore *r = with_roots();
    struct hpc_entry_head link = entry(S_IFREG | 0600, 1);
    link.nlink = 2;
    EQUAL(put_file(r, link, "home/u/sub/file", "x"), 0);
    link.flags = HPC_ENTRY_LINK;
    EQUAL(put(r, link, "data/hard", "home/u/sub/file"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0750, 0), "home/u", NULL), 0);
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "data", NULL), 0);
    EQUAL(symlink("../../../outside", "base/big/home/u/out"), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "home/u/out/file", "x"), -ELOOP); /* below a root */
    EQUAL(symlink("outside", "base/elsewhere"), 0);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "elsewhere/file", "x"), -ELOOP); /* not above one */
    EQUAL(put(r, entry(S_IFDIR | 0700, 0), "elsewhere", NULL), 0); /* nor one itself: replaced */
    EQUAL(hpc_restore_finish(r), 0);
    hpc_restore_free(r);
    content_is("base/big/home/u/sub/file", "x");
    content_is("base/big/data/hard", "x");
    is_link("base/home");
    is_link("base/data");
    EQUAL(stat_of("base/big/home/u").st_mode & 07777, 0750);
    EQUAL(stat_of("base/big/home/u/sub").st_mode & 07777, 0755);
    EQUAL(stat_of("base/big/data").st_mode & 07777, 0711);
    EQUAL(stat_of("base/big/data").st_mtim.tv_sec, 1000);
    EQUAL(stat_of("base/big/home").st_mode & 07777, 0755);
}

void others_links_at_roots(void)
{
    if (geteuid() != 0)
        skip("only root can give a symlink away");
    make_roots();
    EQUAL(lchown("base/data", 1234, 1234), 0);
    EQUAL(chown("base/big", 1234, 1234), 0); /* who may exchange big/home */
    EQUAL(unlink("base/home"), 0);
    EQUAL(symlink("big/link", "base/home"), 0);
    EQUAL(symlink("home", "base/big/link"), 0);
    struct hpc_restore *r = with_roots();
    EQUAL(put(r, entry(S_IFDIR | 0711, 0), "data", NULL), -ELOOP);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "data/file", "x"), -ELOOP);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 1), "home/u/file", "x"), -ELOOP);
    hpc_restore_finish(r);
    hpc_restore_free(r);
    is_link("base/data");
    EQUAL(stat_of("base/big/data").st_mode & 07777, 0700);
    CHECK(!exists("base/big/data/file") && !exists("base/big/home/u"));
}
