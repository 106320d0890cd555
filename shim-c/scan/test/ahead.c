/* Readahead changes nothing of what a scan says. In one of the programs every read counts as slow,
 * so that there is always some; in another it must have slept, too, and here none does. */
#include "../entry/ahead.h"
#include "../core/scan.h"
#include "tree.h"

#define ALWAYS (AHEAD_SLOW_NS < 0 && !AHEAD_SLEEPS)
#define NEVER  (AHEAD_SLOW_NS < 0 && AHEAD_SLEEPS)

enum { FILES = 300 };

static void check_content(const struct result *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->at[i].head.kind == HPC_REGULAR)
            CHECK(r->at[i].content_len == strlen(r->at[i].content) && r->at[i].content[0] == 'x',
                  "%s", r->at[i].path);
}

static void timed_reads(struct worker *w, unsigned reads)
{
    for (unsigned i = 0; i < reads * AHEAD_SAMPLE; i++)
        ahead_end(w, ahead_begin(w), 100);
}

/* All reads are slow: more are asked for each time that this is seen again soon, and few when it
 * was not for long. */
static void test_how_many(void)
{
    static const uint32_t steps[] = { AHEAD_NAMES_MIN, 4 * AHEAD_NAMES_MIN, AHEAD_NAMES_MAX,
                                      AHEAD_NAMES_MAX };
    struct scan *s = calloc(1, sizeof *s);
    struct worker w = { .scan = s };

    s->options.flags = HPC_SCAN_READ_AHEAD;
    timed_reads(&w, AHEAD_SLOW_READS - 1);
    CHECK(w.ahead_names == 0);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        timed_reads(&w, 1);
        CHECK(w.ahead_names == steps[i], "%u", w.ahead_names);
        timed_reads(&w, 3);
        CHECK(w.ahead_names == steps[i], "while they last: %u", w.ahead_names);
        w.ahead_names = 0;
    }
    w.since_ahead = AHEAD_SOON + 1;
    timed_reads(&w, 1);
    CHECK(w.ahead_names == AHEAD_NAMES_MIN);
    free(s);
}

void test_read_ahead(void)
{
    const unsigned ahead = HPC_SCAN_READ_AHEAD;
    static const char *const list[] = { "*7", NULL };
    char *top = at("ahead"), name[64], text[64];
    size_t all = 0;
    struct result r;

    if (ALWAYS)
        test_how_many();
    make_dir(top);
    for (unsigned d = 0; d < 3; d++) {
        snprintf(name, sizeof name, "ahead/%u", d);
        make_dir(at(name));
        for (unsigned i = 0; i < FILES; i++) {
            snprintf(name, sizeof name, "ahead/%u/%u", d, i);
            snprintf(text, sizeof text, "x%u", i);
            if (i % 50 == 0)
                CHECK(!symlink(text, at(name)));
            else
                make_file(at(name), text);
        }
    }
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        r = scan((options){ .threads = threads, .inline_bytes = 100, .flags = ahead }, top);
        CHECK(r.count == 3 * FILES + 4);
        CHECK(!ALWAYS || r.stats.asked_ahead > FILES, "%llu",
              (unsigned long long)r.stats.asked_ahead);
        CHECK(!NEVER || r.stats.asked_ahead == 0, "%llu", (unsigned long long)r.stats.asked_ahead);
        check_content(&r);
        drop(&r);
        r = scan((options){ .threads = threads,
                            .inline_bytes = 2,
                            .flags = ahead | HPC_SCAN_SERIAL_DIRS },
                 top); /* most are too large */
        CHECK(r.count == 3 * FILES + 4 && r.stats.asked_ahead < 30);
        drop(&r);
        r = scan(
            (options){
                .threads = threads, .inline_bytes = 100, .metadata_ops = 1000000, .flags = ahead },
            top);
        CHECK(r.count == 3 * FILES + 4 && r.stats.asked_ahead == 0);
        drop(&r);
        r = scan((options){ .threads = threads, .inline_bytes = 100 }, top);
        CHECK(r.count == 3 * FILES + 4 && r.stats.asked_ahead == 0);
        drop(&r);
    }
    for (uint32_t k = 0; k < 3; k++) {
        r = scan(
            (options){ .shard_index = k, .shard_count = 3, .inline_bytes = 100, .flags = ahead },
            top);
        check_content(&r);
        all += r.count;
        drop(&r);
    }
    CHECK(all == 3 * FILES + 4);
    excludes = list;
    r = scan((options){ .inline_bytes = 100, .flags = ahead }, top);
    excludes = NULL;
    CHECK(r.count == 3 * FILES + 4 - 3 * FILES / 10 && r.stats.filtered_excluded == 3 * FILES / 10);
    check_content(&r);
    drop(&r);
    remove_tree(top);
}
