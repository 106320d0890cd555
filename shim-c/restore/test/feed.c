/* The flat API, with an encoder of its own so that decoder and encoder cannot be wrong together. */
#include "test.h"
#include <sys/xattr.h>

struct stream {
    uint8_t *data;
    size_t len, cap;
};

static void append(struct stream *s, const void *data, size_t len)
{
    while (s->cap - s->len < len) {
        s->cap = s->cap * 2 + 4096;
        s->data = realloc(s->data, s->cap);
        CHECK(s->data);
    }
    if (len)
        memcpy(s->data + s->len, data, len);
    s->len += len;
}

static void frame(struct stream *s, char status, const void *payload, size_t len)
{
    char header[32];
    snprintf(header, sizeof header, "%c%06zu\n", status, len);
    append(s, header, 8);
    append(s, payload, len);
}

static void add_entry_with_holes(struct stream *s, struct hpc_entry_head h, const char *name,
                                 const char *link, const uint64_t *holes, uint32_t count)
{
    static const struct {
        uint32_t type;
        uint8_t kind;
    } kinds[] = {
        { S_IFREG, HPC_REGULAR },
        { S_IFDIR, HPC_DIRECTORY },
        { S_IFLNK, HPC_SYMLINK },
        { S_IFIFO, HPC_FIFO },
    };
    for (size_t i = 0; i < 4; i++)
        if ((h.mode & S_IFMT) == kinds[i].type)
            h.kind = kinds[i].kind;
    h.name_len = (uint32_t)strlen(name);
    h.link_len = link ? (uint32_t)strlen(link) : 0;
    h.hole_count = count;
    struct stream m = { 0 };
    append(&m, &h, sizeof h);
    append(&m, name, h.name_len);
    append(&m, link, h.link_len);
    append(&m, holes, 16 * (size_t)count);
    frame(s, 'M', m.data, m.len);
    free(m.data);
}

static void add_entry(struct stream *s, struct hpc_entry_head h, const char *name, const char *link)
{
    add_entry_with_holes(s, h, name, link, NULL, 0);
}

static void add_end(struct stream *s, uint64_t bytes, int32_t error)
{
    uint8_t z[24] = { 0 };
    memcpy(z, &bytes, 8);
    memcpy(z + 8, &error, 4);
    frame(s, 'Z', z, sizeof z);
}

static void add_file(struct stream *s, const char *name, const char *content)
{
    size_t len = strlen(content);
    add_entry(s, entry(S_IFREG | 0644, len), name, NULL);
    frame(s, 'D', content, len / 2);
    frame(s, 'D', content + len / 2, len - len / 2);
    add_end(s, len, 0);
}

static int64_t open_flat(const char *base)
{
    int64_t handle = hpc_restore_open((const uint8_t *)base, (int64_t)strlen(base),
                                      (const uint8_t *)".", 1, 'a', 0);
    CHECK(handle > 0);
    return handle;
}

static struct hpc_restore_stats flat_stats(int64_t handle)
{
    struct hpc_restore_stats stats;
    EQUAL(hpc_restore_flat_stats(handle, (uint8_t *)&stats, sizeof stats), sizeof stats);
    return stats;
}

/* Feeds all of it in one call and wants no failure. */
static void feed_all(int64_t handle, const struct stream *s)
{
    uint8_t failures[4096];
    uint64_t used = 1;
    EQUAL(hpc_restore_feed(handle, s->data, (int64_t)s->len, failures, sizeof failures,
                           (uint8_t *)&used),
          s->len);
    EQUAL(used, 0);
}

static struct stream sample(void)
{
    struct stream s = { 0 };
    add_entry(&s, entry(S_IFDIR | 0750, 0), "/src", NULL);
    add_file(&s, "/src/one", "the first file");
    add_file(&s, "/src/two\n\xff", "the second");
    struct hpc_entry_head h = entry(S_IFREG | 0600, 6);
    h.flags |= HPC_ENTRY_LEADER;
    h.link_group = 7;
    add_entry(&s, h, "/src/leader", NULL);
    frame(&s, 'D', "linked", 6);
    add_end(&s, 6, 0);
    h.flags = HPC_ENTRY_LINK | HPC_ENTRY_LAST_LINK;
    add_entry(&s, h, "/src/link", "/src/leader");
    add_entry(&s, entry(S_IFLNK | 0777, 3), "/src/sym", "one");
    add_entry(&s, entry(S_IFIFO | 0600, 0), "/src/fifo", NULL);
    add_file(&s, "/src/empty", "");
    return s;
}

static void check_sample(const char *base)
{
    char path[128];
    static const struct {
        const char *name, *content;
    } files[] = {
        { "one", "the first file" },
        { "two\n\xff", "the second" },
        { "leader", "linked" },
        { "link", "linked" },
        { "empty", "" },
    };
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/src/%s", base, files[i].name);
        content_is(path, files[i].content);
    }
    EQUAL(stat_of(path).st_nlink, 1);
    snprintf(path, sizeof path, "%s/src/link", base);
    EQUAL(stat_of(path).st_nlink, 2);
    snprintf(path, sizeof path, "%s/src/fifo", base);
    EQUAL(stat_of(path).st_mode & S_IFMT, S_IFIFO);
    snprintf(path, sizeof path, "%s/src", base);
    EQUAL(stat_of(path).st_mode, S_IFDIR | 0750);
    EQUAL(stat_of(path).st_mtim.tv_sec, 1000);
    EQUAL(leftovers(base), 0);
}

void feed_round(void)
{
    EQUAL(hpc_restore_abi(), 1);
    struct stream s = sample();
    int64_t handle = open_flat("base");
    feed_all(handle, &s);
    EQUAL(hpc_restore_flat_finish(handle), 0);
    check_sample("base");
    struct hpc_restore_stats stats = flat_stats(handle);
    EQUAL(stats.files, 4);
    EQUAL(stats.hardlinks, 1);
    EQUAL(stats.bytes, 30);
    uint64_t first;
    EQUAL(hpc_restore_flat_stats(handle, (uint8_t *)&first, 8), 8);
    EQUAL(first, 4);
    EQUAL(hpc_restore_flat_cancel(handle), 0);
    uint64_t used;
    EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, NULL, 0, (uint8_t *)&used), -ECANCELED);
    EQUAL(hpc_restore_close(handle), 0);

    EQUAL(hpc_restore_open((const uint8_t *)"a\0b", 3, NULL, 0, 'a', 0), -EINVAL);
    EQUAL(hpc_restore_open((const uint8_t *)"base", 4, NULL, 0, '?', 0), -EINVAL);
    free(s.data);
}

/* Any cut gives the same tree: what is not consumed is given again. */
void feed_splits(void)
{
    struct stream s = sample();
    srand(1);
    for (int round = 0; round < 60; round++) {
        char base[32];
        snprintf(base, sizeof base, "base-%d", round);
        int64_t handle = open_flat(base);
        size_t begin = 0, end = 0;
        while (begin < s.len) {
            end += round == 0 ? 1 : (size_t)rand() % 200;
            if (end > s.len)
                end = s.len;
            /* An exact copy, so that the sanitizer sees any read beyond it. */
            uint8_t *piece = malloc(end - begin + 1), *exact = piece + 1;
            memcpy(exact, s.data + begin, end - begin);
            uint64_t used;
            int64_t n = hpc_restore_feed(handle, exact, (int64_t)(end - begin), NULL, 0,
                                         (uint8_t *)&used);
            free(piece);
            CHECK(n >= 0 && (size_t)n <= end - begin);
            begin += (size_t)n;
        }
        EQUAL(hpc_restore_flat_finish(handle), 0);
        check_sample(base);
        EQUAL(flat_stats(handle).failed, 0);
        hpc_restore_close(handle);
    }
    free(s.data);
}

struct failure {
    uint32_t size;
    int32_t error;
    uint32_t name_len, op;
};

static size_t failure_is(const uint8_t *at, int error, uint32_t op, const char *name,
                         size_t name_len)
{
    struct failure f;
    memcpy(&f, at, sizeof f);
    EQUAL(f.error, error);
    EQUAL(f.op, op);
    EQUAL(f.name_len, name_len);
    EQUAL(memcmp(at + 16, name, name_len), 0);
    EQUAL(f.size, (16 + name_len + 7) / 8 * 8);
    return f.size;
}

void feed_failures(void)
{
    struct stream s = { 0 };
    EQUAL(mkdir("base/way", 0700), 0);
    write_file("base/way/full", "x");
    add_file(&s, "/way", "a directory is in the way");
    add_file(&s, "/a/../b", "dots");
    add_entry(&s, entry(S_IFREG | 0600, 4), "/unread", NULL);
    frame(&s, 'D', "half", 4);
    add_end(&s, 4, EIO);
    add_entry(&s, entry(S_IFREG | 0600, 4), "/short", NULL);
    frame(&s, 'D', "half", 4);
    add_end(&s, 5, 0);
    add_entry(&s, entry(S_IFREG | 0600, 4), "/damaged", NULL);
    frame(&s, 'D', "half", 4);
    frame(&s, 'X', NULL, 0);
    frame(&s, 'X', NULL, 0); /* nothing in progress: nothing to do */
    struct hpc_entry_head link = entry(S_IFREG | 0600, 4);
    link.flags = HPC_ENTRY_LINK;
    link.link_group = 3;
    add_entry(&s, link, "/link", "/missing");
    add_file(&s, "/good", "good");

    int64_t handle = open_flat("base");
    uint8_t failures[4096];
    uint64_t used = 0;
    EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, failures, sizeof failures,
                           (uint8_t *)&used),
          s.len);
    size_t at = 0;
    at += failure_is(failures + at, EISDIR, HPC_RESTORE_OP_CREATE, "/way", 4);
    at += failure_is(failures + at, EINVAL, HPC_RESTORE_OP_CREATE, "/a/../b", 7);
    at += failure_is(failures + at, EIO, HPC_RESTORE_OP_SOURCE, "/unread", 7);
    at += failure_is(failures + at, EIO, HPC_RESTORE_OP_SOURCE, "/short", 6);
    at += failure_is(failures + at, EIO, HPC_RESTORE_OP_DISCARD, "/damaged", 8);
    EQUAL(used, at);
    EQUAL(hpc_restore_flat_finish(handle),
          0); /* the link was put aside: its leader might have come */
    EQUAL(hpc_restore_flat_failures(handle, failures, sizeof failures), 32);
    failure_is(failures, ENOENT, HPC_RESTORE_OP_LINK, "/link\0/missing", 14);
    EQUAL(flat_stats(handle).failed, 6);
    EQUAL(flat_stats(handle).files, 1);
    content_is("base/good", "good");
    CHECK(!exists("base/unread") && !exists("base/short") && !exists("base/damaged") &&
          !exists("base/link"));
    EQUAL(leftovers("base"), 0);
    hpc_restore_close(handle);
    free(s.data);
}

/* A small buffer for failures: the feed pauses instead of losing one. */
void feed_full_failures(void)
{
    struct stream s = { 0 };
    for (int i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "/bad/../%d", i);
        add_file(&s, name, "x");
        snprintf(name, sizeof name, "/good/%d", i);
        add_file(&s, name, "x");
    }
    int64_t handle = open_flat("base");
    int seen = 0, calls = 0;
    for (size_t at = 0; at < s.len; calls++) {
        uint8_t failures[400];
        uint64_t used = 0;
        int64_t n = hpc_restore_feed(handle, s.data + at, (int64_t)(s.len - at), failures,
                                     sizeof failures, (uint8_t *)&used);
        CHECK(n > 0);
        at += (size_t)n;
        for (size_t f = 0; f < used; seen++) {
            char name[32];
            int len = snprintf(name, sizeof name, "/bad/../%d", seen);
            f += failure_is(failures + f, EINVAL, HPC_RESTORE_OP_CREATE, name, (size_t)len);
        }
    }
    EQUAL(seen, 100);
    CHECK(calls > 5);
    EQUAL(flat_stats(handle).failed, 100);
    EQUAL(flat_stats(handle).files, 100);
    /* No room at all: counted. */
    uint64_t used = 1;
    EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, NULL, 0, (uint8_t *)&used), s.len);
    EQUAL(used, 0);
    EQUAL(flat_stats(handle).failed, 200);
    hpc_restore_close(handle);
    free(s.data);
}

void feed_holes(void)
{
    uint64_t size = 1 << 20;
    /* data 0..8192, hole, data 524288..524298, hole to the end */
    uint64_t holes[4] = { 8192, 524288 - 8192, 524298, size - 524298 };
    char data[8202];
    memset(data, 'h', sizeof data);
    struct stream s = { 0 };
    add_entry_with_holes(&s, entry(S_IFREG | 0600, size), "/holes", NULL, holes, 2);
    frame(&s, 'D', data, 8000);
    frame(&s, 'D', data, 202);
    add_end(&s, 8202, 0);
    uint64_t whole[2] = { 0, 5000000000 };
    add_entry_with_holes(&s, entry(S_IFREG | 0600, 5000000000), "/all-hole", NULL, whole, 1);
    add_end(&s, 0, 0);
    int64_t handle = open_flat("base");
    feed_all(handle, &s);
    struct stat st = stat_of("base/holes");
    EQUAL(st.st_size, size);
    CHECK(st.st_blocks * 512 < 65536);
    int fd = open("base/holes", O_RDONLY);
    char *back = malloc(size);
    EQUAL(read(fd, back, size), size);
    for (uint64_t i = 0; i < size; i++)
        EQUAL(back[i], i < 8192 || (i >= 524288 && i < 524298) ? 'h' : 0);
    close(fd);
    free(back);
    EQUAL(stat_of("base/all-hole").st_size, 5000000000);
    hpc_restore_close(handle);
    free(s.data);
}

void feed_malformed(void)
{
    uint64_t none = 0;
    EQUAL(hpc_restore_feed(0, (const uint8_t *)"", 0, NULL, 0, (uint8_t *)&none), -EINVAL);
    EQUAL(hpc_restore_flat_stats(0, (uint8_t *)&none, 8), -EINVAL);
    EQUAL(hpc_restore_flat_finish(0), -EINVAL);
    EQUAL(hpc_restore_flat_cancel(0), -EINVAL);
    EQUAL(hpc_restore_close(0), -EINVAL);
    struct hpc_entry_head h = entry(S_IFREG | 0600, 4);
    for (int kind = 0; kind < 7; kind++) {
        struct stream s = { 0 };
        switch (kind) {
        case 0: append(&s, "not a frame at all", 18); break;
        case 1: frame(&s, 'D', "data of nothing", 15); break;
        case 2: add_end(&s, 0, 0); break;
        case 3: frame(&s, 'M', "short", 5); break;
        case 4:
            add_entry(&s, h, "/a", NULL);
            add_entry(&s, h, "/b", NULL);
            break;
        case 5:
            add_entry(&s, h, "/a", NULL);
            frame(&s, 'Z', "short", 5);
            break;
        case 6: frame(&s, 'C', "Hello\n", 6); break;
        }
        int64_t handle = open_flat("base");
        uint64_t used = 1;
        EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, NULL, 0, (uint8_t *)&used),
              -EBADMSG);
        EQUAL(used, 0);
        struct stream good = sample();
        EQUAL(hpc_restore_feed(handle, good.data, (int64_t)good.len, NULL, 0, (uint8_t *)&used),
              -EBADMSG);
        hpc_restore_close(handle);
        EQUAL(leftovers("base"), 0);
        EQUAL(rmdir("base") + mkdir("base", 0700), 0);
        free(s.data);
        free(good.data);
    }
}

/* Flipped bytes: whatever comes out, nothing is written outside and nothing is read beyond (the
 * sanitizer looks). */
void feed_mutations(void)
{
    EQUAL(mkdir("jail", 0755), 0);
    srand(2);
    for (int round = 0; round < 300; round++) {
        struct stream s = sample();
        for (int flips = 1 + rand() % 4; flips; flips--)
            s.data[(size_t)rand() % s.len] = (uint8_t)rand();
        int64_t handle = open_flat("jail/base");
        uint8_t failures[512];
        uint64_t used;
        for (size_t at = 0; at < s.len;) {
            int64_t n = hpc_restore_feed(handle, s.data + at, (int64_t)(s.len - at), failures,
                                         sizeof failures, (uint8_t *)&used);
            CHECK(used <= sizeof failures);
            if (n <= 0)
                break;
            at += (size_t)n;
        }
        hpc_restore_flat_finish(handle);
        hpc_restore_close(handle);
        free(s.data);
        EQUAL(stat_of("jail").st_nlink, 3);
    }
    EQUAL(leftovers("jail"), 0);
    EQUAL(rename("jail/base", "out") + rmdir("jail"), 0); /* nothing but the base is in there */
}

static size_t block_of(uint8_t *out, const char *name, const char *value)
{
    uint16_t head[2] = { (uint16_t)strlen(name), 0 };
    uint32_t len = (uint32_t)strlen(value);
    memcpy(out, head, 4);
    memcpy(out + 4, &len, 4);
    memcpy(out + 8, name, head[0]);
    memcpy(out + 8 + head[0], value, len);
    return 8 + head[0] + len;
}

static void value_is(const char *path, const char *name, const char *value)
{
    char got[64] = { 0 };
    EQUAL(lgetxattr(path, name, got, sizeof got), strlen(value));
    EQUAL(strcmp(got, value), 0);
}

/* B frames: before the data, of entries without any, with the digest that archives have, and where
 * none is due. */
void feed_blocks(void)
{
    uint8_t b[256];
    size_t n = block_of(b, "user.x", "value");
    struct stream s = { 0 };
    struct hpc_entry_head h = entry(S_IFREG | 0644, 4);
    h.flags |= HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/f", NULL);
    frame(&s, 'B', b, n);
    frame(&s, 'D', "data", 4);
    add_end(&s, 4, 0);
    h = entry(S_IFREG | 0644, 0);
    h.flags = HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/empty", NULL);
    frame(&s, 'B', b, n);
    add_entry(&s, h, "/damaged", NULL);
    frame(&s, 'X', NULL, 0);
    h = entry(S_IFDIR | 0750, 0);
    h.flags = HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/d", NULL);
    frame(&s, 'B', b, n);
    h = entry(S_IFREG | 0644, 0);
    h.flags = HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/../bad", NULL);
    frame(&s, 'B', b, n);
    size_t odd = block_of(b, "nonsense", "value");
    h = entry(S_IFDIR | 0750, 0);
    h.flags = HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/odd", NULL);
    frame(&s, 'B', b, odd);
    h = entry(S_IFREG | 0644, 0);
    h.flags = HPC_ENTRY_ATTRS;
    add_entry(&s, h, "/odd-file", NULL);
    frame(&s, 'B', b, odd);
    int64_t handle = hpc_restore_open((const uint8_t *)"base", 4, (const uint8_t *)".", 1, 'a',
                                      HPC_RESTORE_NAME_ATTRIBUTES);
    CHECK(handle > 0);
    uint8_t failures[4096];
    uint64_t used;
    EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, failures, sizeof failures,
                           (uint8_t *)&used),
          s.len);
    size_t at = failure_is(failures, EIO, HPC_RESTORE_OP_DISCARD, "/damaged", 8);
    at += failure_is(failures + at, EINVAL, HPC_RESTORE_OP_CREATE, "/../bad", 7);
    if (geteuid() == 0) {
        at += failure_is(failures + at, EOPNOTSUPP, HPC_RESTORE_OP_ATTRIBUTE, "odd-file\0nonsense",
                         17);
        EQUAL(used, at);
        EQUAL(hpc_restore_flat_finish(handle), 0);
        EQUAL(hpc_restore_flat_failures(handle, failures, 0),
              0); /* no room, even when empty: dropped */
        EQUAL(hpc_restore_flat_failures(handle, failures, sizeof failures), 0);
        EQUAL(flat_stats(handle).attributes_failed, 2);
    } else {
        EQUAL(hpc_restore_flat_finish(handle), 0);
    }
    EQUAL(flat_stats(handle).failed, 2);
    value_is("base/f", "user.x", "value");
    value_is("base/empty", "user.x", "value");
    value_is("base/d", "user.x", "value");
    CHECK(!exists("base/damaged"));
    content_is("base/f", "data");
    hpc_restore_close(handle);
    free(s.data);

    for (int kind = 0; kind < 6; kind++) {
        s = (struct stream){ 0 };
        h = entry(S_IFREG | 0644, 4);
        h.flags |= kind == 5 ? 0 : HPC_ENTRY_ATTRS;
        if (kind != 0)
            add_entry(&s, h, "/f", NULL);
        switch (kind) {
        case 0:
        case 5: frame(&s, 'B', b, n); break;
        case 1: frame(&s, 'D', "data", 4); break;
        case 2: add_end(&s, 0, 0); break;
        case 3: add_entry(&s, h, "/g", NULL); break;
        case 4:
            frame(&s, 'B', b, n);
            frame(&s, 'B', b, n);
            break;
        }
        handle = open_flat("base");
        EQUAL(hpc_restore_feed(handle, s.data, (int64_t)s.len, NULL, 0, (uint8_t *)&used),
              -EBADMSG);
        hpc_restore_close(handle);
        free(s.data);
    }
}
