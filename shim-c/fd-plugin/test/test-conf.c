/* The configuration: whatever is wrong with it fails the job with one message that names the thing. */
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

void test_conf(const char *plugin, const char *fake)
{
    char error[500], own[200];
    bench_make(&bench, plugin, fake);
    snprintf(own, sizeof own, "%s/backend", bench.dir);
    CHECK(fd_open(&fd, bench.plugin, 23, error, sizeof error) == 0, "%s", error);
    unlink(bench.conf);
    fails("no configuration", "podheitor-hpc-fd.conf: No such file or directory; remedy: run 'podheitor-hpc plugin install'");
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
    fails("writable configuration", "can be changed by group or others (mode 0664); remedy: chmod go-w");
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
    fd_close(&fd);
    bench_remove(&bench);
}
