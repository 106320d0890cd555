#include "entry.h"
#include "attributes/report.h"
#include "attributes/xattrs.h"
#include "file.h"
#include "late.h"
#include "leader.h"
#include "link.h"
#include "objects.h"
#include "place/identity.h"
#include "place/name.h"
#include "place/place.h"
#include "place/replace.h"
#include "place/roots.h"
#include "store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hpc_restore_entry *hpc_entry_new(struct hpc_restore *r)
{
    struct hpc_restore_entry *e = calloc(1, sizeof *e);
    if (e) {
        e->job = r;
        e->fd = e->held = -1;
    }
    return e;
}

void hpc_entry_free(struct hpc_restore_entry *e)
{
    if (!e)
        return;
    if (e->fd >= 0)
        file_discard(e);
    entry_rest(e);
    free(e->path.data);
    free(e->link.data);
    free(e->block.data);
    free(e);
}

void entry_close(struct hpc_restore_entry *e)
{
    if (e->held >= 0)
        close(e->held);
    e->held = -1;
    e->state = STATE_IDLE;
    e->counted = e->exists = e->whole = e->stashed = false;
    e->record = 0;
}

void entry_rest(struct hpc_restore_entry *e)
{
    entry_close(e);
    dir_put(e->job, e->parent);
    e->parent = NULL;
}

int hpc_entry_fd(const struct hpc_restore_entry *e)
{
    return e->fd;
}

/* The name of a file that has more stays with what bears it: its content is wanted all the same,
 * unless that very file is there. */
static int begin_stash(struct hpc_restore_entry *e, int why)
{
    struct statx sx;
    if (!S_ISREG(e->head.mode) || e->head.nlink < 2 || (why != HPC_BEGIN_SKIPPED && why != -EISDIR))
        return why;
    if (identity_look(e->parent->fd, e->name, &sx) < 0 || link_is_like(e, e->parent, &sx))
        return why;
    e->stashed = true;
    e->why_stashed = why;
    return file_open(e);
}

/* Everything but directories and links. */
static int begin_object(struct hpc_restore_entry *e)
{
    const struct hpc_entry_head *head = &e->head;
    bool regular = S_ISREG(head->mode);
    if (regular && !(head->flags & HPC_ENTRY_HAS_DATA) && head->size)
        return -ENODATA; /* an empty file in its place would be a lie */
    int err = e->exists && !replace_allowed(e) ? HPC_BEGIN_SKIPPED : place_clear(e);
    if (err)
        return begin_stash(e, err);
    return regular ? file_open(e) : objects_make_node(e);
}

/* An object that is complete: counted, and remembered in case that its xattr block comes. */
static int made(struct hpc_restore_entry *e, int result, atomic_ullong *counter,
                enum entry_state state)
{
    if (result)
        return result;
    atomic_fetch_add(counter, 1);
    e->state = state;
    return 0;
}

static int begin(struct hpc_restore_entry *e)
{
    struct counters *stats = &e->job->stats;
    const struct hpc_entry_head *head = &e->head;
    if (e->path.len == 0)
        return made(e, objects_adopt_base(e), &stats->directories, STATE_DIRECTORY);
    int err = place_find(e);
    if (err)
        return err;
    if (head->flags & HPC_ENTRY_LINK)
        return late_link(e);
    if (S_ISDIR(head->mode) && e->exists && S_ISLNK(e->st.st_mode) &&
        roots_has(&e->job->roots, &e->path))
        return made(e, objects_adopt_root(e), &stats->directories, STATE_DIRECTORY);
    switch (head->mode & S_IFMT) {
    case S_IFDIR: return made(e, objects_make_directory(e), &stats->directories, STATE_DIRECTORY);
    case S_IFREG: return begin_object(e);
    case S_IFLNK: return made(e, begin_object(e), &stats->symlinks, STATE_NODE);
    case S_IFIFO:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFSOCK: return made(e, begin_object(e), &stats->specials, STATE_NODE);
    default: return -EINVAL;
    }
}

/* Name and link target in e, checked. */
static int take_names(struct hpc_restore_entry *e, const char *name, size_t name_len,
                      const char *link, size_t link_len)
{
    bool is_link = e->head.flags & HPC_ENTRY_LINK;
    int err = name_len ? name_normalise(&e->path, name, name_len) : -EINVAL;
    if (err || e->path.len == 0)
        return err;
    if (is_link) {
        err = e->head.flags & HPC_ENTRY_HAS_DATA ? -EINVAL
                                                 : name_normalise(&e->link, link, link_len);
        return !err && e->link.len == 0 ? -EINVAL : err;
    }
    if (!S_ISLNK(e->head.mode))
        return 0;
    return link_len == 0 || memchr(link, 0, link_len) ? -EINVAL
                                                      : bytes_set(&e->link, link, link_len);
}

int hpc_entry_begin(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                    const char *name, size_t name_len, const char *link, size_t link_len)
{
    struct hpc_restore *r = e->job;
    hpc_entry_end(e,
                  e->whole); /* discards, unless nothing but a block is missing that never came */
    entry_close(e);
    if (atomic_load(&r->cancelled)) {
        atomic_fetch_add(&r->stats.failed, 1);
        return -ECANCELED;
    }
    e->head = *head;
    int result = take_names(e, name, name_len, link, link_len);
    bool named = !result;
    if (!result)
        result = begin(e);
    if (named && leader_may_be(head) && (result < 0 || result == HPC_BEGIN_SKIPPED))
        leader_note(r, &e->path, result < 0 ? LEADER_FAILED : LEADER_KEPT, NULL);
    if (result < 0)
        atomic_fetch_add(&r->stats.failed, 1);
    if (result == HPC_BEGIN_SKIPPED)
        atomic_fetch_add(&r->stats.skipped, 1);
    if (result != HPC_BEGIN_DATA)
        return result;
    e->state = STATE_FILE;
    if (head->flags & HPC_ENTRY_HAS_DATA)
        return result;
    e->whole = head->flags & HPC_ENTRY_ATTRS;
    return e->whole ? HPC_BEGIN_DONE : hpc_entry_end(e, 1);
}

int hpc_entry_parent(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                     const char *name, size_t name_len)
{
    hpc_entry_end(e, e->whole);
    entry_close(e);
    e->head = *head;
    if (!S_ISDIR(head->mode) || head->flags & HPC_ENTRY_LINK)
        return -EINVAL;
    int err = take_names(e, name, name_len, NULL, 0);
    if (!err && e->path.len)
        err = objects_note_parent(e);
    if (!err && e->record)
        e->state = STATE_DIRECTORY;
    return err;
}

int hpc_entry_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len)
{
    if (e->fd < 0)
        return -EBADF;
    return atomic_load(&e->job->cancelled) ? -ECANCELED : file_write(e, offset, data, len);
}

static int keep_block(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    int err = e->has_block ? -EEXIST : bytes_set(&e->block, bytes, len);
    e->has_block |= !err;
    return err;
}

static int attach_block(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    pthread_mutex_lock(&e->job->lock);
    int err = record_attach(e->job, e->record, bytes, len);
    pthread_mutex_unlock(&e->job->lock);
    return err;
}

int hpc_entry_xattrs(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    struct block block = { .data = (const char *)bytes, .len = len };
    struct target t = { .path = &e->path };
    if (atomic_load(&e->job->cancelled))
        return -ECANCELED;
    if (e->state == STATE_IDLE)
        return 0;
    int err = xattrs_is_sound(bytes, len) ? 0 : -EBADMSG;
    bool all = true;
    if (!err && len && e->state == STATE_FILE)
        err = keep_block(e, bytes, len);
    else if (!err && len && e->state == STATE_DIRECTORY)
        err = attach_block(e, bytes, len);
    else if (!err && len)
        all = objects_give_block(e, &block);
    all &= report_took(e->job, &t, "xattrs", err);
    if (!all && !e->counted) {
        e->counted = true;
        atomic_fetch_add(&e->job->stats.attributes_failed, 1);
    }
    return e->state == STATE_FILE && e->whole ? hpc_entry_end(e, 1) : 0;
}

int hpc_entry_end(struct hpc_restore_entry *e, int committing)
{
    struct hpc_restore *r = e->job;
    if (e->fd < 0)
        return 0;
    int err = 0;
    e->state = STATE_IDLE;
    e->whole = false;
    if (committing)
        err = atomic_load(&r->cancelled) ? -ECANCELED : file_commit(e);
    if (committing && !err && e->stashed) {
        atomic_fetch_add(e->why_stashed < 0 ? &r->stats.failed : &r->stats.skipped, 1);
        return e->why_stashed;
    }
    if (committing && !err) {
        atomic_fetch_add(&r->stats.files, 1);
        atomic_fetch_add(&r->stats.bytes, e->bytes);
        return 0;
    }
    file_discard(e);
    atomic_fetch_add(&r->stats.failed, 1);
    if (leader_may_be(&e->head))
        leader_note(r, &e->path, LEADER_FAILED, NULL);
    return err;
}
