/* Frames straight from a scan are those of its batches, whoever takes them and however slowly. */
#include "../../wire/frames.h"
#include "tree.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a consumer got, in order: frames, and the records that it has to decide about. */
struct log {
    uint8_t *at;
    size_t len, others;
};

static void add(struct log *l, const void *bytes, size_t len)
{
    l->at = realloc(l->at, l->len + len + 1);
    CHECK(l->at);
    memcpy(l->at + l->len, bytes, len);
    l->len += len;
}

static void add_batch(struct log *l, const uint8_t *batch, size_t len)
{
    struct hpc_frames_call call = { .flags = HPC_FRAMES_CONTENT, .dir_at = HPC_FRAMES_NO_DIR };
    uint8_t *out = malloc(HPC_SCAN_MIN_CAP);

    CHECK(out);
    do {
        CHECK(hpc_frames(batch, (int64_t)len, out, HPC_SCAN_MIN_CAP, (uint8_t *)&call,
                         sizeof call) == call.used);
        CHECK(call.stop == HPC_FRAMES_END || call.stop == HPC_FRAMES_OTHER);
        add(l, out, call.used);
        call.used = 0;
        if (call.stop == HPC_FRAMES_OTHER) {
            uint32_t record;

            memcpy(&record, batch + call.at, sizeof record);
            add(l, batch + call.at, record);
            call.at += record;
            l->others++;
        }
    } while (call.stop != HPC_FRAMES_END);
    free(out);
}

/* With one thread the order is that of the directories. */
static const options ONE = { .threads = 1, .inline_bytes = 65536, .ring_entries = 64 };

static struct log batches(const char *path)
{
    struct log l = { 0 };
    uint8_t *batch = malloc(HPC_SCAN_MIN_CAP);
    int64_t h = start_scan(ONE, path), n;

    CHECK(batch);
    while ((n = hpc_scan_next(h, batch, HPC_SCAN_MIN_CAP, 1000)) != 0)
        if (n != -EAGAIN)
            add_batch(&l, batch, (size_t)n);
    CHECK(hpc_scan_free(h, 5000) == 0);
    free(batch);
    return l;
}

/* What lies in the pipe, or nothing. */
static void take(struct log *l, int pipe)
{
    uint8_t bytes[4096];
    ssize_t n;

    while ((n = read(pipe, bytes, sizeof bytes)) > 0)
        add(l, bytes, (size_t)n);
}

/* pipe_bytes 0: the caller writes. Else a pipe of this size that is read between the calls only. */
static struct log straight(const char *path, uint32_t cap, int pipe_bytes, uint64_t *entries)
{
    struct log l = { 0 };
    struct hpc_frames_call call = { .flags = HPC_FRAMES_CONTENT, .time_ms = 1 };
    uint8_t *batch = malloc(HPC_SCAN_MIN_CAP), *out = malloc(cap);
    int64_t h = start_scan(ONE, path), n;
    uint64_t written = 0, taken = 0;
    int end[2] = { -1, -1 };
    bool room;

    CHECK(batch && out);
    if (pipe_bytes) {
        CHECK(!pipe2(end, O_NONBLOCK | O_CLOEXEC));
        CHECK(fcntl(end[1], F_SETPIPE_SZ, pipe_bytes) > 0);
    }
    *entries = 0;
    do {
        CHECK(hpc_scan_frames(h, end[1], out, cap, (uint8_t *)&call, sizeof call) == call.used);
        written += call.written;
        *entries += call.files + call.directories + call.symlinks + call.specials;
        CHECK(call.used <= cap && (pipe_bytes || call.written == 0));
        room = call.stop == HPC_FRAMES_FULL && call.used > 0;
        if (pipe_bytes) {
            size_t before = l.len;

            take(&l, end[0]);
            taken += l.len - before;
        }
        if (pipe_bytes && room)
            continue;
        add(&l, out, call.used);
        call.used = 0;
        if ((call.stop == HPC_FRAMES_OTHER || call.stop == HPC_FRAMES_FULL) && !room) {
            n = hpc_scan_next(h, batch, HPC_SCAN_MIN_CAP, 0);
            CHECK(n > 0);
            add_batch(&l, batch, (size_t)n);
        }
    } while (call.stop != HPC_FRAMES_END);
    CHECK(written == taken);
    CHECK(hpc_scan_next(h, batch, HPC_SCAN_MIN_CAP, 0) == 0);
    CHECK(hpc_scan_free(h, 5000) == 0);
    if (pipe_bytes) {
        close(end[0]);
        close(end[1]);
    }
    free(batch);
    free(out);
    return l;
}

static void make_tree(const char *top)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char path[128], content[3000];
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(content, 'c', sizeof content);
    make_dir(top);
    for (int i = 0; i < 600; i++) {
        if (i % 200 == 0) {
            snprintf(path, sizeof path, "%s/%d", top, i / 200);
            make_dir(path);
        }
        snprintf(path, sizeof path, "%s/%d/file-%d", top, i / 200, i);
        content[i * 5 % 3000] = 0;
        make_file(path, content);
        content[i * 5 % 3000] = 'c';
    }
    snprintf(path, sizeof path, "%s/0/large", top);
    make_file(path, "");
    CHECK(!truncate(path, 50000));
    snprintf(name.sun_path, sizeof name.sun_path, "%s/1/socket", top);
    CHECK(!bind(s, (const struct sockaddr *)&name, sizeof name));
    close(s);
    snprintf(path, sizeof path, "%s/2/link", top);
    CHECK(!symlink("target", path));
    for (int i = 0; i < 2; i++) { /* two names of one inode, in the midst of others */
        char to[128];

        snprintf(path, sizeof path, "%s/2/file-4%d0", top, i + 4);
        snprintf(to, sizeof to, "%s/1/linked-%d", top, i);
        CHECK(!link(path, to));
    }
}

void test_frames(void)
{
    static const struct {
        uint32_t cap;
        int pipe_bytes;
    } ways[] = {
        { 320 << 10, 0 },   { 64 << 10, 0 },       { 4 << 10, 0 },    { 320 << 10, 4096 },
        { 64 << 10, 4096 }, { 64 << 10, 1 << 20 }, { 4 << 10, 4096 },
    };
    char *top = at("frames");
    struct log wanted;

    make_tree(top);
    free(batches(top).at); /* the first reading of directories and links changes their atime */
    wanted = batches(top);
    CHECK(wanted.others == 6, "%zu",
          wanted.others); /* a hole, a socket, four names of two inodes */
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint64_t entries;
        struct log got = straight(top, ways[i].cap, ways[i].pipe_bytes, &entries);

        CHECK(got.len == wanted.len && !memcmp(got.at, wanted.at, got.len),
              "way %zu: %zu bytes, not %zu", i, got.len, wanted.len);
        CHECK(got.others == wanted.others && entries > 0, "way %zu", i);
        free(got.at);
    }
    free(wanted.at);
    remove_tree(top);
}

/* A scan that is stopped says so, but not in the call that made frames of what was taken before:
 * those would be lost. */
void test_frames_stopped(void)
{
    struct hpc_frames_call call = { .flags = HPC_FRAMES_CONTENT, .time_ms = 1000 };
    enum { FEW = 8192, ENOUGH = 512 * 1024 };
    char *top = at("frames-stopped"), content[1000];
    uint8_t *out = malloc(ENOUGH);
    int64_t h;

    CHECK(out);
    memset(content, 'c', sizeof content);
    content[sizeof content - 1] = 0;
    make_dir(top);
    for (int i = 0; i < 200; i++) {
        char path[128];

        snprintf(path, sizeof path, "%s/%d", top, i);
        make_file(path, content);
    }
    h = start_scan(ONE, top);
    CHECK(hpc_scan_frames(h, -1, out, FEW, (uint8_t *)&call, sizeof call) > 0 &&
          call.stop == HPC_FRAMES_FULL);
    CHECK(hpc_scan_stop(h) == 0);
    call.used = 0;
    CHECK(hpc_scan_frames(h, -1, out, ENOUGH, (uint8_t *)&call, sizeof call) > 0 &&
          call.stop == HPC_FRAMES_MORE && call.files > 0);
    call.used = 0;
    CHECK(hpc_scan_frames(h, -1, out, ENOUGH, (uint8_t *)&call, sizeof call) == -ECANCELED);
    CHECK(hpc_scan_free(h, 5000) == 0);

    /* what was taken is given back with the scan */
    h = start_scan(ONE, top);
    CHECK(hpc_scan_frames(h, -1, out, FEW, (uint8_t *)&call, sizeof call) > 0 &&
          call.stop == HPC_FRAMES_FULL);
    CHECK(hpc_scan_free(h, 5000) == 0);
    CHECK(hpc_scan_frames(0, -1, out, FEW, (uint8_t *)&call, sizeof call) == -EINVAL);
    call.used = FEW + 1;
    h = start_scan(ONE, top);
    CHECK(hpc_scan_frames(h, -1, out, FEW, (uint8_t *)&call, sizeof call) == -EINVAL);
    CHECK(hpc_scan_free(h, 5000) == 0);
    free(out);
    remove_tree(top);
}
