/* Several entries at a time, each with a thread of its own: nothing but the job is shared. */
#include "test.h"
#include <pthread.h>

enum { WRITERS = 4, FILES = 400 };

struct writer {
    struct hpc_restore *r;
    int number;
    pthread_t thread;
};

static void *write_files(void *arg)
{
    struct writer *w = arg;
    struct hpc_restore_entry *e = hpc_entry_new(w->r);
    char name[64], content[64];
    CHECK(e);
    for (int i = 0; i < FILES; i++) {
        struct hpc_entry_head h = entry(S_IFREG | 0640, 0);
        h.uid = geteuid();
        h.gid = getegid();
        h.nlink = 2;
        snprintf(name, sizeof name, "shared%d/by%d/deep/%d", i % 30, i % 7, w->number * FILES + i);
        h.size = (uint64_t)snprintf(content, sizeof content, "writer %d, file %d", w->number, i);
        EQUAL(hpc_entry_begin(e, &h, name, strlen(name), NULL, 0), HPC_BEGIN_DATA);
        EQUAL(hpc_entry_write(e, 0, content, h.size), 0);
        EQUAL(hpc_entry_end(e, 1), 0);
        char link[64];
        snprintf(link, sizeof link, "links%d/%d", i % 11, w->number * FILES + i);
        h.flags = HPC_ENTRY_LINK;
        EQUAL(hpc_entry_begin(e, &h, link, strlen(link), name, strlen(name)), 0);
        h = entry(S_IFDIR | 0750, 0);
        h.uid = geteuid();
        h.gid = getegid();
        snprintf(name, sizeof name, "shared%d/by%d", i % 30, i % 7);
        EQUAL(hpc_entry_begin(e, &h, name, strlen(name), NULL, 0), 0);
    }
    hpc_entry_free(e);
    return NULL;
}

void many_writers(void)
{
    struct writer writers[WRITERS];
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .r = r, .number = i };
        EQUAL(pthread_create(&writers[i].thread, NULL, write_files, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        EQUAL(pthread_join(writers[i].thread, NULL), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stats_of(r).files, WRITERS * FILES);
    EQUAL(stats_of(r).hardlinks, WRITERS * FILES);
    EQUAL(stats_of(r).failed + stats_of(r).attributes_failed, 0);
    for (int n = 0; n < WRITERS * FILES; n++) {
        char path[80], content[64];
        int i = n % FILES;
        snprintf(content, sizeof content, "writer %d, file %d", n / FILES, i);
        snprintf(path, sizeof path, "base/links%d/%d", i % 11, n);
        content_is(path, content);
        EQUAL(stat_of(path).st_nlink, 2);
        snprintf(path, sizeof path, "base/shared%d/by%d", i % 30, i % 7);
        EQUAL(stat_of(path).st_mode & 07777, 0750);
        EQUAL(stat_of(path).st_mtim.tv_sec, 1000);
    }
    EQUAL(leftovers("base"), 0);
    hpc_restore_free(r);
}
