/* test-plugin PLUGIN FAKE-BACKEND [NODE BACKEND]: the plugin, played by the host, against scenes
 * and against the real backend. */
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int failures;
const char *context = "";
static int checks;

void check_that(bool good, const char *file, int line, const char *what, const char *format, ...)
{
    checks++;
    if (good)
        return;
    failures++;
    fprintf(stderr, "FAILED %s:%d [%s] %s: ", file, line, context, what);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void copy_file(const char *from, const char *to)
{
    char buf[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (!in || !out) {
        perror(in ? to : from);
        exit(1);
    }
    for (size_t n; (n = fread(buf, 1, sizeof buf, in)) > 0;)
        fwrite(buf, 1, n, out);
    fclose(in);
    fclose(out);
}

void bench_conf(struct bench *b, const char *format, ...)
{
    FILE *out = fopen(b->conf, "w");
    va_list args;
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    fclose(out);
    chmod(b->conf, 0644);
}

void bench_make(struct bench *b, const char *plugin, const char *backend)
{
    snprintf(b->dir, sizeof b->dir, "/tmp/hpc-shim-test.XXXXXX");
    if (!mkdtemp(b->dir))
        abort();
    snprintf(b->plugin, sizeof b->plugin, "%s/podheitor-hpc-fd.so", b->dir);
    snprintf(b->conf, sizeof b->conf, "%s/podheitor-hpc-fd.conf", b->dir);
    snprintf(b->volume, sizeof b->volume, "%s/volume", b->dir);
    snprintf(b->tree, sizeof b->tree, "%s/tree", b->dir);
    copy_file(plugin, b->plugin);
    bench_conf(b, "# a test's\n\nbackend = %s\nstall-limit = 20\n", backend);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

void bench_remove(struct bench *b)
{
    nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void check_no_children(void)
{
    errno = 0;
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a backend was left behind");
}

int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5)
        return 2;
    signal(SIGPIPE, SIG_IGN); /* as in the daemon: the plugin relies on EPIPE */
    signal(SIGHUP, SIG_IGN);
    setenv("NODE_OPTIONS", "--no-such-option", 1);
    setenv("LD_LIBRARY_PATH", "/nonexistent", 1);
    setenv("PODHEITOR_HPC_TEST", "passes", 1);
    int before = open_descriptors();
    test_units();
    test_conf(argv[1], argv[2]);
    test_backup(argv[1], argv[2]);
    test_restore(argv[1], argv[2]);
    if (argc == 5)
        test_real_backend(argv[1], argv[3], argv[4]);
    check_no_children();
    CHECK(open_descriptors() == before, "%d descriptors instead of %d", open_descriptors(), before);
    printf("%d checks, %d failed%s\n", checks, failures,
           argc == 5 ? "" : " (real backend: not built, left out)");
    return failures ? 1 : 0;
}
