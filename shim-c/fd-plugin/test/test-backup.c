/* Backup and estimate against the scenes of fake-backend.c, as every release. */
#include "test.h"
#include <stdlib.h>
#include <unistd.h>

static struct bench bench;
static struct daemon fd;
static struct job_run run;
static char label[100];

static void start(const char *scene, uint32_t version)
{
    snprintf(label, sizeof label, "%s, interface %u", scene, version);
    context = label;
    run_free(&run);
    run_init(&run, &fd);
    run.work_dir = bench.dir;
}

static int play(const char *scene)
{
    char line[200];
    snprintf(line, sizeof line, "podheitor-hpc: path=/f; scene=%s", scene);
    const char *const lines[] = { line, NULL };
    int rc = run_backup(&run, lines, bench.volume);
    check_no_children();
    return rc;
}

static struct volume_entry *found(FILE *volume, const char *wanted, char **link, uint64_t *bytes,
                                  bool *right)
{
    static struct volume_entry e;
    static char *name, *target, *buf;
    int64_t offset;
    int32_t len;
    if (!buf)
        buf = malloc(1 << 20);
    rewind(volume);
    while (volume_next(volume, &e, &name, &target) > 0) {
        uint64_t n = 0;
        *right = true;
        for (int rc; (rc = volume_chunk(volume, &offset, buf, &len)) > 0;)
            for (int32_t i = 0; i < len && rc == 1; i++, n++)
                *right &= (uint8_t)buf[i] == (uint8_t)(n * 7 + 3);
        if (strcmp(name, wanted) == 0) {
            *bytes = n;
            *link = target;
            return &e;
        }
    }
    free(name), free(target), free(buf);
    name = target = buf = NULL;
    return NULL;
}

static void good(uint32_t version, int io_bytes)
{
    static const struct {
        const char *name;
        int type;
        const char *link;
        uint64_t bytes;
        bool data;
    } expected[] = {
        { "/f/", 5, "/f/", 0, false },
        { "/f/leader", 3, NULL, 100000, true },
        { "/f/empty", 2, NULL, 0, false },
        { "/f/zero frames", 3, NULL, 0, true },
        { "/f/tiny frames", 3, NULL, 5000, true },
        { "/f/-link", 4, "target\n\xff", 0, false },
        { "/f/new\nline \xff\xfe \"quote\"", 3, NULL, 65536, true },
        { "/f/fifo", 6, NULL, 0, false },
        { "/f/null", 6, NULL, 0, false },
        { "/f/big", 3, NULL, 3000001, true },
        { "/f/second", 1, "/f/leader", 0, false },
        { "/f/third", 1, "/f/leader", 0, false },
        { "/f/dir/", 5, "/f/dir/", 0, false },
    };
    start("good", version);
    run.io_bytes = io_bytes;
    CHECK(play("good") == 0, "%s", run.log);
    CHECK(run.entries == sizeof expected / sizeof *expected, "%llu",
          (unsigned long long)run.entries);
    CHECK(run.said[SAID_FATAL] == 0 && run.said[SAID_ERROR] == 1 && run.said[SAID_NOTSAVED] == 1 &&
              run.said[SAID_INFO] == 2 && run.said[SAID_WARNING] == 0,
          "%s", run.log);
    CHECK(strstr(run.log,
                 "scanned 14 entries: emitted 13, filtered 0, vanished 0, failed 1; 3170537 bytes"),
          "%s", run.log);
    CHECK(strstr(run.log, "1 entries were not saved and 0 directories not listed in full"),
          "a job that lost an entry must not look perfect: %s", run.log);
    FILE *volume = fopen(bench.volume, "rb");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char *link = NULL;
        uint64_t bytes = 0;
        bool right = false;
        const struct volume_entry *e = found(volume, expected[i].name, &link, &bytes, &right);
        CHECK(e != NULL, "%s", expected[i].name);
        if (!e)
            continue;
        CHECK(e->type == expected[i].type && e->no_read == !expected[i].data &&
                  strcmp(link, expected[i].link ? expected[i].link : expected[i].name) == 0,
              "%s", expected[i].name);
        CHECK(bytes == expected[i].bytes && right, "%s: %llu bytes", expected[i].name,
              (unsigned long long)bytes);
        CHECK(e->link_index == (expected[i].type == 1 ? 2 : 0), "%s", expected[i].name);
        CHECK(e->st.st_ino == 0xfedcba9876543210u && e->st.st_uid == 4294967294u &&
                  e->st.st_mtime == 1700000000 && e->st.st_atime == -31536000,
              "%s", expected[i].name);
        CHECK(e->st.st_rdev ==
                  (i == 8 ? 0x103 : (dev_t)5 << 60 | (dev_t)123456789 << 30 | 999999999),
              "%s", expected[i].name);
    }
    char *link;
    uint64_t bytes;
    bool right;
    CHECK(!found(volume, "none", &link, &bytes, &right));
    fclose(volume);
}

/* Scenes that fail the job: exactly one fatal message, which says what happened. */
static void fatal(uint32_t version)
{
    static const struct {
        const char *scene, *words;
    } cases[] = {
        { "killed", "backend was killed by signal 9 (Killed) before the job was complete" },
        { "exit", "backend ended with exit code 9 before the job was complete; its last words: "
                  "Error: out of cheese\n    at pantry" },
        { "closed", "backend closed its output and went on running" },
        { "cut", "backend ended with exit code 0 before the job was complete" },
        { "garbage", "backend broke the protocol: it sent bytes that are no frame" },
        { "abort", "the tape is on fire; remedy: water" },
        { "refused", "key 'scene': no such value; remedy: another one" },
        { "count", "1 entries came, it sent 2" },
        { "no-sums", "it ended without its accounting" },
        { "short", "/f/short: 60 bytes of data came, 100 were sent" },
        { "record", "an entry record is damaged" },
        { "order", "a frame 'Z' came where an entry was due" },
        { "inside", "a frame 'M' came within the data of /f/mid" },
        { "dir-data", "an entry record is damaged" },
        { "grandchild", "killed by signal 9" },
        { "bad-block", "the extended attributes of /f/bad are damaged" },
        { "no-block", "a frame 'F' came where the extended attributes of /f/x were due" },
        { "stray-block", "a frame 'B' came where an entry was due" },
        { "two-blocks", "a frame 'B' came within the data of /f/x" },
        { "outside", "it named /etc/shadow, which is not below a path of this job" },
        { "relative", "it named f/one, which" },
        { "dots", "it named /f/../etc/shadow, which" },
        { "beside", "it named /fg, which" },
        { "slash", "it named /f/dir/, which" },
        { "gone-outside", "it named /etc/shadow, which" },
        { "link-outside", "it named /etc/shadow, which" },
        { "check-outside", "it named /etc/shadow, which" },
        { "block-count", "extended attributes of 1 entries came, it sent those of 2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].scene, version);
        CHECK(play(cases[i].scene) != 0);
        CHECK(run.said[SAID_FATAL] == 1, "%s", run.log);
        CHECK(strstr(run.log, cases[i].words), "%s", run.log);
    }
    setenv("PODHEITOR_HPC_WRONG_HELLO", "1", 1);
    start("wrong hello", version);
    CHECK(play("good") != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "it greeted with 'Hello Bacula'"),
          "%s", run.log);
    unsetenv("PODHEITOR_HPC_WRONG_HELLO");
    start("bad string", version);
    const char *const lines[] = { "podheitor-hpc:path=\"/f", NULL };
    CHECK(run_backup(&run, lines, NULL) != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "plugin string"),
          "%s", run.log);
}

static void not_fatal(uint32_t version)
{
    start("empty", version);
    CHECK(play("empty") == 0 && run.entries == 0 && run.said[SAID_ERROR] == 0, "%s", run.log);
    start("long-names", version);
    CHECK(play("long-names") == 0 && run.entries == 2, "%s", run.log);
    start("read-error", version);
    CHECK(play("read-error") == 0 && run.entries == 4 && run.data_errors == 3 &&
              strstr(run.log, "Input/output error") && strstr(run.log, "not read in full 3"),
          "%s", run.log);
    start("sums", version);
    CHECK(play("sums") == 0 && run.said[SAID_ERROR] == 1 &&
              strstr(run.log, "accounting does not add up"),
          "%s", run.log);
    start("lone-link", version);
    CHECK(play("lone-link") == 0 && run.entries == 1 && run.said[SAID_ERROR] == 2 &&
              strstr(run.log, "not saved: /f/lone is a hard link"),
          "%s", run.log);
    start("deleted", version);
    CHECK(play("deleted") == 0 && run.entries == 2, "%s", run.log);
    start("noisy", version);
    CHECK(play("noisy") == 0 && run.entries == 1 && strstr(run.log, "last line"), "%s", run.log);
    start("bad-exit", version);
    CHECK(play("bad-exit") == 0 && run.said[SAID_WARNING] == 1 &&
              strstr(run.log, "ended with exit code 7"),
          "%s", run.log);
    start("full", version);
    CHECK(play("full") == 0, "%s", run.log);
    start("incremental", version);
    run.level = 'I', run.since = 1700000000;
    CHECK(play("incremental") == 0, "%s", run.log);
    start("estimate", version);
    CHECK(run_estimate(&run, "podheitor-hpc:path=/f;scene=good") == 0 && run.entries == 13 &&
              run.data_bytes == 0,
          "%s", run.log);
    start("two lines", version);
    const char *const lines[] = { "podheitor-hpc:path=/f;shard=0/2;scene=good",
                                  "podheitor-hpc:path=/g;scene=empty",
                                  "podheitor-hpc:path=/f;shard=1/2;scene=good", NULL };
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.entries == 26, "%s", run.log);
    start("second line fails", version);
    const char *const bad[] = { "podheitor-hpc:path=/f;shard=0/3;scene=good",
                                "podheitor-hpc:path=/f;shard=1/3;scene=killed",
                                "podheitor-hpc:path=/f;shard=2/3;scene=good", NULL };
    CHECK(run_backup(&run, bad, bench.volume) != 0 && run.entries == 14 &&
              run.said[SAID_FATAL] == 1,
          "%s", run.log);
}

static void cancelled(uint32_t version)
{
    static const struct {
        const char *scene;
        int after;
    } cases[] = { { "silent", 0 }, { "stubborn", 0 }, { "endless", 50 }, { "hole", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (version != 23 && strcmp(cases[i].scene, "stubborn") == 0)
            continue; /* two seconds each, and nothing in it depends on the release */
        if (version == 14 && strcmp(cases[i].scene, "hole") == 0)
            continue; /* it passes holes over, and is done */
        start(cases[i].scene, version);
        run.cancel_after = cases[i].after;
        run.cancel_in_data = strcmp(cases[i].scene, "hole") == 0;
        CHECK(play(cases[i].scene) != 0 && run.cancelled);
        CHECK(run.said[SAID_FATAL] == 0, "a cancel is no failure: %s", run.log);
        CHECK(!strstr(run.log, "Input/output error"), "a cancelled read is no damage: %s", run.log);
        CHECK(strcmp(cases[i].scene, "hole") != 0 || strstr(run.log, "/f/hole: Operation canceled"),
              "%s", run.log);
        CHECK(run.end_seconds < 4, "%.1f s from the cancel to the end", run.end_seconds);
    }
}

/* Two lines of a FileSet that save the same names: said before anything is saved, with both lines.
 */
static void overlapping(uint32_t version)
{
    static const struct {
        const char *first, *second;
        bool clash;
    } cases[] = {
        { "path=/f;scene=empty", "path=/f;scene=empty", true },
        { "path=/f;scene=empty", "path=/f/sub/;scene=empty", true },
        { "path=/g/h;scene=empty;path=/f/sub", "path=/e;path=//f;scene=empty", true },
        { "path=/f;scene=empty", "path=/;scene=empty", true },
        { "path=/f;scene=empty;shard=0/2", "path=/f;scene=empty;shard=0/2", true },
        { "path=/f;scene=empty;shard=0/2", "path=/f;scene=empty;shard=1/3", true },
        { "path=/f;scene=empty;shard=0/2", "path=/f;scene=empty;shard=1/2;strategy=subtree", true },
        { "path=/f;scene=empty;shard=0/2;strategy=none",
          "path=/f;scene=empty;shard=1/2;strategy=none", true },
        { "path=/f;scene=empty;shard=0/2", "path=/f/sub;scene=empty;shard=1/2", true },
        { "path=/f;scene=empty;shard=0/2", "path=/f;scene=empty;shard=1/2", false },
        { "path=/f;scene=empty", "path=/fg;scene=empty", false },
        { "path=/f/a;scene=empty", "path=/f/b;scene=empty", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char first[100], second[100];
        snprintf(first, sizeof first, "podheitor-hpc:%s", cases[i].first);
        snprintf(second, sizeof second, "podheitor-hpc:%s", cases[i].second);
        const char *const lines[] = { first, second, NULL };
        for (int announced = 0; announced < 2; announced++) {
            start("overlapping", version);
            run.no_announcement = !announced;
            int rc = run_backup(&run, lines, NULL);
            CHECK((rc != 0) == cases[i].clash && run.said[SAID_FATAL] == cases[i].clash,
                  "%s %s: %s", first, second, run.log);
            if (cases[i].clash)
                CHECK(strstr(run.log, first) && strstr(run.log, second) &&
                          strstr(run.log, "save the same names"),
                      "%s", run.log);
            if (announced && cases[i].clash)
                CHECK(run.said[SAID_INFO] == 0, "before the first line is begun: %s", run.log);
        }
    }
    check_no_children();
}

/* What the FileSet or the Director asks, and the plugin cannot do. */
static void misplaced(uint32_t version)
{
    start("inside Options", version);
    CHECK(run_begin(&run) == 0);
    CHECK(run_event(&run, EVENT_OPTION_PLUGIN, "podheitor-hpc:path=/f") == RC_ERROR &&
          run_event(&run, EVENT_HANDLE_FILE, &run) == RC_ERROR);
    CHECK(run.said[SAID_FATAL] == 1 && strstr(run.log, "inside Options { }") &&
              strstr(run.log, "directly into Include { }"),
          "%s", run.log);
    fd.calls->free_plugin(&run.ctx);
    start("ls", version);
    CHECK(run_estimate(&run, "podheitor-hpc:path=/f;scene=empty listing=/") != 0 &&
              run.said[SAID_FATAL] == 1 && strstr(run.log, "lists no trees for `.ls`"),
          "%s", run.log);
    start("restarted", version);
    run.file_index = 10;
    CHECK(play("good") == 0 && run.said[SAID_WARNING] == 1 &&
              strstr(run.log, "goes on behind its file 10; the plugin"),
          "%s", run.log);
    CHECK(!strstr(run.log, "File lines"), "%s", run.log);
}

/* Files that the daemon itself saves before a line. */
static void beside_files(uint32_t version)
{
    start("File lines", version);
    run.other_files = 100;
    CHECK(
        play("good") == 0 &&
            strstr(run.log,
                   "File lines of this FileSet saved 100 entries: none of them may lie below /f,"),
        "%s", run.log);
    start("no File lines", version);
    const char *const lines[] = { "podheitor-hpc:path=/f;scene=good",
                                  "podheitor-hpc:path=/g;scene=empty", NULL };
    CHECK(run_backup(&run, lines, NULL) == 0 && !strstr(run.log, "File lines"), "%s", run.log);
}

static int pid_in(const char *path)
{
    int pid = 0;
    FILE *in = fopen(path, "r");
    if (!in || fscanf(in, "%d", &pid) != 1)
        pid = 0;
    if (in)
        fclose(in);
    return pid;
}

/* Gone, or dead and not yet reaped by whoever reaps here. */
static bool lives(int pid)
{
    char path[40], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int waited = 0; waited < 2000; waited++) {
        FILE *in = fopen(path, "r");
        if (!in || fscanf(in, "%*d %*s %c", &state) != 1)
            state = 0;
        if (in)
            fclose(in);
        if (state == 0 || state == 'Z' || state == 'X')
            return false;
        usleep(1000);
    }
    return true;
}

/* A backend's children that left its group, one of which holds its output open when it is dead. */
static void escaped(uint32_t version)
{
    static const char *const scenes[] = { "escaped", "held" };
    char path[100];
    for (size_t i = 0; i < 2; i++) {
        struct timespec begin, end;
        snprintf(path, sizeof path, "%s/pid-%zu-%u", bench.dir, i, version);
        setenv("PODHEITOR_HPC_TEST_PID", path, 1);
        start(scenes[i], version);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        CHECK((play(scenes[i]) == 0) == (i == 0), "%s", run.log);
        clock_gettime(CLOCK_MONOTONIC, &end);
        CHECK(i == 0 ||
                  strstr(run.log,
                         "backend was killed by signal 9 (Killed) before the job was complete"),
              "%s", run.log);
        CHECK(end.tv_sec - begin.tv_sec < 10, "%lld s", (long long)(end.tv_sec - begin.tv_sec));
        int pid = pid_in(path);
        CHECK(pid > 0 && !lives(pid), "process %d outlived its job", pid);
    }
    unsetenv("PODHEITOR_HPC_TEST_PID");
}

static void floods(uint32_t version)
{
    start("flood", version);
    CHECK(play("flood") == 0 && run.said[SAID_WARNING] == 5001, "%llu",
          (unsigned long long)run.said[SAID_WARNING]);
    CHECK(strstr(run.log, "x... (cut)\n") &&
          strstr(run.log, "15001 more messages of the backend are not shown"));
    start("flood-of-bytes", version);
    CHECK(play("flood-of-bytes") == 0 && run.said[SAID_ERROR] == (2u << 20) / 1800 &&
              run.said[SAID_WARNING] == 1,
          "%llu", (unsigned long long)run.said[SAID_ERROR]);
}

static void silent(void)
{
    start("stall limit", 23);
    struct timespec begin, end;
    CHECK(play("silent") != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "backend is silent: not one byte for 1 seconds"),
          "%s", run.log);
    start("stopped", 23);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK(play("stopped") != 0 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "not one byte for 1 seconds") &&
              strstr(run.log, "Somebody stopped it"),
          "%s", run.log);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - begin.tv_sec <= 5, "%lld s", (long long)(end.tv_sec - begin.tv_sec));
    start("stopped inside a file", 23);
    CHECK(play("stopped-inside") != 0 && run.entries == 1 && run.said[SAID_FATAL] == 1 &&
              strstr(run.log, "Somebody stopped it"),
          "%s", run.log);
}

/* The list has the names of the CHECK scene and a few that the scene does not offer. */
static void make_previous(const char *path)
{
    FILE *out = fopen(path, "wb");
    struct volume_entry e = { .magic = VOLUME_MAGIC,
                              .type = 3,
                              .st = { .st_mtim.tv_sec = 1700000000,
                                      .st_ctim.tv_sec = 1700000001 } };
    const int64_t zero = 0;
    const int32_t end = -1;
    char name[200];
    for (int i = 0; i < 1300 + 4; i++) {
        if (i < 1300)
            snprintf(name, sizeof name, "/f/%05d%s", i, i % 10 == 0 ? "/" : "");
        else
            snprintf(name, sizeof name, "%s%s", i == 1301 ? "" : bench.dir,
                     i == 1300   ? "/podheitor-hpc-fd.so"
                     : i == 1301 ? "/etc/passwd-"
                     : i == 1302 ? "/gone"
                                 : "/");
        e.name_len = (uint32_t)strlen(name);
        fwrite(&e, sizeof e, 1, out);
        fwrite(name, e.name_len, 1, out);
        fwrite(&zero, sizeof zero, 1, out);
        fwrite(&end, sizeof end, 1, out);
    }
    fclose(out);
}

static void checks(uint32_t version)
{
    char previous[200], line[300];
    snprintf(previous, sizeof previous, "%s/previous", bench.dir);
    make_previous(previous);
    start("check", version);
    run.level = 'I', run.since = 1700000000, run.accurate = true, run.previous = previous;
    snprintf(line, sizeof line, "podheitor-hpc:path=/f;scene=check;path=%s", bench.dir);
    const char *const lines[] = { line, NULL };
    CHECK(run_backup(&run, lines, bench.volume) == 0 && run.entries == 434, "%s", run.log);
    /* /etc/passwd- is not below a path of ours, /gone is gone; the plugin file and the folder
     * exist. */
    CHECK(run.deleted == 2, "%llu deleted", (unsigned long long)run.deleted);
    check_no_children();
}

static void *one_of_many(void *arg)
{
    struct job_run *r = arg;
    const char *const lines[] = { "podheitor-hpc:path=/f;shard=0/2;scene=good",
                                  "podheitor-hpc:path=/f;shard=1/2;scene=good", NULL };
    const char *const dying[] = { "podheitor-hpc:path=/f;scene=killed", NULL };
    run_backup(r, r->job_id == 3 ? dying : lines, NULL);
    return NULL;
}

/* Four jobs at once in one daemon, one of which loses its backend: the others must not notice. */
static void concurrent(uint32_t version)
{
    static struct job_run many[4];
    pthread_t threads[4];
    snprintf(label, sizeof label, "concurrent, interface %u", version);
    context = label;
    for (int i = 0; i < 4; i++) {
        run_init(&many[i], &fd);
        many[i].job_id = i;
        pthread_create(&threads[i], NULL, one_of_many, &many[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(many[i].entries == (i == 3 ? 1 : 26) && many[i].said[SAID_FATAL] == (i == 3),
              "%d: %s", i, many[i].log);
        run_free(&many[i]);
    }
    check_no_children();
}

/* A job that never comes to event 4, and contexts of connections that only ask for the status. */
static void abandoned(uint32_t version)
{
    start("abandoned", version);
    CHECK(run_begin(&run) == 0);
    CHECK(run_event(&run, EVENT_BACKUP_COMMAND, "podheitor-hpc:path=/f;scene=endless") == RC_OK);
    fd.calls->free_plugin(&run.ctx);
    check_no_children();
    CHECK(run_begin(&run) == 0);
    struct io_pkt pkt = { .pkt_size = 64, .pkt_end = 64, .func = IO_OPEN };
    CHECK(fd.calls->io(&run.ctx, &pkt) == RC_ERROR && run.said[SAID_FATAL] == 1,
          "a packet of another size");
    CHECK(fd.calls->check_file(&run.ctx, (char[]){ "/etc/passwd" }) == RC_OK);
    run_event(&run, EVENT_CANCEL, NULL);
    fd.calls->free_plugin(&run.ctx);
}

void test_backup(const char *plugin, const char *fake)
{
    char error[500];
    bench_make(&bench, plugin, fake);
    run_init(&run, &fd);
    for (size_t i = 0; fd_versions[i]; i++) {
        uint32_t version = fd_versions[i];
        if (fd_open(&fd, bench.plugin, version, error, sizeof error) != 0) {
            CHECK(false, "%s", error);
            continue;
        }
        good(version, 0);
        good(version, 1000);
        fatal(version);
        not_fatal(version);
        cancelled(version);
        overlapping(version);
        misplaced(version);
        beside_files(version);
        escaped(version);
        floods(version);
        checks(version);
        concurrent(version);
        abandoned(version);
        fd_close(&fd);
    }
    bench_conf(&bench, "backend = %s\nstall-limit = 1\n", fake);
    CHECK(fd_open(&fd, bench.plugin, 23, error, sizeof error) == 0);
    silent();
    fd_close(&fd);
    run_free(&run);
    bench_remove(&bench);
}
