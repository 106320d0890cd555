/* The configuration: whatever is wrong with it fails the job with one message that names the thing.
 */
#include "test.h"
#include <stdlib.h>
#include <unistd.h>

static struct bench bench;
static struct daemon fd;

static void fails(const char *what, const char *words)
{
    struct job_run *r = malloc(sizeof *r);
    const char *const lines[] = { "podheitor-hpc:path=/f;scene=empty", NULL };
    context = what;
    run_init(r, &fd);
    CHECK(run_backup(r, lines, NULL) != 0);
    CHECK(r->said[SAID_FATAL] == 1 && strstr(r->log, words), "%s", r->log);
    check_no_children();
    run_free(r);
    free(r);
}

static void succeeds(const char *what)
{
    struct job_run *r = malloc(sizeof *r);
    const char *const lines[] = { "podheitor-hpc:path=/f;scene=empty", NULL };
    context = what;
    run_init(r, &fd);
    CHECK(run_backup(r, lines, NULL) == 0, "%s", r->log);
    run_free(r);
    free(r);
}

void test_conf(const char *plugin, const char *fake)
{
    char error[500], own[200];
    bench_make(&bench, plugin, fake);
    snprintf(own, sizeof own, "%s/backend", bench.dir);
    CHECK(fd_open(&fd, bench.plugin, 23, error, sizeof error) == 0, "%s", error);
    unlink(bench.conf);
    fails("no configuration", "podheitor-hpc-fd.conf: No such file or directory; remedy: run "
                              "'podheitor-hpc plugin install'");
    bench_conf(&bench, "# nothing\n");
    fails("no backend", "names no backend; remedy:");
    bench_conf(&bench, "backend %s\n", fake);
    fails("no equals sign", "line 1: 'backend /");
    bench_conf(&bench, "\n color = blue\n");
    fails("unknown key", "line 2: unknown key 'color'");
    bench_conf(&bench, "backend = relative/path\n");
    fails("relative", "is not an absolute path");
    bench_conf(&bench, "backend = /no/such/backend\n");
    fails("missing backend", "backend = /no/such/backend: No such file or directory; remedy:");
    bench_conf(&bench, "backend = %s\nstall-limit = 0\n", fake);
    fails("stall limit", "stall-limit = 0 is not a number of seconds");
    bench_conf(&bench, "backend = %s\n", bench.conf);
    fails("not executable", "is not executable");
    bench_conf(&bench, "backend = %s\n", bench.dir);
    fails("a directory", "is not a regular file");
    bench_conf(&bench, "backend = /opt/x.cjs\nnode = /no/node\n");
    fails("missing node", "node = /no/node: No such file or directory");
    bench_conf(&bench, "backend = %s\n", fake);
    chmod(bench.conf, 0664);
    fails("writable configuration",
          "can be changed by group or others (mode 0664); remedy: chmod go-w");
    FILE *out = fopen(own, "w");
    fputs("#!/no/such/interpreter\n", out);
    fclose(out);
    bench_conf(&bench, "backend = %s\n", own);
    chmod(own, 0777);
    fails("writable backend", "can be changed by group or others (mode 0777)");
    chmod(own, 0755);
    fails("exec fails", "cannot start the backend");
    if (geteuid() == 0 && chown(own, 12345, 0) == 0)
        fails("somebody else's backend", "belongs to user 12345; remedy: chown root");

    /* A directory that others may change is as bad as a file that they may change, wherever it
     * stands on the way. */
    char outer[200], inner[250], program[300], link[200];
    snprintf(outer, sizeof outer, "%s/outer", bench.dir);
    snprintf(inner, sizeof inner, "%s/inner", outer);
    snprintf(program, sizeof program, "%s/program", inner);
    snprintf(link, sizeof link, "%s/link", bench.dir);
    mkdir(outer, 0755), mkdir(inner, 0755);
    CHECK(symlink(fake, program) == 0 && symlink("outer/inner", link) == 0);
    bench_conf(&bench, "backend = %s/link/../inner/program\n", bench.dir);
    succeeds("through symlinks and dots");
    chmod(outer, 0777);
    fails("writable directory",
          "outer can be changed by group or others (mode 0777); remedy: chmod go-w");
    chmod(outer, 01777);
    succeeds("sticky directory");
    chmod(outer, 0755), chmod(bench.dir, 0770);
    fails("writable folder of the configuration", "can be changed by group or others (mode 0770)");
    chmod(bench.dir, 0700);
    if (geteuid() == 0 && chown(inner, 12345, 0) == 0) {
        fails("somebody else's directory",
              "inner belongs to user 12345, who could exchange what is in it; remedy:");
        CHECK(chown(inner, 0, 0) == 0 && lchown(link, 12345, 0) == 0);
        fails("somebody else's symlink", "belongs to user 12345; remedy: name the file itself");
    }
    fd_close(&fd);
    bench_remove(&bench);
}
