/* Restore of what the good scene saved, and of volumes written here, as every release. */
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct bench bench;
static struct daemon fd;
static struct job_run run;
static char label[100], where[200];
static const char line[] = "podheitor-hpc:path=/f;scene=good";

static void start(const char *what, uint32_t version)
{
    snprintf(label, sizeof label, "restore %s, interface %u", what, version);
    context = label;
    run_free(&run);
    run_init(&run, &fd);
    run.where = where;
    run.work_dir = bench.dir;
}

static bool at(const char *name, struct stat *st)
{
    char path[400];
    snprintf(path, sizeof path, "%s%s", where, name);
    return lstat(path, st) == 0;
}

static bool content(const char *name, uint64_t size)
{
    char path[400];
    uint8_t byte;
    uint64_t n = 0;
    snprintf(path, sizeof path, "%s%s", where, name);
    FILE *in = fopen(path, "rb");
    bool right = in != NULL;
    while (in && fread(&byte, 1, 1, in) == 1)
        right &= byte == (uint8_t)(n++ * 7 + 3);
    if (in)
        fclose(in);
    return right && n == size;
}

static bool attributes(const char *name, mode_t type)
{
    struct stat st;
    bool owned = geteuid() != 0;
    return at(name, &st) && (st.st_mode & S_IFMT) == type &&
           (type == S_IFLNK || (st.st_mode & 07777) == 0640) && st.st_mtim.tv_sec == 1700000000 &&
           st.st_mtim.tv_nsec == 123456789 &&
           (owned || (st.st_uid == 4294967294u && st.st_gid == 3000000000u));
}

static void round_trip(uint32_t version)
{
    static const struct {
        const char *name;
        uint64_t size;
    } files[] = {
        { "/f/leader", 100000 },
        { "/f/empty", 0 },
        { "/f/zero frames", 0 },
        { "/f/tiny frames", 5000 },
        { "/f/new\nline \xff\xfe \"quote\"", 65536 },
        { "/f/big", 3000001 },
        { "/f/second", 100000 },
        { "/f/third", 100000 },
    };
    const char *const lines[] = { line, NULL };
    char target[100], path[400];
    struct stat a, b;
    start("round trip", version);
    CHECK(run_backup(&run, lines, bench.volume) == 0, "%s", run.log);
    start("round trip", version);
    snprintf(where, sizeof where, "%s/where%u/", bench.dir,
             version); /* with a trailing '/', as operators write it */
    where[strlen(where) - 1] = 0;
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.entries == 13 && run.data_errors == 0,
          "%s", run.log);
    CHECK(strstr(run.log,
                 "restored 6 files (3170537 bytes), 2 directories, 1 symbolic links, 2 hard links, "
                 "2 fifos and devices; skipped 0, failed 0, attributes not set in full 0"),
          "%s", run.log);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        CHECK(content(files[i].name, files[i].size) && attributes(files[i].name, S_IFREG), "%s",
              files[i].name);
    CHECK(attributes("/f", S_IFDIR) && attributes("/f/dir", S_IFDIR) &&
          attributes("/f/-link", S_IFLNK) && attributes("/f/fifo", S_IFIFO) &&
          attributes("/f/null", S_IFCHR));
    CHECK(at("/f/leader", &a) && at("/f/third", &b) && a.st_ino == b.st_ino && a.st_nlink == 3);
    CHECK(at("/f/null", &a) && a.st_rdev == 0x103);
    snprintf(path, sizeof path, "%s/f/-link", where);
    ssize_t n = readlink(path, target, sizeof target);
    CHECK(n == 8 && memcmp(target, "target\n\xff", 8) == 0);
    start("again, never replaced", version);
    run.replace = 'n';
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.entries < 13 &&
              strstr(run.log, "failed 0"),
          "%s", run.log);
    CHECK(at("/f/leader", &b) && at("/f/third", &a) && a.st_ino == b.st_ino);
}

static bool has(const char *name, const char *attribute, const char *value)
{
    char path[400], got[64];
    snprintf(path, sizeof path, "%s%s", where, name);
    ssize_t n = lgetxattr(path, attribute, got, sizeof got);
    return n == (ssize_t)strlen(value) && memcmp(got, value, (size_t)n) == 0;
}

static void xattrs(uint32_t version)
{
    static const char text[] = "podheitor-hpc:path=/f;scene=xattrs";
    const char *const lines[] = { text, NULL };
    start("xattrs", version);
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.xattr_records == 7 &&
              strstr(run.log, "extended attributes of 7 entries, not read in full of 0"),
          "%s", run.log);
    start("xattrs", version);
    snprintf(where, sizeof where, "%s/xattrs%u", bench.dir, version);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.xattr_records == 7 &&
              run.entries == 9 && run.data_errors == 0,
          "%s", run.log);
    CHECK(has("/f", "user.d", "directory") && has("/f/file", "user.f", "file") &&
          has("/f/link", "user.f", "file") && has("/f/empty", "user.e", "empty"));
    if (geteuid() == 0)
        CHECK(has("/f/sym", "trusted.s", "symlink") && has("/f/fifo", "trusted.p", "fifo") &&
              has("/f/null", "trusted.c", "device"));
    CHECK(attributes("/f/file", S_IFREG) && attributes("/f/empty", S_IFREG) &&
          attributes("/f/plain", S_IFREG) && attributes("/f/fifo", S_IFIFO) &&
          attributes("/f", S_IFDIR));
    CHECK(!has("/f/odd", "lustre.lov", "somewhere else") &&
              strstr(run.log, "/f/odd: cannot set lustre.lov: Operation not supported"),
          "%s", run.log);
    CHECK(
        strstr(run.log,
               "restored 4 files (3 bytes), 1 directories, 1 symbolic links, 1 hard links, 2 fifos "
               "and devices; skipped 0, failed 0, attributes not set in full 1; 6 extended"),
        "%s", run.log);
    start("xattrs, never replaced", version);
    run.replace = 'n';
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_ERROR] == 0, "%s", run.log);
    start("xattrs, estimate", version);
    CHECK(run_estimate(&run, text) == 0 && run.entries == 9 && run.xattr_records == 0, "%s",
          run.log);
}

/* The daemon gets plain content: zeros from the hole map, which it does not store, and which come
 * back as holes; or only what is no hole. */
static void holes(uint32_t version, bool skipped)
{
    static const char text[] = "podheitor-hpc:path=/f;scene=holes";
    const char *const lines[] = { text, NULL };
    struct stat st;
    char path[400], *back = malloc(5002);
    static const int sizes[] = { 0, 4096, 1000, 262144 };
    start("holes", version);
    run.io_bytes = sizes[version % 4];
    const uint64_t bytes = skipped ? (64u << 20) + 10 + 1 + 100
                                   : (64u << 20) + 10 + (1u << 30) + 100;
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.data_bytes == bytes, "%llu %s",
          (unsigned long long)run.data_bytes, run.log);
    CHECK(stat(bench.volume, &st) == 0 && st.st_size < 2 << 20, "%lld bytes stored",
          (long long)st.st_size);
    start("holes", version);
    snprintf(where, sizeof where, "%s/holes%u%s", bench.dir, version, skipped ? "-skipped" : "");
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.data_errors == 0 &&
              run.said[SAID_ERROR] == 0,
          "%s", run.log);
    CHECK(at("/f/holes", &st) && st.st_size == (64u << 20) + 10 && st.st_blocks <= 40,
          "%lld blocks", (long long)st.st_blocks);
    snprintf(path, sizeof path, "%s/f/holes", where);
    int in = open(path, O_RDONLY);
    CHECK(pread(in, back, 5002, (1 << 20) + 99) == 5002 && back[0] == 0 && back[1] == 'x' &&
          back[5000] == 'x' && back[5001] == 0);
    CHECK(pread(in, back, 4098, (40 << 20) - 1) == 4098 && back[0] == 0 && back[1] == 'x' &&
          back[4096] == 'x' && back[4097] == 0);
    close(in);
    CHECK(at("/f/whole", &st) && st.st_size == 1 << 30 && st.st_blocks <= 8, "%lld",
          (long long)st.st_blocks);
    CHECK(at("/f/shrunk", &st) && st.st_size == 100 &&
              strstr(run.log, "it changed during the backup"),
          "%s", run.log);
    free(back);
}

/* Content whose reading failed half way: the restore says so and why, and so it does of a file with
 * attributes of its own. */
static void unread(uint32_t version)
{
    static const char text[] = "podheitor-hpc:path=/f;scene=read-error";
    const char *const lines[] = { text, NULL };
    struct stat st;
    start("unread", version);
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.data_errors == 3, "%s", run.log);
    start("unread", version);
    snprintf(where, sizeof where, "%s/unread%u", bench.dir, version);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_ERROR] == 3 &&
              run.said[SAID_WARNING] == 0,
          "%s", run.log);
    CHECK(strstr(run.log, "/f/bad: restored in part, 50000 of 100000 bytes: its reading failed "
                          "during the backup (Input/output error)"),
          "%s", run.log);
    CHECK(strstr(run.log, "/f/rich: restored in part, 50000 of 100000 bytes: its reading failed "
                          "during the backup (Stale file handle)"),
          "%s", run.log);
    CHECK(
        strstr(run.log,
               "/f/none: not restored: it could not be read during the backup (Permission denied)"),
        "%s", run.log);
    CHECK(at("/f/bad", &st) && st.st_size == 50000 && !at("/f/none", &st) && at("/f/after", &st) &&
          st.st_size == 10);
    CHECK(at("/f/rich", &st) && has("/f/rich", "user.x", "rich") &&
              !strstr(run.log, "podheitor.unread"),
          "%s", run.log);
}

/* Three extents of 4 KiB in 1 TiB: nothing else is read, and each comes back where it was. */
static void extents(uint32_t version)
{
    static const char text[] = "podheitor-hpc:path=/f;scene=tebibyte";
    const char *const lines[] = { text, NULL };
    const int64_t tib = (int64_t)1 << 40, places[] = { 0, tib / 2, tib - 4096 };
    char path[400], back[4097];
    struct stat st;
    start("extents", version);
    run.io_bytes = 1000;
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.data_bytes == 12288, "%llu %s",
          (unsigned long long)run.data_bytes, run.log);
    start("extents", version);
    snprintf(where, sizeof where, "%s/extents%u", bench.dir, version);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.data_errors == 0 &&
              run.said[SAID_ERROR] == 0,
          "%s", run.log);
    CHECK(at("/f/tebibyte", &st) && st.st_size == tib && st.st_blocks <= 48, "%lld blocks",
          (long long)st.st_blocks);
    snprintf(path, sizeof path, "%s/f/tebibyte", where);
    int in = open(path, O_RDONLY);
    for (size_t i = 0; i < 3; i++) {
        ssize_t n = pread(in, back, sizeof back, places[i]);
        CHECK(n >= 4096 && back[0] == 'x' && back[4095] == 'x' && (n == 4096 || back[4096] == 0),
              "extent %zu", i);
    }
    close(in);
}

struct piece {
    int64_t offset;
    int32_t len;
    char fill;
};

/* A volume of one file made of pieces: what a sparse backup leaves, or a volume that lost blocks.
 */
static void write_volume(const char *name, int64_t size, int64_t blocks, const struct piece *pieces,
                         size_t count)
{
    static char buf[65536];
    FILE *out = fopen(bench.volume, "wb");
    struct volume_entry e = { .magic = VOLUME_MAGIC,
                              .index = 1,
                              .type = 3,
                              .name_len = (uint32_t)strlen(name),
                              .st = { .st_mode = S_IFREG | 0600,
                                      .st_size = size,
                                      .st_blocks = blocks,
                                      .st_nlink = 1,
                                      .st_uid = geteuid(),
                                      .st_gid = getegid() } };
    const int64_t zero = 0;
    const int32_t end = -1;
    fwrite(&e, sizeof e, 1, out);
    fwrite(name, e.name_len, 1, out);
    for (size_t i = 0; i < count; i++) {
        memset(buf, pieces[i].fill, (size_t)pieces[i].len);
        fwrite(&pieces[i].offset, 8, 1, out);
        fwrite(&pieces[i].len, 4, 1, out);
        fwrite(buf, (size_t)pieces[i].len, 1, out);
    }
    fwrite(&zero, 8, 1, out);
    fwrite(&end, 4, 1, out);
    fclose(out);
}

static void pieces(uint32_t version)
{
    struct stat st;
    const struct piece sparse[] = { { 0, 4096, 'a' }, { 10000000, 4096, 'b' } },
                       half[] = { { 0, 4096, 'a' } };
    start("sparse", version);
    write_volume("/f/sparse", 10004096, 16, sparse, 2);
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.data_errors == 0 &&
              run.said[SAID_WARNING] == 0,
          "%s", run.log);
    CHECK(at("/f/sparse", &st) && st.st_size == 10004096 && st.st_blocks < 1000);
    start("half", version);
    write_volume("/f/half", 8192, 16, half, 1);
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.said[SAID_WARNING] == 1 &&
              strstr(run.log, "restored with 4096 bytes, 8192 when its attributes were read"),
          "%s", run.log);
    CHECK(at("/f/half", &st) && st.st_size == 4096);
    start("none", version);
    write_volume("/f/none", 8192, 16, NULL, 0);
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.said[SAID_ERROR] == 1 &&
              strstr(run.log, "/f/none: not restored: its data did not come from the volume"),
          "%s", run.log);
    CHECK(!at("/f/none", &st), "an empty file in its place would be a lie");
    start("dots", version);
    write_volume("/f/../../escape", 0, 0, NULL, 0);
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.said[SAID_ERROR] == 1 &&
              run.data_errors == 1,
          "%s", run.log);
}

/* Without `where`, files go back to the path of the plugin string, through the symlinks above it.
 */
static void in_place(uint32_t version)
{
    char real[200], alias[200], name[300], text[400], path[300];
    struct stat st;
    const struct piece one[] = { { 0, 10, 'x' } };
    snprintf(real, sizeof real, "%s/real%u", bench.dir, version);
    snprintf(alias, sizeof alias, "%s/alias%u", bench.dir, version);
    snprintf(name, sizeof name, "%s/data/file", alias);
    snprintf(text, sizeof text, "podheitor-hpc:path=%s/data/", alias);
    CHECK(mkdir(real, 0700) == 0 && symlink(real, alias) == 0);
    start("in place", version);
    run.where = NULL;
    write_volume(name, 10, 8, one, 1);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_ERROR] == 0, "%s", run.log);
    snprintf(path, sizeof path, "%s/data/file", real);
    CHECK(lstat(path, &st) == 0 && st.st_size == 10);
    start("through a symlink below the path", version);
    run.where = NULL;
    snprintf(text, sizeof text, "podheitor-hpc:path=%s", bench.dir);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_ERROR] == 1 &&
              strstr(run.log, "none is followed"),
          "%s", run.log);
}

/* The path itself is a symlink, which root may have set, or somebody else: its directory is filled,
 * or nothing is touched. */
static void in_place_through(uint32_t version)
{
    char real[200], alias[200], name[300], text[400], path[300];
    struct stat st;
    const struct piece one[] = { { 0, 10, 'x' } };
    snprintf(real, sizeof real, "%s/there%u", bench.dir, version);
    snprintf(alias, sizeof alias, "%s/path%u", bench.dir, version);
    snprintf(name, sizeof name, "%s/file", alias);
    snprintf(path, sizeof path, "%s/file", real);
    snprintf(text, sizeof text, "podheitor-hpc:path=%s", alias);
    CHECK(mkdir(real, 0700) == 0 && symlink(real, alias) == 0);
    for (int theirs = 0; theirs <= (geteuid() == 0); theirs++) {
        start(theirs ? "in place, their symlink" : "in place, root's symlink", version);
        run.where = NULL;
        write_volume(name, 10, 8, one, 1);
        CHECK(unlink(path) == 0 || !theirs);
        CHECK(!theirs || lchown(alias, 12345, 12345) == 0);
        CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_FATAL] == 0, "%s",
              run.log);
        CHECK(lstat(alias, &st) == 0 && S_ISLNK(st.st_mode));
        if (theirs)
            CHECK(lstat(path, &st) != 0 && run.said[SAID_ERROR] == 1 &&
                      strstr(run.log, "the symbolic link ") && strstr(run.log, "failed 1,"),
                  "%s", run.log);
        else
            CHECK(lstat(path, &st) == 0 && st.st_size == 10 && run.said[SAID_ERROR] == 0, "%s",
                  run.log);
    }
    start("where, their symlink", version);
    snprintf(where, sizeof where, "%s", alias);
    CHECK(run_restore(&run, text, bench.volume) == 0 && (geteuid() || run.said[SAID_ERROR] == 1),
          "%s", run.log);
}

/* Any entry, with six bytes of data if it is a file. */
static void add_entry(FILE *out, int index, int type, const struct stat *st, const char *name,
                      const char *link)
{
    struct volume_entry e = { .magic = VOLUME_MAGIC,
                              .index = index,
                              .type = type,
                              .name_len = (uint32_t)strlen(name),
                              .link_len = (uint32_t)strlen(link),
                              .st = *st };
    const int64_t zero = 0;
    const int32_t six = 6, end = -1;
    fwrite(&e, sizeof e, 1, out);
    fwrite(name, e.name_len, 1, out);
    fwrite(link, e.link_len, 1, out);
    if (type == TYPE_REGULAR) {
        fwrite(&zero, 8, 1, out);
        fwrite(&six, 4, 1, out);
        fwrite("abcdef", 6, 1, out);
    }
    fwrite(&zero, 8, 1, out);
    fwrite(&end, 4, 1, out);
}

/* Names of one file below two paths of the job, of which one comes before the first. It became
 * shorter while it was saved. */
static void linked_paths(uint32_t version)
{
    char top[200], text[600], names[5][300], *dir = names[0], *leader = names[1], *early = names[2],
                                             *late = names[3];
    struct stat st, other;
    struct stat file = { .st_mode = S_IFREG | 0640,
                         .st_size = 10,
                         .st_blocks = 8,
                         .st_nlink = 3,
                         .st_uid = geteuid(),
                         .st_gid = getegid(),
                         .st_mtim.tv_sec = 1000 };
    struct stat directory = { .st_mode = S_IFDIR | 0750,
                              .st_nlink = 2,
                              .st_uid = geteuid(),
                              .st_gid = getegid(),
                              .st_mtim.tv_sec = 1000 };
    snprintf(top, sizeof top, "%s/linked%u", bench.dir, version);
    snprintf(text, sizeof text, "podheitor-hpc:path=%s/one;path=%s/two", top, top);
    snprintf(dir, sizeof names[0], "%s/two/dir/", top);
    snprintf(leader, sizeof names[0], "%s/one/leader", top);
    snprintf(early, sizeof names[0], "%s/two/dir/early", top);
    snprintf(late, sizeof names[0], "%s/two/dir/late", top);
    start("in place, linked across paths", version);
    run.where = NULL;
    FILE *out = fopen(bench.volume, "wb");
    add_entry(out, 1, TYPE_DIRECTORY, &directory, dir, "");
    add_entry(out, 2, TYPE_HARDLINK, &file, early, leader);
    add_entry(out, 3, TYPE_REGULAR, &file, leader, "");
    add_entry(out, 4, TYPE_HARDLINK, &file, late, leader);
    fclose(out);
    CHECK(mkdir(top, 0755) == 0);
    CHECK(run_restore(&run, text, bench.volume) == 0 && run.said[SAID_ERROR] == 0, "%s", run.log);
    CHECK(strstr(run.log,
                 "restored 1 files (6 bytes), 1 directories, 0 symbolic links, 2 hard links"),
          "%s", run.log);
    CHECK(lstat(leader, &st) == 0 && st.st_nlink == 3 && lstat(early, &other) == 0 &&
          other.st_ino == st.st_ino);
    CHECK(lstat(dir, &st) == 0 && st.st_mtim.tv_sec == 1000 && (st.st_mode & 07777) == 0750, "%lld",
          (long long)st.st_mtim.tv_sec);
}

static int cancel_now(struct job_run *r, uint64_t number)
{
    if (number == 2) /* the console's thread would do it; the calls are the same */
        run_event(r, EVENT_CANCEL, NULL);
    return 0;
}

static void cancelled(uint32_t version)
{
    const char *const lines[] = { line, NULL };
    start("cancel", version);
    CHECK(run_backup(&run, lines, bench.volume) == 0, "%s", run.log);
    start("cancel", version);
    snprintf(where, sizeof where, "%s/cancelled%u", bench.dir, version);
    run.at_entry = cancel_now;
    run_restore(&run, line, bench.volume);
    struct stat st;
    CHECK(run.said[SAID_FATAL] == 0 && !at("/f/big", &st) && run.entries == 2, "%s", run.log);
}

void test_restore(const char *plugin, const char *fake)
{
    char error[500];
    bench_make(&bench, plugin, fake);
    run_init(&run, &fd);
    mode_t mask = umask(022);
    for (size_t i = 0; fd_versions[i]; i++) {
        CHECK(fd_open(&fd, bench.plugin, fd_versions[i], error, sizeof error) == 0, "%s", error);
        round_trip(fd_versions[i]);
        pieces(fd_versions[i]);
        xattrs(fd_versions[i]);
        holes(fd_versions[i], fd_versions[i] == 14);
        bench_conf(&bench, "backend = %s\nholes = %s\n", fake,
                   fd_versions[i] == 14 ? "send" : "skip");
        holes(fd_versions[i], fd_versions[i] != 14);
        bench_conf(&bench, "backend = %s\nholes = skip\n", fake);
        extents(fd_versions[i]);
        bench_conf(&bench, "backend = %s\nstall-limit = 20\n", fake);
        unread(fd_versions[i]);
        in_place(fd_versions[i]);
        in_place_through(fd_versions[i]);
        linked_paths(fd_versions[i]);
        cancelled(fd_versions[i]);
        fd_close(&fd);
    }
    umask(mask);
    run_free(&run);
    bench_remove(&bench);
}
