/* A backend that plays a scene: the plugin string's key `scene` names it. */
#include "protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char stray[256]; /* what the process should not have been given */

/* Names that a text protocol would break. */
static void scene_good(void)
{
    entry(HPC_DIRECTORY, 0, "/f", NULL, 4096, 0);
    text('I', "one info message");
    frame('H', NULL, 0);
    file("/f/leader", 100000, 999999, HPC_ENTRY_LEADER, 77);
    entry(HPC_REGULAR, 0, "/f/empty", NULL, 0, 0);
    file("/f/zero frames", 0, 1, 0, 0);
    file("/f/tiny frames", 5000, 7, 0, 0);
    entry(HPC_SYMLINK, 0, "/f/-link", "target\n\xff", 8, 0);
    file("/f/new\nline \xff\xfe \"quote\"", 65536, 999999, 0, 0);
    text('N', "/f/secret: Permission denied");
    sums.n[HPC_N_SCANNED]++, sums.n[HPC_N_FAILED]++;
    entry(HPC_FIFO, 0, "/f/fifo", NULL, 0, 0);
    entry(HPC_CHARDEV, 0, "/f/null", NULL, 0, 0);
    file("/f/big", 3000001, 999999, 0, 0);
    entry(HPC_REGULAR, HPC_ENTRY_LINK, "/f/second", "/f/leader", 100000, 77);
    entry(HPC_REGULAR, HPC_ENTRY_LINK | HPC_ENTRY_LAST_LINK, "/f/third", "/f/leader", 100000, 77);
    entry(HPC_DIRECTORY, 0, "/f/dir", NULL, 4096, 0);
    if (*stray)
        text('E', "stray: %s", stray);
    finish();
}

/* Every kind with a block. */
static void scene_bad_block(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS, "/f/bad", NULL, 0, 0);
    frame('B', "\6\0\0\0\4\0\0\0user.x", 14); /* a value of four bytes that is not there */
    for (;;)
        pause();
}

static void scene_xattrs(void)
{
    entry(HPC_DIRECTORY, HPC_ENTRY_ATTRS, "/f", NULL, 4096, 0);
    block_frame("user.d", "directory");
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS | HPC_ENTRY_HAS_DATA | HPC_ENTRY_LEADER, "/f/file", NULL, 3,
          8);
    block_frame("user.f", "file");
    if (*job.type != 'E') {
        frame('D', "abc", 3);
        end_of_data(3, 0);
    }
    entry(HPC_REGULAR, HPC_ENTRY_LINK | HPC_ENTRY_LAST_LINK, "/f/link", "/f/file", 3, 8);
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS, "/f/empty", NULL, 0, 0);
    block_frame("user.e", "empty");
    entry(HPC_REGULAR, 0, "/f/plain", NULL, 0, 0);
    entry(HPC_SYMLINK, HPC_ENTRY_ATTRS, "/f/sym", "target", 6, 0);
    block_frame("trusted.s", "symlink");
    entry(HPC_FIFO, HPC_ENTRY_ATTRS, "/f/fifo", NULL, 0, 0);
    block_frame("trusted.p", "fifo");
    entry(HPC_CHARDEV, HPC_ENTRY_ATTRS, "/f/null", NULL, 0, 0);
    block_frame("trusted.c", "device");
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS, "/f/odd", NULL, 0, 0);
    block_frame("lustre.lov", "somewhere else");
    finish();
}

/* Data at 1 MiB + 100 (5000 bytes) and at 40 MiB (4096 bytes); the rest is holes: 64 MiB and 10
 * bytes in all. `whole`: nothing but a hole. */
static void scene_holes(void)
{
    static uint8_t out[MAX_PAYLOAD];
    const uint64_t size = (64u << 20) + 10, first = (1u << 20) + 100, second = 40u << 20;
    const uint64_t holes[] = { 0,
                               first,
                               first + 5000,
                               second - first - 5000,
                               second + 4096,
                               size - second - 4096 },
                   whole[] = { 0, 1u << 30 };
    size_t len = record(out, HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/holes", 8, NULL, size, 0,
                        1700000000);
    uint32_t count = 3;
    uint64_t blocks = 32;
    memcpy(out + 120, &count, 4);
    memcpy(out + 40, &blocks, 8);
    memcpy(out + len, holes, sizeof holes);
    frame('M', out, len + sizeof holes);
    memset(out, 'x', 9096);
    frame('D', out, 3000);
    frame('D', NULL, 0);
    frame('D', out, 6096);
    end_of_data(9096, 0);
    len = record(out, HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/whole", 8, NULL, 1u << 30, 0,
                 1700000000);
    count = 1, blocks = 0;
    memcpy(out + 120, &count, 4);
    memcpy(out + 40, &blocks, 8);
    memcpy(out + len, whole, sizeof whole);
    frame('M', out, len + sizeof whole);
    end_of_data(0, 0);
    /* It became shorter while it was read: 100 bytes, and nothing of the hole that was to follow
     * them. */
    const uint64_t tail[] = { 200000, 100000 };
    len = record(out, HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/shrunk", 9, NULL, 300000, 0, 1700000000);
    memcpy(out + 120, &count, 4);
    memcpy(out + len, tail, sizeof tail);
    frame('M', out, len + sizeof tail);
    memset(out, 'x', 100);
    frame('D', out, 100);
    end_of_data(100, 0);
    sums.n[HPC_N_SCANNED] += 3, sums.n[HPC_N_EMITTED] += 3, sums.n[HPC_N_FILES] += 3;
    sums.n[HPC_N_HOLE_BYTES] += size - 9096 + (1u << 30) + 100000;
    finish();
}

/* 1 TiB with three extents of 4 KiB: for measuring, not for the tests. */
static void scene_tebibyte(void)
{
    static uint8_t out[MAX_PAYLOAD];
    const uint64_t tib = (uint64_t)1 << 40, mid = tib / 2;
    const uint64_t holes[] = { 4096, mid - 4096, mid + 4096, tib - mid - 8192 };
    size_t len = record(out, HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/tebibyte", 11, NULL, tib, 0,
                        1700000000);
    uint32_t count = 2;
    uint64_t blocks = 24;
    memcpy(out + 120, &count, 4);
    memcpy(out + 40, &blocks, 8);
    memcpy(out + len, holes, sizeof holes);
    frame('M', out, len + sizeof holes);
    memset(out, 'x', 12288);
    frame('D', out, 12288);
    end_of_data(12288, 0);
    sums.n[HPC_N_SCANNED]++, sums.n[HPC_N_EMITTED]++, sums.n[HPC_N_FILES]++;
    sums.n[HPC_N_HOLE_BYTES] += tib - 12288;
    finish();
}

static void scene_empty(void)
{
    finish();
}

/* Nothing but a hole, of which the File Daemon gets every zero. */
static void scene_hole(void)
{
    static uint8_t out[MAX_PAYLOAD];
    const uint64_t hole[] = { 0, (uint64_t)1 << 36 };
    const uint32_t count = 1;
    const uint64_t blocks = 0;
    text('I', "a hole");
    size_t len = record(out, HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/hole", 7, NULL, hole[1], 0,
                        1700000000);
    memcpy(out + 120, &count, 4);
    memcpy(out + 40, &blocks, 8);
    memcpy(out + len, hole, sizeof hole);
    frame('M', out, len + sizeof hole);
    end_of_data(0, 0);
    sums.n[HPC_N_SCANNED]++, sums.n[HPC_N_EMITTED]++, sums.n[HPC_N_FILES]++;
    sums.n[HPC_N_HOLE_BYTES] += hole[1];
    finish();
}

/* Names that are not this job's. */
static void scene_outside(void)
{
    file("/f/one", 10, 10, 0, 0);
    file("/etc/shadow", 10, 10, 0, 0);
    finish();
}
static void scene_relative(void)
{
    file("f/one", 10, 10, 0, 0);
    finish();
}
static void scene_dots(void)
{
    file("/f/../etc/shadow", 10, 10, 0, 0);
    finish();
}
static void scene_beside(void)
{
    entry(HPC_DIRECTORY, 0, "/fg", NULL, 0, 0);
    finish();
}
static void scene_slash(void)
{
    entry(HPC_DIRECTORY, 0, "/f/dir/", NULL, 0, 0);
    finish();
}
static void scene_gone_outside(void)
{
    frame('G', "/etc/shadow", 11);
    finish();
}
static void scene_link_outside(void)
{
    file("/f/leader", 10, 10, HPC_ENTRY_LEADER, 9);
    entry(HPC_REGULAR, HPC_ENTRY_LINK, "/f/link", "/etc/shadow", 10, 9);
    finish();
}
static void scene_check_outside(void)
{
    uint8_t out[512] = { 0 };
    uint32_t count = 1, len = (uint32_t)record(out + 12, HPC_REGULAR, 0, "/etc/shadow", 11, NULL, 0,
                                               0, 1700000000);
    memcpy(out + 4, &count, 4);
    memcpy(out + 8, &len, 4);
    frame('K', out, 12 + len);
    next();
    finish();
}

/* Far more than anybody reads, and one that is longer than that. */
static void scene_flood(void)
{
    static uint8_t out[900000];
    memset(out, 'x', sizeof out);
    frame('W', out, sizeof out);
    for (int i = 0; i < 20000; i++)
        text('W', "message %d", i);
    finish();
}

static void scene_flood_of_bytes(void)
{
    static uint8_t out[900000];
    memset(out, 'x', sizeof out);
    for (int i = 0; i < 2000; i++)
        frame('Q', out, 3000);
    finish();
}

/* Ten bytes at a time, each only just in time. */
static void scene_slow(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/slow", NULL, 50, 0);
    for (int i = 0; i < 5; i++) {
        usleep(1200000);
        frame('D', payload, 10);
    }
    end_of_data(50, 0);
    finish();
}

static void scene_long_names(void)
{
    char *name = malloc(20001);
    memset(name, 'n', 20000);
    for (size_t i = 0; i < 20000; i += 200)
        name[i] = '/';
    memcpy(name, "/f/", 3);
    name[20000] = 0;
    file(name, 10, 10, 0, 0);
    entry(HPC_DIRECTORY, 0, name, NULL, 0, 0);
    free(name);
    finish();
}

static void scene_read_error(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/bad", NULL, 100000, 0);
    frame('D', payload, 50000);
    end_of_data(50000, EIO);
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA | HPC_ENTRY_ATTRS, "/f/rich", NULL, 100000, 0);
    block_frame("user.x", "rich");
    frame('D', payload, 50000);
    end_of_data(50000, ESTALE);
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/none", NULL, 100, 0);
    end_of_data(0, EACCES);
    file("/f/after", 10, 10, 0, 0);
    finish();
}

static void scene_short(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/short", NULL, 100, 0);
    frame('D', payload, 60);
    end_of_data(100, 0);
    finish();
}

static void mid_file(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA, "/f/mid", NULL, 1000000, 0);
    frame('D', payload, 500000);
}

static void scene_killed(void)
{
    mid_file();
    kill(getpid(), SIGKILL);
}
static void scene_exit(void)
{
    fprintf(stderr, "Error: out of cheese\n    at pantry\n");
    exit(9);
}
static void scene_closed(void)
{
    mid_file();
    close(1);
    for (;;)
        pause();
}
static void scene_cut(void)
{
    put("M000200\nabc", 11);
    exit(0);
}
static void scene_garbage(void)
{
    put("Segmentation fault (core dumped)\n", 33);
    for (;;)
        pause();
}
static void scene_abort(void)
{
    file("/f/one", 10, 10, 0, 0);
    text('A', "the tape is on fire; remedy: water");
    exit(1);
}
static void scene_count(void)
{
    file("/f/one", 10, 10, 0, 0);
    accounting(1, 1);
    frame('F', NULL, 0);
    for (;;)
        pause();
}
static void scene_sums(void)
{
    file("/f/one", 10, 10, 0, 0);
    sums.n[HPC_N_SCANNED] += 5;
    finish();
}
static void scene_no_sums(void)
{
    frame('F', NULL, 0);
    for (;;)
        pause();
}
static void scene_record(void)
{
    frame('M', "\1\1\0\0junk", 8);
    for (;;)
        pause();
}
static void scene_order(void)
{
    frame('Z', payload, 24);
    for (;;)
        pause();
}
static void scene_inside(void)
{
    mid_file();
    entry(HPC_DIRECTORY, 0, "/f/dir", NULL, 0, 0);
    for (;;)
        pause();
}
static void scene_dir_data(void)
{
    entry(HPC_DIRECTORY, HPC_ENTRY_HAS_DATA, "/f/dir", NULL, 0, 0);
    for (;;)
        pause();
}
static void scene_stopped(void)
{
    text('I', "going quiet");
    kill(getpid(), SIGSTOP);
    for (;;)
        pause();
}
static void scene_stopped_inside(void)
{
    mid_file();
    kill(getpid(), SIGSTOP);
    for (;;)
        pause();
}
static void scene_no_block(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS, "/f/x", NULL, 0, 0);
    frame('F', NULL, 0);
    for (;;)
        pause();
}
static void scene_stray_block(void)
{
    entry(HPC_REGULAR, 0, "/f/x", NULL, 0, 0);
    block_frame("user.x", "1");
    for (;;)
        pause();
}
static void scene_two_blocks(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS | HPC_ENTRY_HAS_DATA, "/f/x", NULL, 1, 0);
    block_frame("user.x", "1");
    block_frame("user.x", "1");
    for (;;)
        pause();
}
static void scene_block_count(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_ATTRS, "/f/x", NULL, 0, 0);
    block_frame("user.x", "1");
    sums.n[HPC_N_XATTR_BLOCKS]++;
    finish();
}
static void scene_silent(void)
{
    text('I', "going quiet");
    for (;;)
        pause();
}
static void scene_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
    text('I', "going quiet");
    for (;;)
        pause();
}

/* Enough of everything for a cancel in the middle; never ends by itself. */
static void scene_endless(void)
{
    for (uint64_t i = 0;; i++) {
        char name[40];
        snprintf(name, sizeof name, "/f/%llu", (unsigned long long)i);
        file(name, 3000, 999999, 0, 0);
    }
}

static void scene_grandchild(void)
{
    if (fork() == 0) {
        close(0), close(1), close(2);
        for (;;)
            pause();
    }
    scene_killed();
}

/* A process that left its group, and tells its number in a file that the test names. */
static void escape(bool holds_output)
{
    if (fork() != 0)
        return;
    setsid();
    close(0), close(2);
    if (!holds_output)
        close(1);
    /* The name appears once the number stands in it: who waits for it then reads it. */
    const char *name = getenv("PODHEITOR_HPC_TEST_PID");
    char draft[120];
    snprintf(draft, sizeof draft, "%s.draft", name);
    FILE *out = fopen(draft, "w");
    fprintf(out, "%d", (int)getpid());
    fclose(out);
    rename(draft, name);
    if (fork() == 0) /* and one that has it for a parent */
        for (;;)
            pause();
    for (;;)
        pause();
}

static void wait_for_escaped(void)
{
    while (access(getenv("PODHEITOR_HPC_TEST_PID"), F_OK) != 0)
        usleep(1000);
}

static void scene_escaped(void)
{
    escape(false);
    wait_for_escaped();
    file("/f/one", 10, 10, 0, 0);
    finish();
}
static void scene_held(void)
{
    escape(true);
    wait_for_escaped();
    scene_killed();
}

static void scene_lone_link(void)
{
    entry(HPC_REGULAR, HPC_ENTRY_LINK, "/f/lone", "/f/never", 10, 5);
    file("/f/one", 10, 10, 0, 0);
    finish();
}

static void scene_deleted(void)
{
    frame('G', "/f/gone", 7);
    file("/f/one", 10, 10, 0, 0);
    finish();
}

static void scene_noisy(void)
{
    char line[1025];
    memset(line, 'x', 1024);
    line[1024] = '\n';
    for (int i = 0; i < 300; i++) /* far more than a pipe holds */
        if (write(2, line, sizeof line) < 0)
            exit(6);
    fprintf(stderr, "last line\n");
    file("/f/one", 10, 10, 0, 0);
    finish();
}

static void scene_bad_exit(void)
{
    scene_empty();
    exit(7);
}

/* CHECK: 4 batches at once without waiting; of 1300 known names every third has changed. See
 * test-run.c, which makes the list. */
static void scene_check(void)
{
    enum { NAMES = 1300 };
    static uint8_t out[MAX_PAYLOAD], record_bytes[512];
    uint32_t sent = 0, batches = 0;
    if (!job.accurate)
        abort_job("a CHECK scene needs an accurate job");
    while (sent < NAMES) {
        uint32_t count = NAMES - sent < HPC_CHECK_ENTRIES ? NAMES - sent : HPC_CHECK_ENTRIES;
        size_t len = 8;
        memcpy(out, &batches, 4);
        memcpy(out + 4, &count, 4);
        for (uint32_t i = 0; i < count; i++, sent++) {
            char name[40];
            bool directory = sent % 10 == 0;
            snprintf(name, sizeof name, "/f/%05u", sent);
            uint32_t n = (uint32_t)record(record_bytes, directory ? HPC_DIRECTORY : HPC_REGULAR, 0,
                                          name, strlen(name), NULL, 0, 0,
                                          sent % 3 == 0 ? 1800000000 : 1700000000);
            memcpy(out + len, &n, 4);
            memcpy(out + len + 4, record_bytes, n);
            len += 4 + n;
        }
        frame('K', out, len);
        batches++;
    }
    for (uint32_t b = 0, first = 0; b < batches; b++) {
        uint32_t batch, count;
        if (next() != 'K' || payload_len < 8)
            abort_job("no answer to a CHECK batch");
        memcpy(&batch, payload, 4);
        memcpy(&count, payload + 4, 4);
        if (batch != b || payload_len != 8 + (count + 7) / 8)
            abort_job("a CHECK answer of the wrong batch or size");
        for (uint32_t i = 0; i < count; i++) {
            char name[40];
            bool wanted = ((uint8_t)payload[8 + i / 8] >> i % 8) & 1;
            if (wanted != ((first + i) % 3 == 0))
                abort_job("a CHECK answer has a wrong bit");
            snprintf(name, sizeof name, "/f/%05u", first + i);
            if (wanted)
                entry((first + i) % 10 == 0 ? HPC_DIRECTORY : HPC_REGULAR, 0, name, NULL, 0, 0);
            else
                sums.n[HPC_N_SCANNED]++, sums.n[HPC_N_FILTERED_UNCHANGED]++;
        }
        first += count;
    }
    finish();
}

static void scene_incremental(void)
{
    if (strcmp(job.level, "I") != 0 || strcmp(job.since, "1700000000") != 0)
        abort_job("Level or Since did not arrive");
    finish();
}

static void scene_full(void)
{
    if (strcmp(job.level, "F") != 0 || *job.since || strcmp(job.type, "B") != 0)
        abort_job("a full job with Since");
    finish();
}

/* `files` files of 1 KiB from memory, a mebibyte to a write: what the File Daemon makes of them is
 * its own limit. */
static void scene_memory(void)
{
    static uint8_t out[1 << 20], head[512];
    static const uint8_t content[1024] = "podheitor";
    const struct hpc_data_end end = { .bytes = sizeof content };
    size_t used = 0;

    for (uint64_t i = 0; i < job.file_count; i++) {
        char name[128];
        int name_len = snprintf(name, sizeof name, "/tmp/podheitor/tree/d%llu/s%llu/file-%llu",
                                (unsigned long long)(i / 10000), (unsigned long long)(i / 100),
                                (unsigned long long)(i % 100));
        used += append(out + used, 'M', head,
                       record(head, HPC_REGULAR, HPC_ENTRY_HAS_DATA, name, (size_t)name_len, NULL,
                              sizeof content, 0, 1700000000));
        used += append(out + used, 'D', content, sizeof content);
        used += append(out + used, 'Z', &end, sizeof end);
        if (used > sizeof out - 4096 || i + 1 == job.file_count) {
            put(out, used);
            used = 0;
        }
    }
    sums.n[HPC_N_SCANNED] = sums.n[HPC_N_EMITTED] = sums.n[HPC_N_FILES] = job.file_count;
    sums.n[HPC_N_BYTES] = job.file_count * sizeof content;
    finish();
}

static const struct {
    const char *name;
    void (*play)(void);
} scenes[] = {
    { "good", scene_good },
    { "empty", scene_empty },
    { "slow", scene_slow },
    { "long-names", scene_long_names },
    { "read-error", scene_read_error },
    { "short", scene_short },
    { "killed", scene_killed },
    { "exit", scene_exit },
    { "closed", scene_closed },
    { "cut", scene_cut },
    { "garbage", scene_garbage },
    { "abort", scene_abort },
    { "count", scene_count },
    { "sums", scene_sums },
    { "no-sums", scene_no_sums },
    { "record", scene_record },
    { "order", scene_order },
    { "inside", scene_inside },
    { "dir-data", scene_dir_data },
    { "silent", scene_silent },
    { "stopped", scene_stopped },
    { "stopped-inside", scene_stopped_inside },
    { "no-block", scene_no_block },
    { "stray-block", scene_stray_block },
    { "two-blocks", scene_two_blocks },
    { "block-count", scene_block_count },
    { "xattrs", scene_xattrs },
    { "bad-block", scene_bad_block },
    { "holes", scene_holes },
    { "tebibyte", scene_tebibyte },
    { "stubborn", scene_stubborn },
    { "endless", scene_endless },
    { "grandchild", scene_grandchild },
    { "lone-link", scene_lone_link },
    { "deleted", scene_deleted },
    { "noisy", scene_noisy },
    { "bad-exit", scene_bad_exit },
    { "check", scene_check },
    { "incremental", scene_incremental },
    { "full", scene_full },
    { "memory", scene_memory },
    { "hole", scene_hole },
    { "outside", scene_outside },
    { "relative", scene_relative },
    { "dots", scene_dots },
    { "beside", scene_beside },
    { "slash", scene_slash },
    { "gone-outside", scene_gone_outside },
    { "link-outside", scene_link_outside },
    { "check-outside", scene_check_outside },
    { "flood", scene_flood },
    { "flood-of-bytes", scene_flood_of_bytes },
    { "escaped", scene_escaped },
    { "held", scene_held },
};

/* What the File Daemon's child must not inherit. */
static void look_round(void)
{
    static const char *const kept[] = { "PATH=", "LANG=", "LC_", "TZ=", "HOME=", "PODHEITOR_HPC_" };
    for (char **e = environ; *e; e++) {
        bool good = false;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            good |= strncmp(*e, kept[i], strlen(kept[i])) == 0;
        if (!good)
            snprintf(stray, sizeof stray, "environment: %.100s", *e);
    }
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            snprintf(stray, sizeof stray, "descriptor %d is open", fd);
    for (int sig = 1; sig < 32; sig++) {
        struct sigaction action;
        if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            snprintf(stray, sizeof stray, "signal %d is ignored", sig);
    }
    if (getpgrp() != getpid())
        snprintf(stray, sizeof stray, "it is not its own process group");
}

int main(int argc, char **argv)
{
    look_round();
    if (argc != 2 || strcmp(argv[1], "backup") != 0)
        return 8;
    if (next() != 'C' || strcmp(payload, "Hello podheitor-hpc hpc/1") != 0)
        return 8;
    text('C', getenv("PODHEITOR_HPC_WRONG_HELLO") ? "Hello Bacula" : "Hello podheitor-hpc hpc/1");
    block("Job");
    block("Params");
    if (strcmp(job.scene, "refused") == 0)
        abort_job("key 'scene': no such value; remedy: another one");
    expect(*job.type == 'E' ? "EstimateStart" : "BackupStart");
    frame('F', NULL, 0);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        if (strcmp(scenes[i].name, job.scene) == 0) {
            scenes[i].play();
            return 0;
        }
    abort_job("no such scene");
}
