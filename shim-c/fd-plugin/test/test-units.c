/* The parts that need no File Daemon. */
#include "../backend/child.h"
#include "../backup/links.h"
#include "../job/job.h"
#include "../job/paths.h"
#include "../job/stat_pack.h"
#include "../limits.h"
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void links(void)
{
    struct links t;
    context = "links";
    CHECK(links_open(&t, "/tmp") == 0);
    /* More than fits memory, with every second dropped again: the table moves to a file and its
     * gaps close. */
    enum { GROUPS = LINKS_IN_MEMORY / 2 + 1000 };
    int failed = 0;
    for (uint64_t i = 1; i <= GROUPS; i++)
        failed |= links_put(&t, i * 0x100000001u, (int32_t)i);
    CHECK(failed == 0);
    CHECK(t.capacity > LINKS_IN_MEMORY);
    for (uint64_t i = 2; i <= GROUPS; i += 2)
        links_drop(&t, i * 0x100000001u);
    size_t wrong = 0;
    for (uint64_t i = 1; i <= GROUPS; i++)
        wrong += links_get(&t, i * 0x100000001u) != (i % 2 ? (int32_t)i : 0);
    CHECK(wrong == 0, "%zu groups are wrong", wrong);
    CHECK(t.used == (GROUPS + 1) / 2);
    links_drop(&t, 424242);
    CHECK(links_put(&t, 0x100000001u, 9) == 0 && links_get(&t, 0x100000001u) == 9);
    links_close(&t);
    /* the same group of several streams, the last one among them */
    CHECK(links_open(&t, "/tmp") == 0);
    for (uint64_t stream = 0; stream <= 8190; stream++)
        CHECK(links_put(&t, stream << 40 | 7, (int32_t)stream + 1) == 0);
    links_drop(&t, UINT64_C(1) << 40 | 7);
    CHECK(links_get(&t, 7) == 1 && links_get(&t, UINT64_C(1) << 40 | 7) == 0);
    CHECK(links_get(&t, UINT64_C(8190) << 40 | 7) == 8191);
    links_close(&t);
    CHECK(links_open(&t, "/nonexistent/dir") == 0);
    int rc = 0;
    for (uint64_t i = 1; i <= GROUPS && rc == 0; i++)
        rc = links_put(&t, i, 1);
    CHECK(rc < 0 && links_get(&t, 1) == 1, "no room is an error, and what is there stays");
    links_close(&t);
}

static void nanoseconds(void)
{
    context = "stat_pack";
    struct hpc_entry_head in = { .version = 1,
                                 .kind = HPC_REGULAR,
                                 .mode = S_IFREG | 0600,
                                 .ino = ~0ull,
                                 .mtime_s = -5,
                                 .mtime_ns = 999999999,
                                 .atime_ns = 1,
                                 .size = 1ull << 40,
                                 .nlink = 3 },
                          out;
    struct stat st;
    stat_pack_from_entry(&st, &in);
    st.st_mtim.tv_nsec = st.st_atim.tv_nsec = 0; /* what Bacula keeps */
    stat_pack_to_entry(&out, &st);
    CHECK(out.mtime_s == -5 && out.mtime_ns == 999999999 && out.atime_ns == 1 && out.rdev == 0 &&
          out.size == 1ull << 40 && out.ino == ~0ull && out.nlink == 3);
    in.kind = HPC_CHARDEV, in.mode = S_IFCHR, in.rdev = 0x5000000000000103;
    stat_pack_from_entry(&st, &in);
    stat_pack_to_entry(&out, &st);
    CHECK(st.st_rdev == 0x5000000000000103 && out.rdev == in.rdev && out.mtime_ns == 999999999 &&
          out.atime_ns == 1 && out.blocks == 0 && out.kind == HPC_CHARDEV);
    st.st_mode = S_IFREG, st.st_rdev = 0; /* saved by somebody else */
    stat_pack_to_entry(&out, &st);
    CHECK(out.mtime_ns == 0 && out.atime_ns == 0);
    st.st_rdev = 0x5fffffffffffffff;
    stat_pack_to_entry(&out, &st);
    CHECK(out.mtime_ns == 0 && out.atime_ns == 0, "no nanoseconds beyond a second");
}

static void names(void)
{
    char dir[] = "/tmp/hpc-names.XXXXXX", path[256], *deep;
    struct paths p = { 0 };
    struct hpc_params params;
    char error[200];
    context = "paths";
    const char *text = "x:path=//a/./b/;path=/a;exclude=/a/b/c;path=\"/q;r\"";
    CHECK(hpc_params_parse((const uint8_t *)text, strlen(text), &params, error, sizeof error) == 0);
    CHECK(paths_add(&p, &params) == 0 && p.count == 3);
    hpc_params_free(&params);
    CHECK(strcmp(paths_above(&p, "/a/b/c"), "/a/b") == 0 &&
          strcmp(paths_above(&p, "/a/bc"), "/a") == 0 &&
          strcmp(paths_above(&p, "/q;r"), "/q;r") == 0);
    CHECK(!paths_above(&p, "/ab") && !paths_above(&p, "/") && !paths_above(&p, "relative"));
    paths_free(&p);
    text = "x:path=/./";
    CHECK(hpc_params_parse((const uint8_t *)text, strlen(text), &params, error, sizeof error) ==
              0 &&
          paths_add(&p, &params) == 0);
    hpc_params_free(&params);
    CHECK(p.count == 1 && *p.list[0] == 0 && paths_above(&p, "/anything"));
    paths_free(&p);

    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/", dir);
    CHECK(paths_exists(path, strlen(dir)));
    CHECK(!paths_exists(dir, strlen(dir)), "a directory where the catalog has something else");
    snprintf(path, sizeof path, "%s/f\n", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CHECK(paths_exists(path, strlen(dir)));
    strcat(path, "/");
    CHECK(!paths_exists(path, strlen(dir)), "no directory any more");
    strcat(path, "x");
    CHECK(!paths_exists(path, strlen(dir)), "ENOTDIR");
    snprintf(path, sizeof path, "%s/dangling", dir);
    CHECK(symlink("nowhere", path) == 0 && paths_exists(path, strlen(dir)));
    CHECK(paths_exists("/", 0) && paths_exists("/tmp/", 0) && !paths_exists("/tmp/none/such", 0));
    /* A directory that moved away and left a symlink: the names below it are gone, though the link
     * leads to them. */
    char real[64], moved[64];
    snprintf(real, sizeof real, "%s/real", dir);
    snprintf(moved, sizeof moved, "%s/moved", dir);
    CHECK(mkdir(real, 0700) == 0 && symlink("real", moved) == 0);
    snprintf(path, sizeof path, "%s/real/f", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CHECK(paths_exists(path, strlen(dir)));
    snprintf(path, sizeof path, "%s/moved/f", dir);
    CHECK(!paths_exists(path, strlen(dir)), "only reached through a symlink");
    CHECK(paths_exists(path, strlen(moved)), "but a symlink in the job's own path is followed");
    CHECK(paths_exists(moved, strlen(dir)), "the link itself");
    strcat(moved, "/");
    CHECK(!paths_exists(moved, strlen(dir)) && paths_exists(moved, strlen(moved) - 1),
          "as a directory only where it is the job's path");
    /* Deeper than PATH_MAX. */
    int at = open(dir, O_DIRECTORY | O_RDONLY);
    deep = malloc(8192);
    size_t len = (size_t)snprintf(deep, 8192, "%s", dir);
    char component[101];
    memset(component, 'd', 100);
    component[100] = 0;
    int levels = 60;
    for (int i = 0; i < levels; i++) {
        int next = mkdirat(at, component, 0700) == 0 ? openat(at, component, O_DIRECTORY | O_RDONLY)
                                                     : -1;
        close(at);
        at = next;
        len += (size_t)snprintf(deep + len, 8192 - len, "/%s", component);
    }
    CHECK(at >= 0 && len > 4096);
    strcpy(deep + len, "/");
    CHECK(paths_exists(deep, strlen(dir)));
    strcpy(deep + len, "/none");
    CHECK(!paths_exists(deep, strlen(dir)));
    snprintf(path, sizeof path, "rm -rf %s", dir);
    close(at);
    CHECK(system(path) == 0);
    free(deep);
}

static void printables(void)
{
    char out[40];
    context = "printable";
    CHECK(strcmp(job_printable(out, sizeof out, "a\nb\x01\xff", 5), "a\\nb\\x01\xff") == 0);
    job_printable(out, sizeof out, "0123456789012345678901234567890123456789", 40);
    CHECK(strlen(out) < sizeof out && strstr(out, "..."), "%s", out);
}

/* A process that does not die in time is left, not forgotten. */
static void left_children(void)
{
    struct child child;
    siginfo_t info = { 0 };
    context = "left children";
    child_init(&child);
    child.pid = fork();
    if (child.pid == 0)
        for (;;)
            pause();
    pid_t pid = child.pid;
    child_leave(&child);
    CHECK(child.pid == 0);
    child_reap_left();
    CHECK(kill(pid, SIGKILL) == 0, "it lives, and is ours");
    bool gone = false;
    for (int i = 0; i < 2000 && !gone; i++) {
        child_reap_left();
        gone = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    CHECK(gone, "it was reaped");
    child_leave(&child); /* nothing is left, nothing is remembered */
    pthread_mutex_destroy(&child.lock);
}

void test_units(void)
{
    left_children();
    links();
    nanoseconds();
    names();
    printables();
}
