/* hpc_stream(): what comes out of the pipe are whole D frames with the bytes of the file. */
#include "tree.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

struct reader {
    int fd;
    uint8_t *bytes;
    size_t len, cap;
};

static void *read_all(void *arg)
{
    struct reader *r = arg;
    ssize_t n;

    while ((n = read(r->fd, r->bytes + r->len, r->cap - r->len)) > 0)
        r->len += (size_t)n;
    return NULL;
}

/* The payloads of the D frames, in place; aborts when anything else is there, or not three empty
 * ones stand before each. */
static size_t payloads(struct reader *r)
{
    size_t from = 0, to = 0, empty = 0;

    while (from < r->len) {
        char digits[7] = { 0 };
        size_t len;
        CHECK(r->len - from >= 8 && r->bytes[from] == 'D' && r->bytes[from + 7] == '\n');
        memcpy(digits, r->bytes + from + 1, 6);
        len = strtoul(digits, NULL, 10);
        CHECK(r->len - from - 8 >= len);
        CHECK(len == 0 ? ++empty <= 3 : empty == 3, "%zu empty frames", empty);
        empty = len > 0 ? 0 : empty;
        memmove(r->bytes + to, r->bytes + from + 8, len);
        from += 8 + len;
        to += len;
    }
    return to;
}

/* Streams to a pipe that somebody reads; *got receives the payloads. */
static int64_t streamed(int from, int64_t offset, int64_t length, int non_blocking,
                        struct hpc_stream_control *control, struct reader *got)
{
    int ends[2];
    pthread_t thread;
    int64_t moved;

    CHECK(!pipe2(ends, O_CLOEXEC | (non_blocking ? O_NONBLOCK : 0)));
    CHECK(!fcntl(ends[0], F_SETFL, 0));
    got->fd = ends[0];
    got->len = 0;
    CHECK(!pthread_create(&thread, NULL, read_all, got));
    moved = hpc_stream(from, offset, length, ends[1], (uint8_t *)control);
    close(ends[1]);
    CHECK(!pthread_join(thread, NULL));
    close(ends[0]);
    got->len = payloads(got);
    return moved;
}

static void *write_all(void *arg)
{
    struct reader *w = arg;

    for (size_t at = 0; at < w->len;) {
        ssize_t n = write(w->fd, w->bytes + at, w->len - at < 70000 ? w->len - at : 70000);
        CHECK(n > 0);
        at += (size_t)n;
    }
    close(w->fd);
    return NULL;
}

void test_stream(void)
{
    enum { SIZE = 5 * 1000 * 1000 + 123 };
    static const struct {
        int64_t offset, length, moved;
    } cases[] = {
        { 0, SIZE, SIZE },   { 0, INT64_MAX, SIZE }, { 4095, 983041, 983041 }, { 1, 1, 1 },
        { SIZE - 5, 10, 5 }, { SIZE, 1, 0 },         { SIZE + 4096, 1, 0 },    { 0, 0, 0 },
    };
    struct reader got = { .bytes = malloc(2 * SIZE), .cap = 2 * SIZE },
                  sent = { .bytes = malloc(SIZE), .len = SIZE };
    struct hpc_stream_control control = { 0 };
    pthread_t thread;
    int fd, ends[2];

    for (size_t i = 0; i < SIZE; i++)
        sent.bytes[i] = (uint8_t)(i * 7 + i / 4096);
    CHECK((fd = open(at("streamed"), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0);
    CHECK(write(fd, sent.bytes, SIZE) == SIZE);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const int64_t offset = cases[i / 2].offset, moved = cases[i / 2].moved;
        CHECK(streamed(fd, offset, cases[i / 2].length, i & 1, &control, &got) == moved, "case %zu",
              i);
        CHECK(got.len == (size_t)moved && control.error == 0);
        CHECK(moved == 0 || !memcmp(got.bytes, sent.bytes + offset, (size_t)moved));
        CHECK(lseek(fd, 0, SEEK_CUR) == SIZE);
    }
    close(fd);
    for (int non_blocking = 0; non_blocking < 2; non_blocking++) {
        CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
        CHECK(!non_blocking || !fcntl(ends[0], F_SETFL, O_NONBLOCK));
        sent.fd = ends[1];
        CHECK(!pthread_create(&thread, NULL, write_all, &sent));
        CHECK(streamed(ends[0], -1, INT64_MAX, 1, &control, &got) == SIZE);
        CHECK(got.len == SIZE && !memcmp(got.bytes, sent.bytes, SIZE));
        CHECK(!pthread_join(thread, NULL));
        close(ends[0]);
    }
    free(got.bytes);
    free(sent.bytes);
    CHECK(!unlink(at("streamed")));
}

/* What cannot be spliced says so before anything is written; a receiver that is gone ends it. */
void test_stream_refused(void)
{
    struct reader got = { .bytes = malloc(1 << 20), .cap = 1 << 20 };
    struct hpc_stream_control control = { 0 };
    int ends[2], fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
                 directory = open(base, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int64_t moved = streamed(fd, 0, 1 << 20, 0, &control, &got);

    CHECK(moved > 0 || (moved == 0 && control.error == EINVAL), "%lld, error %d", (long long)moved,
          control.error);
    CHECK((int64_t)got.len == moved);
    CHECK(streamed(directory, 0, 1, 0, &control, &got) == 0 &&
          (control.error == EINVAL || control.error == EISDIR));
    CHECK(streamed(-1, 0, 1, 0, &control, &got) == 0 && control.error == EBADF);
    CHECK(hpc_stream(fd, -2, 1, 1, (uint8_t *)&control) == -EINVAL &&
          hpc_stream(fd, 0, -1, 1, (uint8_t *)&control) == -EINVAL);
    close(fd);
    close(directory);
    signal(SIGPIPE, SIG_IGN);
    make_file(at("streamed"), "content");
    fd = open(at("streamed"), O_RDONLY | O_CLOEXEC);
    CHECK(!pipe2(ends, O_CLOEXEC));
    close(ends[0]);
    CHECK(hpc_stream(fd, 0, 7, ends[1], (uint8_t *)&control) == -EPIPE);
    close(ends[1]);
    close(fd);
    free(got.bytes);
    CHECK(!unlink(at("streamed")));
}

struct stopped {
    int from, to;
    struct hpc_stream_control control;
    int64_t answer;
};

static void *stream_for_ever(void *arg)
{
    struct stopped *s = arg;

    s->answer = hpc_stream(s->from, -1, INT64_MAX, s->to, (uint8_t *)&s->control);
    return NULL;
}

/* The stop flag ends it while the output is full, and while nothing comes. */
void test_stream_stopped(void)
{
    for (int full = 0; full < 2; full++) {
        struct stopped s = { 0 };
        int source[2], output[2];
        pthread_t thread;
        CHECK(!pipe2(source, O_CLOEXEC | O_NONBLOCK));
        CHECK(!pipe2(output, O_CLOEXEC | O_NONBLOCK));
        if (full) {
            static const char block[4096];
            while (write(source[1], block, sizeof block) > 0)
                continue;
            while (write(output[1], block, sizeof block) > 0)
                continue;
        }
        s.from = source[0];
        s.to = output[1];
        CHECK(!pthread_create(&thread, NULL, stream_for_ever, &s));
        __atomic_store_n(&s.control.stop, 1, __ATOMIC_RELEASE);
        CHECK(!pthread_join(thread, NULL));
        CHECK(s.answer == -ECANCELED, "%lld", (long long)s.answer);
        for (int i = 0; i < 2; i++)
            close(source[i]), close(output[i]);
    }
}
