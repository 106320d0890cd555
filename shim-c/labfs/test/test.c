/* The rules, and, when the program's path is given, a mount in a folder of its own. */
#include "../rules.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int failures;
#define CHECK(c) \
    do { \
        if (!(c)) { \
            failures++; \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #c, strerror(errno)); \
        } \
    } while (0)

static void test_rules(void)
{
    static const char *const bad[] = {
        "",
        "read",
        "read error",
        "read error 5",
        "read error 5 : x",
        "frob error 5 : /a",
        "read frob : /a",
        "read error NOPE : /a",
        "read error 0 : /a",
        "read short x : /a",
        "read error 5 offset : /a",
        "read error 5 offset x : /a",
        "read error 5 frob 1 : /a",
        ",  error 5 : /a",
        "read replace : /a",
        "read error -1 : /a",
        "read delay 99999999999999999999 : /a",
        "read delay 9999999999999999 : /a",
    };
    struct labfs_rule r;
    char error[100];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *error = 0;
        CHECK(labfs_rule_parse(&r, bad[i], error, sizeof error) == -EINVAL && *error && !r.path);
    }
    CHECK(labfs_rule_parse(&r, "read,write error EIO offset 100 after 1 times 2 : /a : b/*", error,
                           sizeof error) == 0);
    CHECK(r.ops == (1u << OP_READ | 1u << OP_WRITE) && r.action == ACT_ERROR && r.number == EIO &&
          strcmp(r.path, "/a : b/*") == 0);
    CHECK(!labfs_rule_takes(&r, OP_OPEN, "/a : b/c", 200) &&
          !labfs_rule_takes(&r, OP_READ, "/a", 200) &&
          !labfs_rule_takes(&r, OP_READ, "/a : b/c", 99));
    CHECK(!labfs_rule_takes(&r, OP_READ, "/a : b/c", 100)); /* the one that goes well */
    CHECK(labfs_rule_takes(&r, OP_READ, "/a : b/c/d", 100) &&
          labfs_rule_takes(&r, OP_WRITE, "/a : b/c", 300) &&
          !labfs_rule_takes(&r, OP_READ, "/a : b/c", 300));
    CHECK(r.hits == 2);
    labfs_rule_free(&r);
    CHECK(labfs_rule_parse(&r, "all delay 3 : /y", error, sizeof error) == 0 && r.number == 3000);
    labfs_rule_free(&r);
    CHECK(labfs_rule_parse(&r, "all delay-us 3 : /y", error, sizeof error) == 0 && r.number == 3);
    labfs_rule_free(&r);
    CHECK(labfs_rule_parse(&r, "all exchange /x : /y", error, sizeof error) == 0 && r.times == 1 &&
          strcmp(r.other, "/x") == 0 && r.ops == (1u << OP_COUNT) - 1);
    labfs_rule_free(&r);
    for (int op = 0; op < OP_COUNT; op++) {
        char line[100];
        snprintf(line, sizeof line, "%s hang : /x", labfs_op_name(op));
        CHECK(labfs_rule_parse(&r, line, error, sizeof error) == 0 && r.ops == 1u << op);
        labfs_rule_free(&r);
    }
}

static char folder[] = "/tmp/labfs-test-XXXXXX";

static const char *in(const char *where, const char *name)
{
    static char out[4][200];
    static int n;
    n = (n + 1) % 4;
    snprintf(out[n], sizeof out[n], "%s/%s/%s", folder, where, name);
    return out[n];
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int rule(const char *line)
{
    return put(in("mnt", ".labfs"), line);
}

static ssize_t get(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), kept;
    ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);
    kept = errno;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = 0;
    errno = kept;
    return n;
}

static void *reader(void *arg)
{
    char out[100];
    (void)arg;
    return (void *)(intptr_t)get(in("mnt", "file"), out, sizeof out);
}

static bool within_a_second(bool (*condition)(void))
{
    for (int i = 0; i < 1000; i++) {
        if (condition())
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    return false;
}

static bool mounted(void)
{
    struct stat a, b;
    return stat(folder, &a) == 0 && stat(in("mnt", "."), &b) == 0 && a.st_dev != b.st_dev;
}

/* Between its end and the unmounting the folder answers ENOTCONN: neither. */
static bool unmounted(void)
{
    struct stat a, b;
    return stat(folder, &a) == 0 && stat(in("mnt", "."), &b) == 0 && a.st_dev == b.st_dev;
}

static bool hangs(void)
{
    char out[4096];
    return get(in("mnt", ".labfs"), out, sizeof out) > 0 && strstr(out, "hanging 1");
}

static void faults(void)
{
    char out[4096];
    struct stat st;
    pthread_t thread;
    void *result;
    CHECK(get(in("mnt", "file"), out, sizeof out) == 10 && strcmp(out, "0123456789") == 0);
    CHECK(rule("nonsense") != 0);
    CHECK(rule("read error EIO offset 5 : /file\n") == 0);
    CHECK(get(in("mnt", "file"), out, sizeof out) == -1 && errno == EIO);
    CHECK(get(in("mnt", "file"), out, 4) == 3);
    CHECK(rule("clear\nread short 3 : /file\ngetattr error ESTALE : /dir\nopen error EACCES times "
               "1 : /dir/*\n") == 0);
    CHECK(get(in("mnt", "file"), out, sizeof out) == 3);
    CHECK(stat(in("mnt", "dir"), &st) == -1 && errno == ESTALE);
    CHECK(rule("clear\nread append 5 : /file\nopen truncate 1 after 1 : /file") == 0);
    CHECK(get(in("mnt", "file"), out, sizeof out) == 15);
    CHECK(get(in("mnt", "file"), out, sizeof out) == 1);
    CHECK(get(in("mnt", ".labfs"), out, sizeof out) > 0 &&
          strcmp(out, "1 read append 5 : /file\n1 open truncate 1 after 1 : /file\nhanging 0\n") ==
              0);
    /* A directory becomes a symlink between two looks at it. */
    CHECK(rule("clear\nopendir exchange /link : /dir") == 0);
    CHECK(stat(in("mnt", "dir/below"), &st) == 0);
    int fd = open(in("mnt", "dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd < 0 || close(fd) == 0);
    CHECK(lstat(in("mnt", "dir"), &st) == 0 && S_ISLNK(st.st_mode) &&
          lstat(in("mnt", "link"), &st) == 0 && S_ISDIR(st.st_mode));
    /* A hung read blocks neither its neighbours nor the control. */
    CHECK(rule("clear\nread hang : /file") == 0);
    pthread_create(&thread, NULL, reader, NULL);
    CHECK(within_a_second(hangs));
    CHECK(stat(in("mnt", "link/below"), &st) == 0);
    CHECK(rule("release") == 0);
    pthread_join(thread, &result);
    CHECK((intptr_t)result == 1);
    CHECK(get(in("mnt", "file"), out, sizeof out) == 1); /* the rule is gone */
    CHECK(rule("file,no") != 0 && rule("unlink,create error ENOSPC : /new") == 0);
    CHECK(put(in("mnt", "new"), "x") != 0 && errno == ENOSPC);
    CHECK(rule("clear\nwrite error ENOSPC offset 2 : /new") == 0 &&
          put(in("mnt", "new"), "x") == 0 && put(in("mnt", "new"), "xy") != 0 && errno == ENOSPC);
    CHECK(rule("clear\ngetattr replace /new : /file") == 0 && stat(in("mnt", "file"), &st) == 0 &&
          st.st_size == 1);
    CHECK(rule("clear\nopen unlink : /file") == 0 &&
          get(in("mnt", "file"), out, sizeof out) == -1 && errno == ENOENT);
}

static int control(const char *line)
{
    return put(in("mnt", ".labfs-lustre"), line);
}

/* Names in a directory; *error: errno of readdir, 0 at its end. */
static int names(const char *path, int *error)
{
    DIR *dir = opendir(in("mnt", path));
    int count = 0;
    *error = dir ? 0 : errno;
    if (!dir)
        return -1;
    for (errno = 0; readdir(dir); errno = 0)
        count++;
    *error = errno;
    closedir(dir);
    return count - 2;
}

static bool lists(const char *path, const char *name)
{
    char list[4096];
    ssize_t n = listxattr(in("mnt", path), list, sizeof list);
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1)
        if (strcmp(list + i, name) == 0)
            return true;
    return false;
}

static bool recalled(void)
{
    char out[4096];
    return get(in("mnt", ".labfs-lustre"), out, sizeof out) > 0 && strstr(out, "recalls 1\n") &&
           hangs();
}

/* As a client of Lustre 2.17.0 was seen to behave. */
static void lustre(void)
{
    char out[4096], path[200], value[100];
    struct stat st;
    struct fsxattr x;
    pthread_t thread;
    void *result;
    uint32_t pattern;
    int error, fd;

    CHECK(mkdir(in("src", "remote"), 0755) == 0 && mkdir(in("src", "striped"), 0755) == 0);
    CHECK(setxattr(in("src", "remote"), "trusted.lab.mdt", "1", 1, 0) == 0 &&
          setxattr(in("src", "striped"), "trusted.lab.mdt", "0,1", 3, 0) == 0);
    CHECK(put(in("src", "remote/r"), "x") == 0 &&
          setxattr(in("src", "dir/below"), "trusted.lab.ost", "2", 1, 0) == 0);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "striped/s%d", i);
        CHECK(put(in("src", path), "x") == 0);
    }
    CHECK(names("striped", &error) == 20 && error == 0);
    CHECK(control("mdt 7 inactive") != 0 && control("mdt 1 away") != 0 &&
          control("mdt 1 inactive\n") == 0);
    CHECK(get(in("mnt", ".labfs-lustre"), out, sizeof out) > 0 &&
          strstr(out, "mdt 0 ACTIVE\nmdt 1 INACTIVE\nost 0 ACTIVE\n"));
    int some = names("striped", &error);
    CHECK(some > 0 && some < 20 && error == ESHUTDOWN);
    CHECK(stat(in("mnt", "remote"), &st) == -1 && errno == ESHUTDOWN &&
          stat(in("mnt", "dir"), &st) == 0);
    CHECK(control("mdt 1 silent\n") == 0 && names("striped", &error) == some && error == 0);
    CHECK(getxattr(in("mnt", "striped"), "lab.closing", value, sizeof value) == 1 &&
          getxattr(in("mnt", "dir"), "lab.closing", value, sizeof value) == -1);
    CHECK(control("mdt 1 active\nost 2 inactive\n") == 0 && names("striped", &error) == 20 &&
          error == 0);
    CHECK(stat(in("mnt", "dir/below"), &st) == -1 && errno == ESHUTDOWN &&
          control("ost 2 active") == 0);

    CHECK(lists("file", "lustre.lov") && lists("file", "trusted.link") &&
          !lists("file", "trusted.lab.mdt") && lists("striped", "trusted.lmv"));
    CHECK(setxattr(in("mnt", "file"), "trusted.foo", "bar", 3, 0) == 0 &&
          lists("file", "trusted.foo"));
    CHECK(getxattr(in("src", "file"), "trusted.lab.x.trusted.foo", value, sizeof value) == 3);
    CHECK(setxattr(in("mnt", "file"), "trusted.lov", "x", 1, 0) == 0 &&
          getxattr(in("mnt", "file"), "trusted.lov", value, sizeof value) == 56);
    CHECK(setxattr(in("mnt", "file"), "lustre.foo", "x", 1, 0) == -1 && errno == EOPNOTSUPP);

    CHECK(setxattr(in("src", "file"), "trusted.lab.released", "1", 1, 0) == 0);
    CHECK(stat(in("mnt", "file"), &st) == 0 && st.st_size == 10 && st.st_blocks == 1 &&
          st.st_mtim.tv_nsec == 0 && lists("file", "trusted.hsm"));
    CHECK(getxattr(in("mnt", "file"), "lustre.lov", value, sizeof value) == 32);
    memcpy(&pattern, value + 4, sizeof pattern);
    CHECK(pattern == 0x80000001u);
    pthread_create(&thread, NULL, reader, NULL);
    CHECK(within_a_second(recalled));
    CHECK(rule("release") == 0);
    pthread_join(thread, &result);
    CHECK((intptr_t)result == -1);

    fd = open(in("mnt", "dir"), O_RDONLY | O_DIRECTORY);
    CHECK(ioctl(fd, FS_IOC_FSGETXATTR, &x) == 0 && x.fsx_projid == 0 && x.fsx_xflags == 0);
    x.fsx_projid = 42;
    x.fsx_xflags = FS_XFLAG_PROJINHERIT;
    CHECK(ioctl(fd, FS_IOC_FSSETXATTR, &x) == 0);
    memset(&x, 0, sizeof x);
    CHECK(ioctl(fd, FS_IOC_FSGETXATTR, &x) == 0 && x.fsx_projid == 42 &&
          x.fsx_xflags == FS_XFLAG_PROJINHERIT);
    close(fd);
}

static void test_mount(const char *program, void (*tests)(void), const char *kind)
{
    strcpy(folder, "/tmp/labfs-test-XXXXXX");
    CHECK(mkdtemp(folder) && mkdir(in("src", "."), 0755) != 0);
    char src[100], mnt[100];
    snprintf(src, sizeof src, "%s/src", folder);
    snprintf(mnt, sizeof mnt, "%s/mnt", folder);
    CHECK(mkdir(src, 0755) == 0 && mkdir(mnt, 0755) == 0 && mkdir(in("src", "dir"), 0755) == 0);
    CHECK(put(in("src", "file"), "0123456789") == 0 && put(in("src", "dir/below"), "x") == 0 &&
          symlink("/", in("src", "link")) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, src, mnt, kind, (char *)NULL);
        _exit(127);
    }
    bool up = within_a_second(mounted);
    CHECK(up);
    if (up)
        tests();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(within_a_second(unmounted));
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
}

int main(int argc, char **argv)
{
    test_rules();
    if (argc > 1) {
        test_mount(argv[1], faults, NULL);
        test_mount(argv[1], lustre, "lustre");
    }
    printf("labfs: %s%s\n", failures ? "FAILED" : "ok", argc > 1 ? "" : " (rules only)");
    return failures ? 1 : 0;
}
