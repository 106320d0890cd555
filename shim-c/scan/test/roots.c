/* Roots that others can exchange: which symlinks at a root and above it are followed, and that
 * nothing behind another one is handed out. */
#include "tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#define OTHER 12345

static const options small = { .inline_bytes = 100, .flags = HPC_SCAN_XATTRS };

static void link_of(const char *target, const char *name, uid_t owner)
{
    CHECK(!symlink(target, at(name)) && !lchown(at(name), owner, owner));
}

static void refused(const char *root, const char *link)
{
    struct result r = scan(small, at(root));
    uint8_t said[256] = { 0 };

    CHECK(r.count == 1 && r.at[0].type == HPC_REC_ERROR && r.at[0].error == ELOOP &&
              r.at[0].op == HPC_OP_STAT,
          "%s", root);
    CHECK(!strcmp(r.at[0].path, at(root)));
    drop(&r);
    CHECK(hpc_root_link((const uint8_t *)at(root), (int64_t)strlen(at(root)), said, sizeof said) ==
          (int64_t)strlen(at(link)));
    CHECK(!strcmp((char *)said, at(link)), "%s", (char *)said);
}

static void followed(const char *root, const char *name, const char *content)
{
    struct result r = scan(small, at(root));
    uint8_t said[8];

    CHECK(!strcmp(find(&r, at(name))->content, content));
    CHECK(hpc_root_link((const uint8_t *)at(root), (int64_t)strlen(at(root)), said, sizeof said) ==
          0);
    drop(&r);
}

void test_roots_links(void)
{
    if (geteuid())
        return; /* nobody else's links can be made */
    make_dir(at("rl"));
    make_dir(at("rl/secret"));
    make_file(at("rl/secret/file"), "SECRET");
    make_dir(at("rl/home"));
    make_dir(at("rl/sticky"));
    CHECK(!chmod(at("rl/sticky"), 01777));
    CHECK(!chown(at("rl/home"), OTHER, OTHER));
    link_of("../secret", "rl/home/data", OTHER);
    link_of("../secret/file", "rl/home/file", OTHER);
    link_of("../secret", "rl/home/roots", 0); /* root's own, but they can put another there */
    link_of("../secret", "rl/sticky/roots", 0);
    link_of("secret", "rl/own", 0);
    link_of("secret/file", "rl/own-file", 0);
    link_of("home/data", "rl/by-way", 0);
    refused("rl/home/data", "rl/home/data");
    refused("rl/home/data/file", "rl/home/data");
    refused("rl/home/file", "rl/home/file");
    refused("rl/home/roots", "rl/home/roots");
    refused("rl/sticky/roots", "rl/sticky/roots");
    refused("rl/by-way", "rl/home/data");
    followed("rl/own", "rl/own/file", "SECRET");
    followed("rl/own/file", "rl/own/file", "SECRET");
    followed("rl/own-file", "rl/own-file", "SECRET");
    followed("rl/secret/file", "rl/secret/file", "SECRET");
    CHECK(hpc_root_link((const uint8_t *)"", 0, (uint8_t[8]){ 0 }, 8) == -EINVAL);
    remove_tree(at("rl"));
}

/* Without root, one's own links are followed wherever one may put them. */
static void as_other(const char *arg)
{
    (void)arg;
    CHECK(!setegid(OTHER) && !seteuid(OTHER));
    followed("ro/link", "ro/link/file", "mine");
    _exit(0); /* a leak checker may not look at a process that was root */
}

void test_roots_own_links(void)
{
    make_dir(at("ro"));
    make_dir(at("ro/data"));
    make_file(at("ro/data/file"), "mine");
    CHECK(!symlink("data", at("ro/link")));
    if (geteuid() == 0) {
        CHECK(!lchown(at("ro"), OTHER, OTHER) && !lchown(at("ro/link"), OTHER, OTHER));
        in_child(as_other, NULL);
    } else {
        followed("ro/link", "ro/link/file", "mine");
    }
    remove_tree(at("ro"));
}

/* What is no directory is handed out by what it is, and nothing waits for it. */
void test_roots_kinds(void)
{
    struct result r;

    make_dir(at("rk"));
    CHECK(!mkfifo(at("rk/fifo"), 0600) && !symlink("fifo", at("rk/to-fifo")) &&
          !symlink("none", at("rk/to-none")) && !symlink("ring", at("rk/ring")));
    r = scan(small, at("rk/to-fifo"));
    CHECK(r.count == 1 && r.at[0].head.kind == HPC_FIFO && r.at[0].error == 0);
    drop(&r);
    r = scan(small, at("rk/to-none"));
    CHECK(r.count == 1 && r.at[0].error == ENOENT);
    drop(&r);
    r = scan(small, at("rk/ring"));
    CHECK(r.count == 1 && r.at[0].error == ELOOP);
    drop(&r);
    remove_tree(at("rk"));
}

static _Atomic bool exchanging;

static void *exchange(void *arg)
{
    const char *const *pair = arg;

    while (atomic_load(&exchanging))
        syscall(SYS_renameat2, AT_FDCWD, pair[0], AT_FDCWD, pair[1], RENAME_EXCHANGE);
    return NULL;
}

/* `many` roots: more than are held, so that some are found again. */
static void attacked(const char *root, const char *other, unsigned many)
{
    const char *pair[] = { at(root), at(other) }, *too[41] = { 0 };
    unsigned mine = 0, refused_roots = 0;
    struct stat st;
    pthread_t thread;

    for (unsigned i = 0; i < many; i++) {
        static char names[40][160];
        snprintf(names[i], sizeof names[i], "%s/rx/home/data/d%u", base, i);
        too[i] = names[i];
    }
    roots_too = many ? too : NULL;
    atomic_store(&exchanging, true);
    CHECK(!pthread_create(&thread, NULL, exchange, pair));
    for (unsigned i = 0; i < (many ? 20 : 300); i++) {
        struct result r = scan(
            (options){ .threads = 2, .inline_bytes = 100, .flags = HPC_SCAN_XATTRS },
            at("rx/home/data"));

        for (size_t j = 0; j < r.count; j++) {
            const struct seen *s = &r.at[j];
            if (s->type == HPC_REC_ENTRY)
                CHECK(s->head.uid == OTHER && !strstr(s->content, "SECRET"), "%s", s->path);
            mine += s->type == HPC_REC_ENTRY;
            refused_roots += s->type == HPC_REC_ERROR && s->error == ELOOP;
        }
        drop(&r);
    }
    atomic_store(&exchanging, false);
    pthread_join(thread, NULL);
    if (!lstat(pair[0], &st) && S_ISLNK(st.st_mode))
        CHECK(!syscall(SYS_renameat2, AT_FDCWD, pair[0], AT_FDCWD, pair[1], RENAME_EXCHANGE));
    roots_too = NULL;
    CHECK(mine > 0 && refused_roots > 0, "%u, %u", mine, refused_roots);
}

static void fill(const char *folder, const char *content, uid_t owner)
{
    char path[256];

    for (int i = -1; i < 40; i++) {
        i < 0 ? snprintf(path, sizeof path, "%s", at(folder))
              : snprintf(path, sizeof path, "%s/d%d", at(folder), i);
        make_dir(path);
        CHECK(!chown(path, owner, owner));
        strcat(path, "/f");
        make_file(path, content);
        CHECK(!chown(path, owner, owner));
    }
}

void test_roots_exchanged(void)
{
    if (geteuid())
        return;
    make_dir(at("rx"));
    make_dir(at("rx/secret"));
    fill("rx/secret/data", "SECRET", 0);
    CHECK(!chmod(at("rx/secret"), 0700));
    make_dir(at("rx/home"));
    fill("rx/home/data", "mine", OTHER);
    CHECK(!chown(at("rx/home"), OTHER, OTHER));
    link_of("../secret/data", "rx/home/link", OTHER);
    attacked("rx/home/data", "rx/home/link", 0);
    attacked("rx/home/data", "rx/home/link", 40);
    CHECK(!chown(at("rx"), OTHER, OTHER)); /* and the directory above it */
    link_of("secret", "rx/home-link", OTHER);
    attacked("rx/home", "rx/home-link", 0);
    remove_tree(at("rx"));
}
