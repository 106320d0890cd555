/* Entries that are looked at again after the scan: what is opened, what is refused, and what has
 * changed. */
#include "tree.h"

#include <signal.h>
#include <sys/xattr.h>

struct looked {
    struct hpc_open_answer a;
    struct hpc_entry_head head;
    uint64_t holes[64];
    uint8_t xattrs[4096];
};

static void read_exactly(int fd, void *to, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t n = read(fd, (char *)to + have, len - have);
        CHECK(n > 0);
        have += (size_t)n;
    }
}

static struct hpc_open_request request_of(const struct stat *st, int64_t birth)
{
    return (struct hpc_open_request){
        .id = 7,
        .dir = -1,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .birth = birth,
        .size = (uint64_t)st->st_size,
        .ctime_s = st->st_ctim.tv_sec,
        .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
        .mode = st->st_mode,
    };
}

static int64_t birth_of_path(const char *path)
{
    struct statx st;

    CHECK(!statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st));
    return st.stx_mask & STATX_BTIME
               ? st.stx_btime.tv_sec * INT64_C(1000000000) + st.stx_btime.tv_nsec
               : 0;
}

static struct looked look(int64_t h, int answers, struct hpc_open_request r, int dir,
                          const char *path, uint32_t flags)
{
    uint8_t packed[sizeof r + 4096];
    struct looked l = { 0 };

    r.dir = dir;
    r.flags = flags;
    r.path_len = (uint32_t)strlen(path);
    memcpy(packed, &r, sizeof r);
    memcpy(packed + sizeof r, path, r.path_len);
    CHECK(hpc_openers_ask(h, packed, (int64_t)(sizeof r + r.path_len)) == 0);
    read_exactly(answers, &l.a, sizeof l.a);
    CHECK(l.a.id == 7 && l.a.length == sizeof l.a + 16 * l.a.hole_count + l.a.xattr_len &&
          l.a.hole_count <= 32 && l.a.xattr_len <= sizeof l.xattrs);
    read_exactly(answers, l.holes, 16 * l.a.hole_count);
    read_exactly(answers, l.xattrs, l.a.xattr_len);
    memcpy(&l.head, l.a.head, sizeof l.head);
    CHECK(l.a.error || !(flags & (HPC_OPEN_CONTENT | HPC_OPEN_ROOT)) == (l.a.fd < 0));
    CHECK(!l.a.error || l.a.fd < 0);
    return l;
}

static void is_open_at(struct looked l, const char *content)
{
    char got[64] = { 0 };

    CHECK(!l.a.error && l.a.fd >= 0 && read(l.a.fd, got, sizeof got - 1) >= 0 &&
          !strcmp(got, content));
    close(l.a.fd);
}

static struct stat stat_path(const char *path)
{
    struct stat st;

    CHECK(!lstat(path, &st));
    return st;
}

void test_openers(void)
{
    struct hpc_open_request r, fifo;
    struct looked l;
    struct stat st;
    int end = -1, dir, writer;
    uint8_t junk[sizeof r + 1] = { 0 };
    int64_t h, birth;

    make_dir(at("later"));
    make_dir(at("later/in"));
    make_dir(at("secret"));
    make_file(at("later/in/file"), "mine");
    make_file(at("secret/file"), "SECRET");
    CHECK(!mkfifo(at("later/in/fifo"), 0600) && !symlink("../secret", at("later/out")));
    CHECK(hpc_openers_start(0, 4096, (uint8_t *)&end) == -EINVAL &&
          hpc_openers_start(65, 4096, (uint8_t *)&end) == -EINVAL);
    h = hpc_openers_start(2, 4096, (uint8_t *)&end);
    dir = open(at("later"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(h > 0 && end >= 0 && dir >= 0);
    memset(&((struct hpc_open_request *)(void *)junk)->dir, 0, 4);
    CHECK(hpc_openers_ask(h, junk, sizeof r - 1) == -EINVAL &&
          hpc_openers_ask(h, junk, sizeof junk) == -EINVAL &&
          hpc_openers_ask(0, junk, sizeof r) == -EINVAL);

    st = stat_path(at("later/in/file"));
    birth = birth_of_path(at("later/in/file"));
    r = request_of(&st, birth);
    l = look(h, end, r, dir, "in/file", HPC_OPEN_CONTENT | HPC_OPEN_HOLES | HPC_OPEN_XATTRS_NEW);
    CHECK(!l.a.changed && l.a.hole_count == 0 && l.a.xattr_len == 0 && l.head.ino == st.st_ino &&
          l.head.size == 4 && l.head.kind == HPC_REGULAR);
    is_open_at(l, "mine");
    is_open_at(look(h, end, r, -1, at("later/in/file"), HPC_OPEN_CONTENT), "mine"); /* a root */

    /* a root for others; and what may be another user's choice */
    l = look(h, end, r, -1, at("later"), HPC_OPEN_ROOT);
    CHECK(!l.a.error);
    is_open_at(look(h, end, r, l.a.fd, "in/file", HPC_OPEN_CONTENT), "mine");
    close(l.a.fd);
    CHECK(look(h, end, r, -1, at("later/in/file"), HPC_OPEN_ROOT).a.error == ENOTDIR);
    if (geteuid() == 0) {
        CHECK(!symlink("later", at("theirs")) && !lchown(at("theirs"), 12345, 12345));
        CHECK(look(h, end, r, -1, at("theirs"), HPC_OPEN_ROOT).a.error == ELOOP);
        CHECK(look(h, end, r, -1, at("theirs/in/file"), HPC_OPEN_CONTENT).a.error == ELOOP);
        CHECK(!unlink(at("theirs")));
    }

    /* another object, by any sign of it */
    for (int sign = 0; sign < 4; sign++) {
        struct hpc_open_request other = r;

        other.ino += sign == 0;
        other.dev += sign == 1;
        other.mode = sign == 2 ? S_IFDIR | 0700 : other.mode;
        other.birth += sign == 3; /* the inode number is the same: it was free in between */
        CHECK(look(h, end, other, dir, "in/file", HPC_OPEN_CONTENT).a.error ==
              (sign == 3 && !birth ? 0 : ESTALE));
    }
    CHECK(look(h, end, r, dir, "in/none", HPC_OPEN_CONTENT).a.error == ENOENT);
    CHECK(look(h, end, r, dir, "in/../in/file", HPC_OPEN_CONTENT).a.error == EINVAL);

    /* nothing below a symlink, whatever stands there */
    st = stat_path(at("secret/file"));
    CHECK(look(h, end, request_of(&st, birth_of_path(at("secret/file"))), dir, "out/file",
               HPC_OPEN_CONTENT)
              .a.error == ELOOP);

    /* a fifo is held, never opened: whoever writes to it is not woken */
    st = stat_path(at("later/in/fifo"));
    fifo = request_of(&st, birth_of_path(at("later/in/fifo")));
    CHECK(look(h, end, r, dir, "in/fifo", HPC_OPEN_CONTENT).a.error == ESTALE &&
          look(h, end, fifo, dir, "in/fifo", HPC_OPEN_CONTENT).a.error == ESTALE);
    writer = open(at("later/in/fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(writer < 0 && errno == ENXIO);
    CHECK(look(h, end, fifo, dir, "in/fifo", HPC_OPEN_XATTRS).a.error == 0);

    /* what has changed is told, with its attributes as they are now */
    CHECK(!setxattr(at("later/in/file"), "user.new", "v", 1, 0) &&
          !chmod(at("later/in/file"), 0600));
    l = look(h, end, r, dir, "in/file", HPC_OPEN_CONTENT | HPC_OPEN_XATTRS_NEW);
    CHECK(l.a.changed && (l.head.mode & 0777) == 0600 && l.a.xattr_len >= 8 + 8 + 1 &&
          !memcmp(l.xattrs + 8, "user.new", 8));
    is_open_at(l, "mine");
    l = look(h, end, r, dir, "in/file", HPC_OPEN_CONTENT);
    CHECK(l.a.changed && l.a.xattr_len == 0);
    close(l.a.fd);

    /* holes, at any size that a file may have */
    CHECK(!truncate(at("later/in/file"), INT64_C(1) << 40));
    st = stat_path(at("later/in/file"));
    l = look(h, end, request_of(&st, birth), dir, "in/file", HPC_OPEN_CONTENT | HPC_OPEN_HOLES);
    CHECK(!l.a.changed && l.a.hole_count == 1 && l.holes[0] + l.holes[1] == UINT64_C(1) << 40);
    close(l.a.fd);

    CHECK(hpc_openers_free(h) == 0);
    CHECK(read(end, junk, 1) == 0); /* the threads are gone */
    close(end);
    close(dir);
    remove_tree(at("later"));
    remove_tree(at("secret"));
}

/* Waits for the last thread, which frees what they shared. */
static void threads_end(void)
{
#ifdef __SANITIZE_THREAD__
    const int others = 1; /* its own */
#else
    const int others = 0;
#endif
    int n;

    for (double limit = now() + 10;; CHECK(now() < limit)) {
        DIR *d = opendir("/proc/self/task");

        CHECK(d);
        for (n = -3 - others; readdir(d); n++) /* ".", "..", and this one */
            ;
        closedir(d);
        if (n <= 0)
            return;
    }
}

/* A file that nobody takes any more is closed. */
void test_openers_left(void)
{
    struct hpc_open_request r;
    uint8_t packed[sizeof r + 256];
    struct stat st;
    int end = -1;
    int64_t h;

    make_dir(at("left"));
    make_file(at("left/file"), "x");
    st = stat_path(at("left/file"));
    r = request_of(&st, 0);
    r.flags = HPC_OPEN_CONTENT;
    r.path_len = (uint32_t)strlen(at("left/file"));
    memcpy(packed, &r, sizeof r);
    memcpy(packed + sizeof r, at("left/file"), r.path_len);
    h = hpc_openers_start(1, 4096, (uint8_t *)&end);
    CHECK(h > 0);
    close(end); /* the threads have SIGPIPE blocked */
    for (int i = 0; i < 100; i++)
        CHECK(hpc_openers_ask(h, packed, (int64_t)(sizeof r + r.path_len)) == 0);
    CHECK(hpc_openers_free(h) == 0);
    threads_end();
    remove_tree(at("left"));
}
