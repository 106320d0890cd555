/* The life of a restore: what its entries share. */
#include "../path/hpc_base.h"
#include "job.h"
#include "leader.h"
#include "place/roots.h"
#include "store/record.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* How long a cancelled restore may go on with the attributes of directories: two seconds are what a
 * cancel may take in all. */
#define CANCELLED_FINISH_MS 1000

static int open_spool(struct hpc_restore *r, const char *work_dir)
{
    if (!work_dir)
        return spool_open(&r->spool, r->base->fd);
    int dir = open(work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int err = spool_open(&r->spool, dir);
    close(dir);
    return err;
}

static void choose_secrets(struct hpc_restore *r)
{
    uint64_t random[3];
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        random[0] = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 40;
        random[1] = random[0] * 0x9E3779B97F4A7C15u ^ (uintptr_t)r;
        random[2] = random[1] * 0x9E3779B97F4A7C15u;
    }
    atomic_store(&r->temp_seed, random[0]);
    memcpy(r->secret, random + 1, sizeof r->secret);
}

static int prepare(struct hpc_restore *r, const char *base, const char *work_dir)
{
    int fd = hpc_base_open(base, HPC_BASE_MAKE, NULL);
    if (fd < 0)
        return fd;
    choose_secrets(r);
    int err = dir_open_base(r, fd);
    if (!err && !(r->roots.base = strdup(base)))
        err = -ENOMEM;
    if (!err)
        err = open_spool(r, work_dir);
    if (!err)
        err = record_open(r);
    if (err)
        return err;
    r->base->record = r->root;
    r->single = hpc_entry_new(r);
    return r->single ? 0 : -ENOMEM;
}

struct hpc_restore *hpc_restore_new(const char *base, const char *work_dir,
                                    enum hpc_replace replace, unsigned flags, int *error_out)
{
    const unsigned flags_known = HPC_RESTORE_IN_PLACE | HPC_RESTORE_NAME_ATTRIBUTES;
    int err = -EINVAL;
    struct hpc_restore *r = NULL;
    bool known = replace == HPC_REPLACE_ALWAYS || replace == HPC_REPLACE_NEWER ||
                 replace == HPC_REPLACE_OLDER || replace == HPC_REPLACE_NEVER;
    if (known && base && *base && !(flags & ~flags_known)) {
        r = calloc(1, sizeof *r);
        err = -ENOMEM;
    }
    if (r) {
        pthread_mutex_init(&r->lock, NULL);
        pthread_mutex_init(&r->reports, NULL);
        r->spool.fd = -1;
        r->patience = CANCELLED_FINISH_MS;
        r->replace = replace;
        r->flags = flags;
        err = prepare(r, base, work_dir);
        if (err) {
            hpc_restore_free(r);
            r = NULL;
        }
    }
    if (error_out)
        *error_out = err;
    return r;
}

void hpc_restore_free(struct hpc_restore *r)
{
    if (!r)
        return;
    hpc_entry_free(r->single);
    if (r->last_stash)
        leader_remove_stashes(r);
    dir_close(r);
    if (r->spool.fd >= 0)
        close(r->spool.fd);
    roots_free(&r->roots);
    free(r->names.memory);
    free(r->leaders.memory);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->reports);
    free(r);
}

int hpc_restore_begin(struct hpc_restore *r, const struct hpc_entry_head *head, const char *name,
                      size_t name_len, const char *link, size_t link_len)
{
    return hpc_entry_begin(r->single, head, name, name_len, link, link_len);
}

int hpc_restore_write(struct hpc_restore *r, uint64_t offset, const void *data, size_t len)
{
    return hpc_entry_write(r->single, offset, data, len);
}

int hpc_restore_xattrs(struct hpc_restore *r, const uint8_t *block, size_t len)
{
    return hpc_entry_xattrs(r->single, block, len);
}

int hpc_restore_end(struct hpc_restore *r, int commit)
{
    return hpc_entry_end(r->single, commit);
}

int hpc_restore_fd(const struct hpc_restore *r)
{
    return hpc_entry_fd(r->single);
}

void hpc_restore_on_attribute(struct hpc_restore *r, hpc_restore_attribute callback, void *context)
{
    r->on_attribute = callback;
    r->on_attribute_context = context;
}

void hpc_restore_on_create(struct hpc_restore *r, const struct hpc_create_ops *ops)
{
    r->create = *ops;
}

void hpc_restore_keep_xattrs(struct hpc_restore *r, int keep)
{
    atomic_store(&r->keep_xattrs, keep != 0);
}

void hpc_restore_on_failure(struct hpc_restore *r, hpc_restore_failure callback, void *context)
{
    r->on_failure = callback;
    r->on_failure_context = context;
}

void hpc_restore_cancel(struct hpc_restore *r)
{
    atomic_store(&r->cancelled, true);
}

void hpc_restore_get_stats(const struct hpc_restore *r, struct hpc_restore_stats *out)
{
    const struct counters *c = &r->stats;
    *out = (struct hpc_restore_stats){
        .files = atomic_load(&c->files),
        .directories = atomic_load(&c->directories),
        .symlinks = atomic_load(&c->symlinks),
        .hardlinks = atomic_load(&c->hardlinks),
        .specials = atomic_load(&c->specials),
        .bytes = atomic_load(&c->bytes),
        .skipped = atomic_load(&c->skipped),
        .failed = atomic_load(&c->failed),
        .attributes_failed = atomic_load(&c->attributes_failed),
        .xattrs = atomic_load(&c->xattrs),
        .unfinished = atomic_load(&c->unfinished),
        .owners_refused = atomic_load(&c->owners_refused),
    };
}
