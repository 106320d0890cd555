/* The real backend: a tree is saved and restored and compared name by name; incrementals; cancel in
 * the middle. */
#include "test.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static struct bench bench;
static struct daemon fd;
static struct job_run run;
static char line[300];

static void start(const char *what)
{
    context = what;
    run_free(&run);
    run_init(&run, &fd);
    run.work_dir = bench.dir;
}

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[4000];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

static int backup(const char *volume)
{
    const char *const lines[] = { line, NULL };
    int rc = run_backup(&run, lines, volume);
    check_no_children();
    return rc;
}

static void make_tree(void)
{
    CHECK(shell("set -e; unset NODE_OPTIONS LD_LIBRARY_PATH; mkdir -p '%s/a/b/empty' && cd '%s' && "
                "seq 1 20000 >a/seq && : >a/none && ln a/seq a/b/other && ln -s ../seq a/b/sym && "
                "ln a/seq \"$(printf 'a/new\\nline')\" && printf x >\"$(printf 'a/bad\\377')\" && "
                "printf y >./-dash && mkfifo a/pipe && "
                "head -c 3000001 /dev/urandom >a/big && truncate -s 50M a/sparse && printf end "
                ">>a/sparse && chmod 0 a/none && chmod 2751 a/b && "
                "touch -d '2001-02-03 04:05:06.123456789' a/seq a/b && touch -h -d '1969-12-31 "
                "00:00:00.5' a/b/sym",
                bench.tree, bench.tree) == 0);
}

/* find and cmp, not our own code: type, mode, owner, size, mtime with nanoseconds, link count and
 * target; then the bytes. */
static int differences(const char *a, const char *b)
{
    return shell("unset NODE_OPTIONS LD_LIBRARY_PATH; cd '%s' && find . -printf '%%P\\0%%y %%m %%U "
                 "%%G %%T@ %%n %%l\\0' | LC_ALL=C sort -z >'%s/one'; "
                 "cd '%s' && find . -printf '%%P\\0%%y %%m %%U %%G %%T@ %%n %%l\\0' | LC_ALL=C "
                 "sort -z >'%s/two'; cmp '%s/one' '%s/two' && "
                 "cd '%s' && test -z \"$(find . -type f ! -exec cmp {} '%s/{}' \\; -print)\"",
                 a, bench.dir, b, bench.dir, bench.dir, bench.dir, a, b);
}

static void full_and_restore(void)
{
    char where[200], restored[500];
    start("real backend, full");
    CHECK(backup(bench.volume) == 0 && run.said[SAID_ERROR] == 0 && run.said[SAID_WARNING] == 0,
          "%s", run.log);
    CHECK(run.entries == 14, "%llu entries\n%s", (unsigned long long)run.entries, run.log);
    snprintf(where, sizeof where, "%s/where", bench.dir);
    snprintf(restored, sizeof restored, "%s%s", where, bench.tree);
    start("real backend, restore");
    run.where = where;
    CHECK(run_restore(&run, line, bench.volume) == 0 && run.data_errors == 0 &&
              run.said[SAID_ERROR] == 0 && run.said[SAID_WARNING] == 0,
          "%s", run.log);
    CHECK(differences(bench.tree, restored) == 0);
}

static void incremental(void)
{
    char second[200];
    snprintf(second, sizeof second, "%s/second", bench.dir);
    CHECK(
        shell(
            "unset NODE_OPTIONS LD_LIBRARY_PATH; cd '%s' && rm a/big && rmdir a/b/empty && printf "
            "z >a/added && printf ww >a/tmp && mv a/tmp ./-dash && touch -d 2010-01-01 . a a/b",
            bench.tree) == 0);
    start("real backend, accurate incremental");
    /* Everything is older than `since`: the accurate list alone decides, over CHECK batches. */
    run.level = 'I', run.since = time(NULL) + 100, run.accurate = true, run.previous = bench.volume;
    CHECK(backup(second) == 0 && run.said[SAID_ERROR] == 0, "%s", run.log);
    CHECK(run.deleted == 2, "%llu deleted", (unsigned long long)run.deleted);
    /* added, -dash, and the three directories whose times changed */
    CHECK(run.entries == 5, "%llu entries\n%s", (unsigned long long)run.entries, run.log);
    start("real backend, estimate");
    CHECK(run_estimate(&run, line) == 0);
    CHECK(run.entries == 13, "%llu entries\n%s", (unsigned long long)run.entries, run.log);
}

static void bad_input(void)
{
    start("real backend, unknown key");
    const char *const bad[] = { "podheitor-hpc:path=/tmp;colour=blue", NULL };
    CHECK(run_backup(&run, bad, NULL) != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "colour"),
          "%s", run.log);
    start("real backend, missing path");
    const char *const gone[] = { "podheitor-hpc:path=/no/such/tree", NULL };
    CHECK(run_backup(&run, gone, NULL) != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "/no/such/tree"),
          "%s", run.log);
    check_no_children();
}

static int kill_backend(struct job_run *r, uint64_t number)
{
    (void)r;
    return number == 3 ? shell("unset NODE_OPTIONS LD_LIBRARY_PATH; pkill -KILL -P %d -f "
                               "podheitor-hpc-backend",
                               (int)getpid())
                       : 0;
}

static void deaths(void)
{
    CHECK(shell("unset NODE_OPTIONS LD_LIBRARY_PATH; cd '%s' && mkdir many && cd many && seq 1 "
                "3000 | split -l 1 -a 4 && truncate -s 3G hole",
                bench.tree) == 0);
    start("real backend, cancel");
    run.cancel_after = 20;
    CHECK(backup(NULL) != 0 && run.cancelled && run.said[SAID_FATAL] == 0 && run.end_seconds < 5,
          "%.1f s\n%s", run.end_seconds, run.log);
    start("real backend, kill -9");
    run.at_entry = kill_backend;
    CHECK(backup(NULL) != 0 && run.said[SAID_FATAL] == 1 && strstr(run.log, "killed by signal 9"),
          "%s", run.log);
}

void test_real_backend(const char *plugin, const char *node, const char *backend)
{
    char error[500];
    bench_make(&bench, plugin, backend);
    bench_conf(&bench, "backend = %s\nnode = %s\n", backend, node);
    snprintf(line, sizeof line, "podheitor-hpc: path=%s", bench.tree);
    run_init(&run, &fd);
    make_tree();
    CHECK(fd_open(&fd, bench.plugin, 23, error, sizeof error) == 0, "%s", error);
    full_and_restore();
    incremental();
    bad_input();
    deaths();
    fd_close(&fd);
    run_free(&run);
    bench_remove(&bench);
}
