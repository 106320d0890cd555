/* Unit tests of hpc_frame and hpc_params: what is accepted, what is refused, and that garbage is
 * only refused. */
#include "../hpc_frame.h"
#include "../hpc_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int failures, checks;

#define CHECK(condition) \
    do { \
        checks++; \
        if (!(condition)) { \
            failures++; \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
        } \
    } while (0)

/* An exact-size heap copy: a read past the end is seen by AddressSanitizer. */
static uint8_t *copy_of(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, len);
    return copy;
}

/* ---- frames ---- */

static int parse(const void *bytes, size_t len, struct hpc_frame *frame, size_t *consumed)
{
    uint8_t *copy = copy_of(bytes, len);
    int r = hpc_frame_parse(copy, len, frame, consumed);
    if (r == 1)
        CHECK(frame->payload == copy + HPC_FRAME_HEADER);
    free(copy);
    return r;
}

static void test_frames(void)
{
    static const char *const bad[] = { "x",         "\n",        "C00000x",      "C 00001\n",
                                       "C000001\r", "D-00001\n", "F000001\n",    "T1",
                                       "H000010\n", "X1",        "C0000040END\n" };
    struct hpc_frame f;
    size_t used = 0;
    uint8_t header[HPC_FRAME_HEADER];

    for (size_t n = 0; n < 12; n++)
        CHECK(parse("C000004\nEND\n", n, &f, &used) == 0);
    CHECK(parse("C000004\nEND\nF000000\n", 20, &f, &used) == 1);
    CHECK(f.status == 'C' && f.len == 4 && used == 12);
    CHECK(parse("F000000\n", 8, &f, &used) == 1 && f.len == 0 && used == 8);
    CHECK(parse("D999999\n", 8, &f, &used) == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(parse(bad[i], strlen(bad[i]), &f, &used) == -EBADMSG);
    CHECK(parse("\0", 1, &f, &used) == -EBADMSG);

    hpc_frame_header(header, 'D', HPC_FRAME_MAX);
    CHECK(memcmp(header, "D999999\n", 8) == 0);
    CHECK(hpc_frame_parse_header(header, 8, &f) == 1 && f.len == HPC_FRAME_MAX &&
          f.payload == NULL);
    hpc_frame_header(header, 'M', 128);
    CHECK(memcmp(header, "M000128\n", 8) == 0);
}

/* ---- entries ---- */

struct sample {
    struct hpc_entry_head head;
    char name[64], link[64];
    uint64_t holes[8];
    uint64_t digest;
};

static struct sample regular(void)
{
    struct sample s = { .head = { .version = HPC_ENTRY_VERSION,
                                  .kind = HPC_REGULAR,
                                  .nlink = 1,
                                  .ino = 0xfedcba9876543210u,
                                  .mode = S_IFREG | 0644,
                                  .size = 1000,
                                  .flags = HPC_ENTRY_HAS_DATA },
                        .name = "/a/new\nline" };
    return s;
}

/* Packs what the sample says, even where that is nonsense. Returns the length. */
static size_t pack(const struct sample *s, uint8_t *out)
{
    struct hpc_entry_head h = s->head;
    size_t at = HPC_ENTRY_HEAD;

    h.name_len = (uint32_t)strlen(s->name);
    h.link_len = (uint32_t)strlen(s->link);
    memcpy(out, &h, sizeof h);
    memcpy(out + at, s->name, h.name_len);
    at += h.name_len;
    memcpy(out + at, s->link, h.link_len);
    at += h.link_len;
    memcpy(out + at, s->holes, 16 * (size_t)h.hole_count);
    at += 16 * (size_t)h.hole_count;
    if (h.flags & HPC_ENTRY_DIGEST) {
        memcpy(out + at, &s->digest, 8);
        at += 8;
    }
    return at;
}

static int decode(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = copy_of(bytes, len);
    struct hpc_entry e;
    int r = hpc_entry_decode(copy, len, &e);
    free(copy);
    return r;
}

static int decode_sample(const struct sample *s)
{
    uint8_t bytes[512];
    return decode(bytes, pack(s, bytes));
}

static void test_entry_fields(void)
{
    uint8_t bytes[512];
    struct hpc_entry e;
    uint64_t offset, length;
    struct sample s = regular();

    s.head.flags |= HPC_ENTRY_DIGEST;
    s.head.hole_count = 2;
    s.holes[0] = 0, s.holes[1] = 4096, s.holes[2] = 4096, s.holes[3] = 1;
    s.digest = 0x0123456789abcdefu;
    CHECK(hpc_entry_decode(bytes, pack(&s, bytes), &e) == 0);
    CHECK(e.head.ino == 0xfedcba9876543210u && e.head.name_len == 11 &&
          memcmp(e.name, "/a/new\nline", 11) == 0);
    CHECK(e.has_digest && e.digest == 0x0123456789abcdefu);
    hpc_entry_hole(&e, 1, &offset, &length);
    CHECK(offset == 4096 && length == 1);

    s = (struct sample){ .head = { .version = 1, .kind = HPC_SYMLINK, .mode = S_IFLNK | 0777 },
                         .name = "/l",
                         .link = "../\xff" };
    CHECK(hpc_entry_decode(bytes, pack(&s, bytes), &e) == 0);
    CHECK(e.head.link_len == 4 && memcmp(e.link, "../\xff", 4) == 0 && !e.has_digest);
}

static void test_entry_lengths(void)
{
    uint8_t bytes[512];
    struct sample s = regular();
    size_t len = pack(&s, bytes);
    static const uint32_t lengths[] = { 0, 1, 0x7fffffff, 0x80000000u, 0xffffffffu };

    for (size_t n = 0; n < len; n++)
        CHECK(decode(bytes, n) == -EBADMSG);
    CHECK(decode(bytes, len) == 0);
    CHECK(decode(bytes, len + 1) == -EBADMSG);
    for (size_t i = 0; i < 5; i++) {
        for (size_t field = 0; field < 3; field++) {
            static const size_t at[] = { 4, 8, 120 };
            if (lengths[i] == 0 && field > 0)
                continue;
            pack(&s, bytes);
            memcpy(bytes + at[field], &lengths[i], 4);
            CHECK(decode(bytes, len) == -EBADMSG);
        }
    }
}

#define REFUSED(change) \
    do { \
        s = regular(); \
        change; \
        CHECK(decode_sample(&s) == -EBADMSG); \
    } while (0)

static void test_entry_refusals(void)
{
    uint8_t bytes[512];
    struct sample s = regular();
    size_t len = pack(&s, bytes);

    REFUSED(s.head.version = 0);
    REFUSED(s.head.version = 2);
    REFUSED(s.head.reserved = 1);
    REFUSED(s.head.kind = 0);
    REFUSED(s.head.kind = 8);
    REFUSED(s.head.kind = HPC_DIRECTORY);
    REFUSED(s.head.mode = 0644);
    REFUSED(s.head.flags = 1 << 7);
    REFUSED((s.head.flags = HPC_ENTRY_LINK | HPC_ENTRY_ATTRS, s.head.link_group = 1,
             strcpy(s.link, "/a")));
    REFUSED(s.head.flags = 1 << 15);
    REFUSED(s.name[0] = 0);
    REFUSED(strcpy(s.link, "x"));
    REFUSED(s.head.flags = HPC_ENTRY_LEADER);
    REFUSED(s.head.flags = HPC_ENTRY_LAST_LINK);
    REFUSED((s.head.flags = HPC_ENTRY_LINK, s.head.link_group = 1));
    REFUSED((s.head.flags = HPC_ENTRY_LINK, strcpy(s.link, "/a")));
    REFUSED((s.head.flags = HPC_ENTRY_LINK | HPC_ENTRY_HAS_DATA, s.head.link_group = 1,
             strcpy(s.link, "/a")));
    REFUSED((s.head.flags = HPC_ENTRY_LINK | HPC_ENTRY_LEADER, s.head.link_group = 1,
             strcpy(s.link, "/a")));
    REFUSED((s.head.kind = HPC_DIRECTORY, s.head.mode = S_IFDIR));
    REFUSED((s.head.kind = HPC_SYMLINK, s.head.mode = S_IFLNK, s.head.flags = 0));
    REFUSED((s.head.kind = HPC_DIRECTORY, s.head.mode = S_IFDIR, s.head.flags = HPC_ENTRY_LINK,
             s.head.link_group = 1, strcpy(s.link, "/a")));
    REFUSED((s.head.hole_count = 1, s.holes[0] = 5, s.holes[1] = 0));
    REFUSED((s.head.hole_count = 1, s.holes[0] = 5, s.holes[1] = INT64_MAX));
    REFUSED((s.head.hole_count = 2, s.holes[1] = 5, s.holes[2] = 4, s.holes[3] = 9));
    REFUSED((s.head.hole_count = 1, s.holes[1] = 5, s.head.kind = HPC_FIFO, s.head.mode = S_IFIFO,
             s.head.flags = 0));

    bytes[HPC_ENTRY_HEAD + 3] = 0;
    CHECK(decode(bytes, len) == -EBADMSG);

    s = regular();
    s.head.flags = HPC_ENTRY_LINK | HPC_ENTRY_LAST_LINK, s.head.link_group = 1,
    strcpy(s.link, "/a");
    CHECK(decode_sample(&s) == 0);
    s.head.kind = HPC_SYMLINK, s.head.mode = S_IFLNK;
    CHECK(decode_sample(&s) == 0);
}

/* ---- Z, K, U ---- */

static void test_data_end(void)
{
    struct hpc_data_end in = { .bytes = 1ull << 40,
                               .error = EIO,
                               .flags = HPC_DATA_END_DIGEST,
                               .digest = 42 },
                        out;
    uint8_t bytes[sizeof(struct hpc_data_end) + 1];

    memcpy(bytes, &in, sizeof in);
    CHECK(hpc_data_end_decode(bytes, sizeof(struct hpc_data_end), &out) == 0);
    CHECK(out.bytes == in.bytes && out.error == EIO && out.flags == HPC_DATA_END_DIGEST &&
          out.digest == 42);
    CHECK(hpc_data_end_decode(bytes, sizeof(struct hpc_data_end) - 1, &out) == -EBADMSG);
    CHECK(hpc_data_end_decode(bytes, sizeof(struct hpc_data_end) + 1, &out) == -EBADMSG);
    in.error = -1;
    memcpy(bytes, &in, sizeof in);
    CHECK(hpc_data_end_decode(bytes, sizeof(struct hpc_data_end), &out) == -EBADMSG);
    in.error = 0, in.flags = 2;
    memcpy(bytes, &in, sizeof in);
    CHECK(hpc_data_end_decode(bytes, sizeof(struct hpc_data_end), &out) == -EBADMSG);
}

static size_t put_record(uint8_t *out, const struct sample *s)
{
    uint32_t len = (uint32_t)pack(s, out + 4);
    memcpy(out, &len, 4);
    return 4 + (size_t)len;
}

/* Number of entries in the batch, or -EBADMSG. */
static int read_batch(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = copy_of(bytes, len);
    struct hpc_check check;
    struct hpc_entry e;
    int n = 0, r = hpc_check_begin(copy, len, &check);

    while (r == 0 && (r = hpc_check_next(&check, &e)) == 1)
        n++, r = 0;
    free(copy);
    return r == 0 ? n : r;
}

static void test_check(void)
{
    uint8_t bytes[1024] = { 7, 0, 0, 0, 3, 0, 0, 0 }, answer[HPC_CHECK_ANSWER_MAX];
    struct sample s = regular();
    uint8_t wanted[HPC_CHECK_ENTRIES / 8];
    size_t len = 8;

    s.head.flags = HPC_ENTRY_OLDER;
    for (int i = 0; i < 3; i++)
        len += put_record(bytes + len, &s);
    CHECK(read_batch(bytes, len) == 3);
    for (size_t n = 0; n < len; n++)
        CHECK(read_batch(bytes, n) == -EBADMSG);
    CHECK(read_batch(bytes, len + 1) == -EBADMSG);
    bytes[4] = 2;
    CHECK(read_batch(bytes, len) == -EBADMSG);
    bytes[4] = 0;
    CHECK(read_batch(bytes, 8) == -EBADMSG);
    bytes[5] = 0xff;
    CHECK(read_batch(bytes, len) == -EBADMSG);
    bytes[4] = 3, bytes[5] = 0, bytes[8 + 4 + 2] = HPC_ENTRY_HAS_DATA;
    CHECK(read_batch(bytes, len) == -EBADMSG);
    bytes[8 + 4 + 2] = HPC_ENTRY_ATTRS;
    CHECK(read_batch(bytes, len) == -EBADMSG);

    memset(wanted, 0xff, sizeof wanted);
    CHECK(hpc_check_answer(answer, sizeof answer, 7, 10, wanted) == 10);
    CHECK(memcmp(answer, "\7\0\0\0\12\0\0\0\377\3", 10) == 0);
    CHECK(hpc_check_answer(answer, sizeof answer, 7, HPC_CHECK_ENTRIES, wanted) ==
          (int)HPC_CHECK_ANSWER_MAX);
    CHECK(hpc_check_answer(answer, 9, 7, 10, wanted) == -EINVAL);
    CHECK(hpc_check_answer(answer, sizeof answer, 7, 0, wanted) == -EINVAL);
    CHECK(hpc_check_answer(answer, sizeof answer, 7, HPC_CHECK_ENTRIES + 1, wanted) == -EINVAL);
}

static int walk_xattrs(const void *bytes, size_t len, unsigned *count)
{
    uint8_t *copy = copy_of(bytes, len);
    struct hpc_xattr x;
    size_t at = 0;
    int r;

    for (*count = 0; (r = hpc_xattr_next(copy, len, &at, &x)) == 1; ++*count)
        CHECK(x.name >= copy && x.value == x.name + x.name_len &&
              x.value + x.value_len <= copy + len);
    free(copy);
    return r;
}

static void test_xattrs(void)
{
    static const uint8_t two[] = { 6,   0, 0, 0, 3, 0, 0, 0, 'u', 's', 'e', 'r', '.',
                                   'x', 1, 0, 2, 1, 0, 0, 0, 0,   0,   0,   0,   'y' };
    uint8_t bytes[sizeof two];
    unsigned count;

    CHECK(walk_xattrs(two, 0, &count) == 0 && count == 0);
    CHECK(walk_xattrs(two, sizeof two, &count) == 0 && count == 2);
    for (size_t len = 1; len < sizeof two; len++)
        CHECK(walk_xattrs(two, len, &count) == (len == 17 ? 0 : -EBADMSG));
    for (size_t bit = 0; bit < 8 * sizeof two; bit++) {
        memcpy(bytes, two, sizeof two);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        walk_xattrs(bytes, sizeof bytes, &count);
    }
    memcpy(bytes, two, sizeof two);
    bytes[8] = 0; /* NUL in a name */
    CHECK(walk_xattrs(bytes, sizeof bytes, &count) == -EBADMSG);
    memcpy(bytes, two, sizeof two);
    bytes[2] = 1; /* flags */
    CHECK(walk_xattrs(bytes, sizeof bytes, &count) == -EBADMSG);
}

static void test_accounting(void)
{
    uint8_t bytes[8 + 8 * (HPC_COUNTERS + 1)] = { 1, 0, 0, 0, HPC_COUNTERS };
    struct hpc_accounting a;
    size_t len = 8 + 8 * HPC_COUNTERS;

    for (size_t i = 0; i <= HPC_COUNTERS; i++)
        bytes[8 + 8 * i] = (uint8_t)i;
    CHECK(hpc_accounting_decode(bytes, len, &a) == 0 && a.n[HPC_N_SKIPPED] == 19 &&
          a.n[HPC_N_BYTES] == 16);
    CHECK(!hpc_accounting_balanced(&a));
    CHECK(hpc_accounting_decode(bytes, len - 1, &a) == -EBADMSG);
    CHECK(hpc_accounting_decode(bytes, 4, &a) == -EBADMSG);
    bytes[4] = HPC_COUNTERS + 1;
    CHECK(hpc_accounting_decode(bytes, len, &a) == -EBADMSG);
    CHECK(hpc_accounting_decode(bytes, len + 8, &a) == 0);
    bytes[4] = HPC_COUNTERS_LEAST; /* an older release */
    CHECK(hpc_accounting_decode(bytes, 8 + 8 * HPC_COUNTERS_LEAST, &a) == 0);
    CHECK(a.n[HPC_N_SKIPPED] == 19 && a.n[HPC_N_XATTR_BLOCKS] == 0 && a.n[HPC_N_HOLE_BYTES] == 0);
    bytes[4] = HPC_COUNTERS_LEAST - 1;
    CHECK(hpc_accounting_decode(bytes, 8 + 8 * (HPC_COUNTERS_LEAST - 1), &a) == -EBADMSG);
    bytes[4] = HPC_COUNTERS, bytes[0] = 2;
    CHECK(hpc_accounting_decode(bytes, len, &a) == -EBADMSG);

    memset(&a, 0, sizeof a);
    a.n[HPC_N_SCANNED] = 9, a.n[HPC_N_EMITTED] = 5, a.n[HPC_N_FILTERED_SHARD] = 2,
    a.n[HPC_N_FAILED] = 1, a.n[HPC_N_VANISHED] = 1;
    a.n[HPC_N_FILES] = 3, a.n[HPC_N_HARDLINKS] = 1, a.n[HPC_N_SPECIALS] = 1;
    CHECK(hpc_accounting_balanced(&a));
    a.n[HPC_N_FILES] = 2;
    CHECK(!hpc_accounting_balanced(&a));
    a.n[HPC_N_FILES] = 3, a.n[HPC_N_SCANNED] = 10;
    CHECK(!hpc_accounting_balanced(&a));
}

/* ---- plugin string ---- */

/* The pairs as "key=value|key=value|", or "!" and the message. */
static const char *split(const char *text, size_t len)
{
    static char out[1024];
    uint8_t *copy = copy_of(text, len);
    struct hpc_params params;
    size_t at = 0;
    int r;

    out[0] = '!';
    r = hpc_params_parse(copy, len, &params, out + 1, sizeof out - 1);
    free(copy);
    if (r != 0) {
        CHECK(r == -EINVAL && params.pairs == NULL && params.bytes == NULL);
        return out;
    }
    for (size_t i = 0; i < params.count; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s=%.*s|",
                               (int)params.pairs[i].key_len, (const char *)params.pairs[i].key,
                               (int)params.pairs[i].value_len, (const char *)params.pairs[i].value);
    out[at] = 0;
    hpc_params_free(&params);
    return out;
}

static void pairs(const char *text, const char *expected)
{
    const char *got = split(text, strlen(text));
    if (strcmp(got, expected) != 0)
        fprintf(stderr, "%s\n  gives    %s\n  expected %s\n", text, got, expected);
    CHECK(strcmp(got, expected) == 0);
}

static void test_params(void)
{
    struct hpc_params params;
    char small[8];

    pairs("podheitor-hpc", "");
    pairs("podheitor-hpc:", "");
    pairs("podheitor-hpc: ;; \n ; ", "");
    pairs("podheitor-hpc:path=/a;shard=0/4", "path=/a|shard=0/4|");
    pairs("podheitor-hpc: path=/a b ;\n\t path=/c:d=e\\ ;", "path=/a b|path=/c:d=e\\|");
    pairs("podheitor-hpc:path=\"/a;b \\\"c\\\\ \nd\" ; x=\"\"; y=", "path=/a;b \"c\\ \nd|x=|y=|");
    pairs("podheitor-hpc:path=/\xff\xfe", "path=/\xff\xfe|");

    pairs("p:path", "!plugin string, byte 7, pair 1 ('path'): no '=': a pair is key=value, without "
                    "blanks round the '='");
    pairs("p:a=1;path;", "!plugin string, byte 11, pair 2 ('path'): no '=': a pair is key=value, "
                         "without blanks round the '='");
    pairs("p:path =x", "!plugin string, byte 7, pair 1 ('path =x'): no '=': a pair is key=value, "
                       "without blanks round the '='");
    pairs("p:path= x", "!plugin string, byte 8, pair 1 ('path= x'): a blank behind '=': remove it, "
                       "or quote the value");
    pairs("p:=x", "!plugin string, byte 3, pair 1 ('=x'): no key before '='");
    pairs("p:p\xc3\xa4th=x", "!plugin string, byte 4, pair 1 ('p??th=x'): a key has letters, "
                             "digits, '-' and '_' only, and '=' follows it");
    pairs("p:path=\"x",
          "!plugin string, byte 8, pair 1 ('path=\"x'): the quote that opens here is never closed");
    pairs(
        "p:path=\"x\\",
        "!plugin string, byte 8, pair 1 ('path=\"x\\'): the quote that opens here is never closed");
    pairs("p:path=\"x\\n\"", "!plugin string, byte 10, pair 1 ('path=\"x\\n\"'): within quotes a "
                             "\\ stands before \" or \\ only");
    pairs("p:path=\"x\" y=1", "!plugin string, byte 12, pair 1 ('path=\"x\" y=1'): text behind the "
                              "closing quote: put a ';' between pairs");
    pairs("p:path=/x\nshard=0/4",
          "!plugin string, byte 10, pair 1 ('path=/x?shard=0/4'): a newline within the value: put "
          "a ';' between pairs, or quote the value");
    pairs("p:path=/x\"y\"", "!plugin string, byte 10, pair 1 ('path=/x\"y\"'): a quote within the "
                            "value: quote the whole value, and write \\\" for a quote");
    CHECK(strstr(split("p:path=/x\0y", 11), "byte 10, pair 1 ('path=/x?y'): a NUL byte") != NULL);
    CHECK(strstr(split("p:path=\"/x\0y\"", 13), "byte 11, pair 1 ('path=\"/x?y\"'): a NUL byte") !=
          NULL);
    CHECK(hpc_params_parse((const uint8_t *)"p:x", 3, &params, small, sizeof small) == -EINVAL &&
          strcmp(small, "plugin ") == 0);
    CHECK(hpc_params_parse((const uint8_t *)"p:x", 3, &params, NULL, 0) == -EINVAL);
    CHECK(hpc_params_parse(NULL, 0, &params, NULL, 0) == 0 && params.count == 0);
    hpc_params_free(&params);
}

/* ---- garbage ---- */

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t roll(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 32);
}

static void feed_everything(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = copy_of(bytes, len);
    struct hpc_frame frame;
    struct hpc_entry e;
    struct hpc_data_end end;
    struct hpc_accounting a;
    struct hpc_params params;
    char error[64];
    size_t used = 0;
    uint64_t offset, length;

    if (hpc_frame_parse(copy, len, &frame, &used) == 1)
        CHECK(used <= len);
    if (hpc_entry_decode(copy, len, &e) == 0)
        for (uint32_t i = 0; i < e.head.hole_count; i++)
            hpc_entry_hole(&e, i, &offset, &length);
    hpc_data_end_decode(copy, len, &end);
    hpc_accounting_decode(copy, len, &a);
    read_batch(copy, len);
    if (hpc_params_parse(copy, len, &params, error, sizeof error) == 0)
        hpc_params_free(&params);
    free(copy);
}

static void test_garbage(void)
{
    uint8_t good[512], bytes[512];
    struct sample s = regular();
    size_t len;

    s.head.hole_count = 2;
    s.holes[1] = 10, s.holes[2] = 20, s.holes[3] = 10;
    len = pack(&s, good);
    for (int round = 0; round < 200000; round++) {
        size_t n = round % 2 ? len : roll() % sizeof bytes;
        memcpy(bytes, good, sizeof bytes);
        if (round % 2) {
            for (uint32_t flips = roll() % 4; flips > 0; flips--)
                bytes[roll() % n] ^= (uint8_t)(1u << (roll() % 8));
        } else {
            static const char likely[] = "CMK0019\n;=\"\\p:x ";
            for (size_t i = 0; i < n; i++)
                bytes[i] = round % 4 ? (uint8_t)roll()
                                     : (uint8_t)likely[roll() % (sizeof likely - 1)];
        }
        feed_everything(bytes, n);
    }
}

static void xattr_rules(void)
{
    static const struct {
        enum hpc_xattr_rule rule;
        const char *names[12];
    } of[] = {
        { HPC_XATTR_KEEP,
          { "user.x", "user.jobs", "security.selinux", "security.capability",
            "system.posix_acl_access", "system.posix_acl_default", "system.nfs4_acl",
            "system.richacl", "trusted.x", "trusted.lovely", "trusted.overlays" } },
        { HPC_XATTR_REFUSE,
          { "trusted.lov", "trusted.lma", "trusted.hsm", "trusted.overlay.opaque", "lustre.lov",
            "ceph.dir.layout", "btrfs.compression", "system.nfs4_acl_", "system.x", "user.", "" } },
        { HPC_XATTR_REFUSE,
          { "trusted.lmv", "trusted.link", "trusted.fid", "trusted.som", "trusted.version",
            "trusted.dmv", "trusted.dummy", HPC_XATTR_FLAGS, HPC_XATTR_PROJECT } },
        { HPC_XATTR_DROP,
          { "user.job", "trusted.dataver", "trusted.lfsck_bitmap", "trusted.projid",
            "trusted.pin" } },
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (const char *const *name = of[i].names; *name; name++)
            CHECK(hpc_xattr_rule(*name) == of[i].rule);
}

static void kinds(void)
{
    CHECK(hpc_kind_of_mode(0100644) == HPC_REGULAR && hpc_kind_of_mode(0040755) == HPC_DIRECTORY);
    CHECK(hpc_kind_of_mode(0120777) == HPC_SYMLINK && hpc_kind_of_mode(0010600) == HPC_FIFO);
    CHECK(hpc_kind_of_mode(0020600) == HPC_CHARDEV && hpc_kind_of_mode(0060600) == HPC_BLOCKDEV);
    CHECK(hpc_kind_of_mode(0140600) == HPC_SOCKET && hpc_kind_of_mode(0170644) == 0);
}

int main(void)
{
    xattr_rules();
    kinds();
    test_frames();
    test_entry_fields();
    test_entry_lengths();
    test_entry_refusals();
    test_data_end();
    test_check();
    test_xattrs();
    test_accounting();
    test_params();
    test_garbage();
    printf("wire: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
