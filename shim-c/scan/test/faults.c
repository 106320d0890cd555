/* What a filesystem does to a scan: close(2) of a directory that fails, and a file that changes between two reads. The linker leads both calls here. */
#include "tree.h"

static ino_t failing_close, torn_read;
static const char *torn_path;
static int how_often;

int __real_close(int fd);
int __wrap_close(int fd);
ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len);

int __wrap_close(int fd)
{
    ino_t ino = __atomic_load_n(&failing_close, __ATOMIC_RELAXED);
    struct stat st;
    bool fails = ino && !fstat(fd, &st) && st.st_ino == ino;
    int r = __real_close(fd);

    if (!fails)
        return r;
    errno = ESHUTDOWN;
    return -1;
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
    ino_t ino = __atomic_load_n(&torn_read, __ATOMIC_RELAXED);
    struct stat st;
    ssize_t n;
    int at;

    if (!ino || fstat(fd, &st) || st.st_ino != ino)
        return __real_read(fd, buf, len);
    n = __real_read(fd, buf, len > 4 ? 4 : len);
    if (torn_path && how_often-- > 0) {
        at = open(torn_path, O_WRONLY | O_CLOEXEC);
        CHECK(at >= 0 && pwrite(at, "B", 1, 0) == 1 && !__real_close(at));
    }
    return n;
}

static ino_t inode_of(const char *path)
{
    struct stat st;

    CHECK(!stat(path, &st));
    return st.st_ino;
}

static void close_fails(const char *top)
{
    const unsigned threads[] = { 1, 4 };

    (void)top;
    for (int i = 0; i < 2; i++) {
        struct result r = scan((options){ .threads = threads[i], .inline_bytes = 100 }, at("shut"));
        const struct seen *said = NULL;

        for (size_t k = 0; k < r.count; k++)
            if (r.at[k].type == HPC_REC_ERROR) {
                CHECK(!said);
                said = &r.at[k];
            }
        CHECK(said && said->error == ESHUTDOWN && said->op == HPC_OP_READDIR && !strcmp(said->path, at("shut/striped")));
        CHECK(r.stats.dirs_failed == 1 && r.stats.dirs_listed == 3);
        CHECK(find(&r, at("shut/striped/below/file"))->content_len == 1);
        drop(&r);
    }
}

/* The same where no directory may be held open. */
static void close_fails_unheld(const char *top)
{
    const struct rlimit few = { 24, 24 };

    CHECK(!setrlimit(RLIMIT_NOFILE, &few));
    close_fails(top);
}

void test_close_fails(void)
{
    make_dir(at("shut"));
    make_dir(at("shut/striped"));
    make_dir(at("shut/striped/below"));
    make_dir(at("shut/other"));
    make_file(at("shut/striped/below/file"), "x");
    failing_close = inode_of(at("shut/striped"));
    close_fails(NULL);
    in_child(close_fails_unheld, NULL);
    failing_close = 0;
    remove_tree(at("shut"));
}

/* A small file is read in one go; where that takes more, it must be the same file at the end as at the beginning. */
void test_torn(void)
{
    struct result r;

    make_dir(at("torn"));
    make_file(at("torn/file"), "AAAAAAAAAA");
    torn_read = inode_of(at("torn/file"));
    r = scan((options){ .inline_bytes = 100 }, at("torn"));
    CHECK(!strcmp(find(&r, at("torn/file"))->content, "AAAAAAAAAA")); /* slow, but whole */
    drop(&r);
    torn_path = at("torn/file");
    how_often = 1;
    r = scan((options){ .inline_bytes = 100 }, at("torn"));
    CHECK(how_often < 1 && find(&r, at("torn/file"))->content_len == HPC_CONTENT_NONE); /* the consumer's, who tells */
    drop(&r);
    torn_read = 0;
    torn_path = NULL;
    remove_tree(at("torn"));
}
