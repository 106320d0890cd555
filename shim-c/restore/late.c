#include "late.h"
#include "entry.h"
#include "link.h"
#include "place/place.h"
#include "store/spool.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct late {
    uint64_t next;
    uint32_t name_len, link_len;
    struct hpc_entry_head head; /* name and link follow */
};

static int put_aside(struct hpc_restore_entry *e)
{
    struct hpc_restore *r = e->job;
    struct late late = { .name_len = (uint32_t)e->path.len,
                         .link_len = (uint32_t)e->link.len,
                         .head = e->head };
    uint64_t at, ignored;
    if (e->path.len > UINT32_MAX || e->link.len > UINT32_MAX)
        return -ENAMETOOLONG;
    pthread_mutex_lock(&r->lock);
    int err = spool_append(&r->spool, &late, sizeof late, &at);
    if (!err)
        err = spool_append(&r->spool, e->path.data, e->path.len, &ignored);
    if (!err)
        err = spool_append(&r->spool, e->link.data, e->link.len, &ignored);
    if (!err && r->last_late)
        err = spool_write(&r->spool, &at, sizeof at, r->last_late + offsetof(struct late, next));
    if (!err) {
        r->last_late = at;
        r->first_late = r->first_late ? r->first_late : at;
        r->late++;
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

int late_link(struct hpc_restore_entry *e)
{
    int err = link_make(e, false);
    return err == LINK_LATER ? put_aside(e) : err;
}

static int read_late(struct hpc_restore *r, uint64_t at, struct late *late,
                     struct hpc_restore_entry *e)
{
    int err = spool_read(&r->spool, late, sizeof *late, at);
    if (!err)
        err = bytes_reserve(&e->path, late->name_len + (size_t)1);
    if (!err)
        err = bytes_reserve(&e->link, late->link_len + (size_t)1);
    if (!err)
        err = spool_read(&r->spool, e->path.data, late->name_len, at + sizeof *late);
    if (!err)
        err = spool_read(&r->spool, e->link.data, late->link_len,
                         at + sizeof *late + late->name_len);
    if (err)
        return err;
    e->path.data[e->path.len = late->name_len] = 0;
    e->link.data[e->link.len = late->link_len] = 0;
    e->head = late->head;
    return 0;
}

static void say_failure(struct hpc_restore *r, const struct hpc_restore_entry *e, int err)
{
    atomic_fetch_add(&r->stats.failed, 1);
    pthread_mutex_lock(&r->reports);
    if (r->on_failure)
        r->on_failure(r->on_failure_context, e->path.data, e->path.len, e->link.data, e->link.len,
                      -err);
    pthread_mutex_unlock(&r->reports);
}

void late_make_all(struct hpc_restore *r, struct hpc_restore_entry *e)
{
    struct late late = { .next = r->first_late };
    while (e && late.next && !atomic_load(&r->cancelled)) {
        if (read_late(r, late.next, &late, e) < 0)
            break;
        int err = place_find(e);
        if (!err)
            err = link_make(e, true);
        if (err == HPC_BEGIN_SKIPPED)
            atomic_fetch_add(&r->stats.skipped, 1);
        else if (err < 0)
            say_failure(r, e, err);
        r->late--;
    }
    r->first_late = r->last_late = 0;
    /* What could not even be read back, or was not tried any more. */
    atomic_fetch_add(&r->stats.failed, r->late);
    r->late = 0;
}
