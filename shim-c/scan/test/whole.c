/* What the job before could not see is saved, however old it is. */
#include "../../wire/hpc_entry.h"
#include "tree.h"

static const char *const names[] = { "a/",     "a/b/",    "a/b/1", "a/b/c/", "a/b/c/2",
                                     "a/b-d/", "a/b-d/3", "a/b0",  "a/4",    "e/",
                                     "e/5",    "f",       NULL };

/* The names that are not older, joined by '|'. */
static void expect(const char *const *list, const char *want)
{
    const char *top = at("whole");
    char got[1024] = "";
    struct result r;

    whole = list;
    r = scan((options){ .threads = 2, .flags = HPC_SCAN_KEEP_OLDER, .since_s = INT64_MAX }, top);
    whole = NULL;
    for (size_t i = 0; i < r.count; i++) {
        struct seen *s = &r.at[i];
        if (!(s->head.flags & HPC_ENTRY_OLDER))
            sprintf(got + strlen(got), "%s|",
                    strlen(s->path) > strlen(top) ? s->path + strlen(top) + 1 : "");
    }
    CHECK(!strcmp(got, want), "\n got %s\nwant %s", got, want);
    CHECK(r.count == 13, "%zu", r.count);
    drop(&r);
}

static const char *below(const char *name)
{
    static char path[4][200];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s%s%s", at("whole"), *name ? "/" : "", name);
    return out;
}

#define PATHS(...) \
    (const char *const[]) \
    { \
        __VA_ARGS__, NULL \
    }

void test_whole(void)
{
    make_dir(at("whole"));
    for (unsigned i = 0; names[i]; i++) {
        char name[64];
        size_t len = (size_t)snprintf(name, sizeof name, "whole/%s", names[i]);
        if (name[len - 1] == '/') {
            name[len - 1] = 0;
            make_dir(at(name));
        } else {
            make_file(at(name), "");
        }
    }
    expect(NULL, "");
    expect(PATHS(below("a/b")), "a/b|a/b/1|a/b/c|a/b/c/2|");
    expect(PATHS(below("a/b/c"), below("f"), below("a/b-d/3")), "a/b-d/3|a/b/c|a/b/c/2|f|");
    expect(PATHS(below("a/b0"), below("e"), below("nowhere/x")), "a/b0|e|e/5|");
    expect(PATHS(below("")), "|a|a/4|a/b|a/b-d|a/b-d/3|a/b/1|a/b/c|a/b/c/2|a/b0|e|e/5|f|");
    remove_tree(at("whole"));
}
