/* What a filesystem and its users do to a scan: close(2) of a directory that fails, a file that changes between two reads, directories that are exchanged, holes that go back. The linker leads the calls here. */
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

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap___openat_2(int dir, const char *name, int flags);
off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence);

static const char *exchanged[2]; /* before the scan opens the first for listing */
static bool holes_go_back;

/* Nothing in the engine creates files. */
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    if (exchanged[0] && !(flags & O_PATH) && flags & O_DIRECTORY && !strcmp(name, strrchr(exchanged[0], '/') + 1)) {
        CHECK(!renameat2(AT_FDCWD, exchanged[0], AT_FDCWD, exchanged[1], RENAME_EXCHANGE));
        exchanged[0] = NULL;
    }
    return __real_openat(dir, name, flags, 0600);
}

int __wrap___openat_2(int dir, const char *name, int flags)
{
    return __wrap_openat(dir, name, flags);
}

off_t __wrap_lseek(int fd, off_t offset, int whence)
{
    if (holes_go_back && whence == SEEK_HOLE)
        return offset < 4096 ? 0 : offset - 4096;
    if (holes_go_back && whence == SEEK_DATA)
        return offset + 4096;
    return __real_lseek(fd, offset, whence);
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

/* Below a directory stands what is in it, and nothing of the one that took its name after it was looked at. */
void test_exchanged(void)
{
    struct result r;
    const struct seen *said = NULL;

    make_dir(at("swap"));
    make_dir(at("swap/mine"));
    make_dir(at("swap/secret"));
    make_file(at("swap/mine/own"), "o");
    make_file(at("swap/secret/hidden"), "h");
    exchanged[1] = at("swap/secret");
    exchanged[0] = at("swap/mine");
    r = scan((options){ .threads = 1, .inline_bytes = 100 }, at("swap"));
    for (size_t i = 0; i < r.count; i++)
        CHECK(strcmp(r.at[i].path, at("swap/mine/hidden")));
    for (size_t i = 0; i < r.count && !said; i++)
        said = r.at[i].type == HPC_REC_ERROR ? &r.at[i] : NULL;
    CHECK(said && said->error == ESTALE && said->op == HPC_OP_OPENDIR && !strcmp(said->path, at("swap/mine")));
    CHECK(r.stats.dirs_failed >= 1 && r.stats.dirs_failed + r.stats.dirs_listed == 3);
    drop(&r);
    remove_tree(at("swap"));
}

/* A filesystem that tells of the same hole for ever holds nobody up. */
void test_holes_go_back(void)
{
    uint8_t holes[160];
    int fd;

    make_file(at("back"), "x");
    CHECK(!truncate(at("back"), 1 << 20));
    fd = open(at("back"), O_RDONLY | O_CLOEXEC);
    alarm(20);
    holes_go_back = true;
    CHECK(hpc_holes(fd, 1 << 20, 1 << 30, holes, sizeof holes) == 0);
    holes_go_back = false;
    alarm(0);
    close(fd);
    unlink(at("back"));
}
