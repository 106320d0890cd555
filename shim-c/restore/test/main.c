/* Runs the tests named on the command line, or all; each in a process of its own. */
#include "test.h"
#include <dirent.h>
#include <ftw.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
char scratch[64];

#define SKIPPED 77

void fail_at(const char *file, int line, const char *what, long long got, long long wanted)
{
    fprintf(stderr, "%s:%d: %s: got %lld, wanted %lld (errno %s)\n", file, line, what, got, wanted,
            strerror(errno));
    exit(1);
}

void skip(const char *reason)
{
    printf("  skipped: %s\n", reason);
    exit(SKIPPED);
}

struct hpc_restore *open_core(enum hpc_replace replace, unsigned flags)
{
    int err = 1;
    struct hpc_restore *r = hpc_restore_new("base", ".", replace, flags, &err);
    EQUAL(err, 0);
    CHECK(r);
    return r;
}

struct hpc_entry_head entry(uint32_t mode, uint64_t size)
{
    return (struct hpc_entry_head){
        .version = HPC_ENTRY_VERSION,
        .kind = 1,
        .flags = S_ISREG(mode) ? HPC_ENTRY_HAS_DATA : 0,
        .nlink = 1,
        .size = size,
        .blocks = (size + 511) / 512,
        .mtime_s = 1000,
        .mtime_ns = 500000000,
        .atime_s = 2000,
        .atime_ns = 250000000,
        .mode = mode,
        .uid = 1234,
        .gid = 1234,
    };
}

int put(struct hpc_restore *r, struct hpc_entry_head head, const char *name, const char *link)
{
    return hpc_restore_begin(r, &head, name, strlen(name), link, link ? strlen(link) : 0);
}

int put_file(struct hpc_restore *r, struct hpc_entry_head head, const char *name,
             const char *content)
{
    int result = put(r, head, name, NULL);
    if (result != HPC_BEGIN_DATA)
        return result;
    result = hpc_restore_write(r, 0, content, strlen(content));
    int end = hpc_restore_end(r, result == 0);
    return result ? result : end;
}

struct hpc_restore_stats stats_of(const struct hpc_restore *r)
{
    struct hpc_restore_stats stats;
    hpc_restore_get_stats(r, &stats);
    return stats;
}

void write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    EQUAL(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

void set_mtime(const char *path, long seconds, long nanoseconds)
{
    struct timespec times[2] = { { seconds, nanoseconds }, { seconds, nanoseconds } };
    EQUAL(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

struct stat stat_of(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        fail_at(path, 0, "lstat", -1, 0);
    return st;
}

bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

void content_is(const char *path, const char *content)
{
    char buf[4096] = { 0 };
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    CHECK(fd >= 0);
    ssize_t n = read(fd, buf, sizeof buf - 1);
    close(fd);
    if (n != (ssize_t)strlen(content) || memcmp(buf, content, (size_t)n) != 0) {
        fprintf(stderr, "%s holds \"%s\", not \"%s\"\n", path, buf, content);
        exit(1);
    }
}

static int found_leftovers;
static int see(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type;
    found_leftovers += strncmp(path + at->base, ".podheitor-hpc", 14) == 0;
    return 0;
}

int leftovers(const char *path)
{
    found_leftovers = 0;
    EQUAL(nftw(path, see, 32, FTW_PHYS), 0);
    return found_leftovers;
}

int open_fds(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void remove_tree(const char *path)
{
    char *argv[] = { "rm", "-rf", "--", (char *)path, NULL };
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
        waitpid(pid, &status, 0);
}

static int run(const char *name, void (*test)(void))
{
    printf("%s\n", name);
    fflush(stdout);
    strcpy(scratch, "/tmp/hpc-restore-XXXXXX");
    if (!mkdtemp(scratch) || chmod(scratch, 0777) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        umask(022);
        if (chdir(scratch) < 0 || mkdir("base", 0777) < 0 || chmod("base", 0777) < 0)
            exit(1);
        test();
        exit(0);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    remove_tree(scratch);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        return 0;
    if (status != 0)
        fprintf(stderr, "%s FAILED (status 0x%x)\n", name, status);
    return status != 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
#define ROW(name) { #name, name },
        TESTS(ROW)
#undef ROW
    };
    int failed = 0, ran = 0;
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        bool wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            wanted |= strcmp(argv[a], tests[i].name) == 0;
        if (wanted) {
            failed += run(tests[i].name, tests[i].run);
            ran++;
        }
    }
    printf("%d tests, %d failed\n", ran, failed);
    return failed || !ran;
}
