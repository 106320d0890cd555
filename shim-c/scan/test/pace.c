/* A limit of metadata operations. */
#include "tree.h"

/* So many operations take at least their time, but for a tenth of a second's worth at once; a scan
 * that waits for its turn can be stopped. */
void test_pace(void)
{
    char *top = at("paced"), name[64];
    struct result r;
    double begin;
    int64_t h;

    make_dir(top);
    for (unsigned i = 0; i < 449; i++) {
        snprintf(name, sizeof name, "paced/%u", i);
        make_file(at(name), "content");
    }
    for (unsigned threads = 1; threads <= 8; threads += 7) {
        begin = now();
        r = scan((options){ .threads = threads, .inline_bytes = 100, .metadata_ops = 2000 }, top);
        /* in whatever order they come: a stat and an open of the directory, a stat of the first
         * file, an open of each */
        CHECK(r.count == 450 && now() - begin >= (452 - 200) / 2000.0 - 0.001, "%zu in %f s",
              r.count, now() - begin);
        drop(&r);
    }
    h = start_scan((options){ .threads = 8, .metadata_ops = 1 }, top);
    CHECK(!hpc_scan_stop(h) && !hpc_scan_free(h, 5000));
    remove_tree(top);
}
