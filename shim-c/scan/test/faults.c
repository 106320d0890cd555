/* What a filesystem and its users do to a scan: close(2) of a directory that fails, a file that
 * changes between two reads, directories that are exchanged, holes that go back. The linker leads
 * the calls here. */
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
void (*_Atomic on_call)(void);

static void called(void)
{
    void (*tell)(void) = on_call;

    if (tell)
        tell();
}

int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap___openat_2(int dir, const char *name, int flags);
off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence);

static const char *exchanged[2]; /* before the scan opens the first for listing */
static bool holes_go_back;

/* Nothing in the engine creates files. */
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    if (exchanged[0] && !(flags & O_PATH) && flags & O_DIRECTORY &&
        !strcmp(name, strrchr(exchanged[0], '/') + 1)) {
        CHECK(!renameat2(AT_FDCWD, exchanged[0], AT_FDCWD, exchanged[1], RENAME_EXCHANGE));
        exchanged[0] = NULL;
    }
    called();
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

int __real_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st);

bool no_birth;
static int generation, generation_asked; /* -1: there is none */

int __wrap_statx(int dir, const char *path, int flags, unsigned mask, struct statx *st)
{
    int r = __real_statx(dir, path, flags, mask, st);

    called();
    if (no_birth)
        st->stx_mask &= ~STATX_BTIME;
    return r;
}

int tell_generation(void *to)
{
    generation_asked++;
    if (generation < 0) {
        errno = ENOTTY;
        return -1;
    }
    memcpy(to, &generation, sizeof generation);
    return 0;
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
        CHECK(said && said->error == ESHUTDOWN && said->op == HPC_OP_READDIR &&
              !strcmp(said->path, at("shut/striped")));
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

/* A small file is read in one go; where that takes more, it must be the same file at the end as at
 * the beginning. */
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
    CHECK(how_often < 1 && find(&r, at("torn/file"))->content_len ==
                               HPC_CONTENT_NONE); /* the consumer's, who tells */
    drop(&r);
    torn_read = 0;
    torn_path = NULL;
    remove_tree(at("torn"));
}

/* Below a directory stands what is in it, and nothing of the one that took its name after it was
 * looked at. */
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
    CHECK(said && said->error == ESTALE && said->op == HPC_OP_OPENDIR &&
          !strcmp(said->path, at("swap/mine")));
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

/* Opens it as a consumer does that has its record; the errno. */
static int open_later(const struct seen *file)
{
    struct hpc_open_request r = {
        .dir = -1,
        .flags = HPC_OPEN_CONTENT,
        .path_len = (uint32_t)file->path_len,
        .dev = file->head.dev,
        .ino = file->head.ino,
        .birth = file->birth,
        .size = file->head.size,
        .ctime_s = file->head.ctime_s,
        .ctime_ns = file->head.ctime_ns,
        .mode = file->head.mode,
    };
    struct hpc_open_answer a;
    uint8_t packed[sizeof r + 256];
    int end = -1;
    int64_t h = hpc_openers_start(1, 4096, (uint8_t *)&end);

    CHECK(h > 0 && file->path_len < 256);
    memcpy(packed, &r, sizeof r);
    memcpy(packed + sizeof r, file->path, file->path_len);
    CHECK(hpc_openers_ask(h, packed, (int64_t)(sizeof r + file->path_len)) == 0);
    CHECK(__real_read(end, &a, sizeof a) == sizeof a);
    if (a.fd >= 0)
        close(a.fd);
    CHECK(hpc_openers_free(h) == 0);
    CHECK(__real_read(end, &a, sizeof a) == 0); /* the thread is gone */
    close(end);
    return a.error;
}

/* Where no time of birth tells a file from another one that got its inode number, its generation
 * does. */
void test_generation(void)
{
    struct result r;

    make_dir(at("age"));
    make_file(at("age/small"), "x");
    make_file(at("age/large"), "more than one");
    make_file(at("age/other"), "more than one");
    no_birth = true;
    generation = 7;
    generation_asked = 0;
    r = scan((options){ .threads = 1, .inline_bytes = 1 }, at("age"));
    CHECK(find(&r, at("age/large"))->birth == -8 && find(&r, at("age/small"))->birth == 0 &&
          generation_asked == 2);
    CHECK(open_later(find(&r, at("age/large"))) == 0);
    generation = 8;
    CHECK(open_later(find(&r, at("age/large"))) == ESTALE);
    drop(&r);
    generation = -1;
    generation_asked = 0;
    r = scan((options){ .threads = 1, .inline_bytes = 1 }, at("age"));
    CHECK(find(&r, at("age/large"))->birth == 0 &&
          generation_asked == 1); /* once for a filesystem that has none */
    CHECK(open_later(find(&r, at("age/large"))) == 0);
    drop(&r);
    no_birth = false;
    remove_tree(at("age"));
}
