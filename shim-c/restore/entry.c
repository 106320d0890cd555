/* The life of an entry: begin, its data and xattrs, end. */
#include "internal.h"
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
        hpc_file_discard(e);
    hpc_entry_rest(e);
    free(e->path.data);
    free(e->link.data);
    free(e->block.data);
    free(e);
}

/* What the last one left; its parent stays, since the next one is likely to have the same. */
void hpc_entry_close(struct hpc_restore_entry *e)
{
    if (e->held >= 0)
        close(e->held);
    e->held = -1;
    e->state = HPC_STATE_IDLE;
    e->counted = e->exists = e->whole = e->stashed = false;
    e->record = 0;
}

void hpc_entry_rest(struct hpc_restore_entry *e)
{
    hpc_entry_close(e);
    hpc_dir_put(e->job, e->parent);
    e->parent = NULL;
}

int hpc_entry_fd(const struct hpc_restore_entry *e)
{
    return e->fd;
}

int hpc_entry_place(struct hpc_restore_entry *e)
{
    size_t dir_len = hpc_dir_length(e->path.data, e->path.len);
    struct hpc_dir *dir = e->parent;
    if (!dir || dir->path.len != dir_len || memcmp(dir->path.data, e->path.data, dir_len) != 0) {
        int err = hpc_dir_get(e->job, e->path.data, dir_len, true, &dir);
        if (err)
            return err;
        hpc_dir_put(e->job, e->parent);
        e->parent = dir;
    }
    e->name = e->path.data + dir_len + (dir_len > 0);
    e->exists = fstatat(dir->fd, e->name, &e->st, AT_SYMLINK_NOFOLLOW) == 0;
    return e->exists || errno == ENOENT ? 0 : -errno;
}

/* A directory where something else is to be: it goes if it is empty. */
int hpc_clear_way(struct hpc_restore_entry *e)
{
    if (!e->exists || !S_ISDIR(e->st.st_mode))
        return 0;
    if (unlinkat(e->parent->fd, e->name, AT_REMOVEDIR) < 0)
        return errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY ? -EISDIR : -errno;
    e->exists = false;
    return 0;
}

/* The name of a file that has more stays with what bears it: its content is wanted all the same,
 * unless that very file is there. */
static int begin_stash(struct hpc_restore_entry *e, int why)
{
    struct statx sx;
    if (!S_ISREG(e->head.mode) || e->head.nlink < 2 || (why != HPC_BEGIN_SKIPPED && why != -EISDIR))
        return why;
    if (hpc_look(e->parent->fd, e->name, &sx) < 0 || hpc_is_like(e, e->parent, &sx))
        return why;
    e->stashed = true;
    e->why_stashed = why;
    return hpc_file_open(e);
}

/* Everything but directories and links. */
static int begin_object(struct hpc_restore_entry *e)
{
    const struct hpc_entry_head *head = &e->head;
    bool regular = S_ISREG(head->mode);
    if (regular && !(head->flags & HPC_ENTRY_HAS_DATA) && head->size)
        return -ENODATA; /* an empty file in its place would be a lie */
    int err = e->exists && !hpc_may_replace(e) ? HPC_BEGIN_SKIPPED : hpc_clear_way(e);
    if (err)
        return begin_stash(e, err);
    return regular ? hpc_file_open(e) : hpc_make_node(e);
}

/* An object that is complete: counted, and remembered in case that its xattr block comes. */
static int made(struct hpc_restore_entry *e, int result, atomic_ullong *counter,
                enum hpc_entry_state state)
{
    if (result)
        return result;
    atomic_fetch_add(counter, 1);
    e->state = state;
    return 0;
}

static int begin(struct hpc_restore_entry *e)
{
    struct hpc_counters *stats = &e->job->stats;
    const struct hpc_entry_head *head = &e->head;
    if (e->path.len == 0)
        return made(e, hpc_adopt_base(e), &stats->directories, HPC_STATE_DIRECTORY);
    int err = hpc_entry_place(e);
    if (err)
        return err;
    if (head->flags & HPC_ENTRY_LINK)
        return hpc_make_link(e, false);
    if (S_ISDIR(head->mode) && e->exists && S_ISLNK(e->st.st_mode) &&
        hpc_roots_has(&e->job->roots, &e->path))
        return made(e, hpc_adopt_root(e), &stats->directories, HPC_STATE_DIRECTORY);
    switch (head->mode & S_IFMT) {
    case S_IFDIR: return made(e, hpc_make_directory(e), &stats->directories, HPC_STATE_DIRECTORY);
    case S_IFREG: return begin_object(e);
    case S_IFLNK: return made(e, begin_object(e), &stats->symlinks, HPC_STATE_NODE);
    case S_IFIFO:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFSOCK: return made(e, begin_object(e), &stats->specials, HPC_STATE_NODE);
    default: return -EINVAL;
    }
}

/* Name and link target in e, checked. */
static int take_names(struct hpc_restore_entry *e, const char *name, size_t name_len,
                      const char *link, size_t link_len)
{
    bool is_link = e->head.flags & HPC_ENTRY_LINK;
    int err = name_len ? hpc_normalise(&e->path, name, name_len) : -EINVAL;
    if (err || e->path.len == 0)
        return err;
    if (is_link) {
        err = e->head.flags & HPC_ENTRY_HAS_DATA ? -EINVAL
                                                 : hpc_normalise(&e->link, link, link_len);
        return !err && e->link.len == 0 ? -EINVAL : err;
    }
    if (!S_ISLNK(e->head.mode))
        return 0;
    return link_len == 0 || memchr(link, 0, link_len) ? -EINVAL
                                                      : hpc_bytes_set(&e->link, link, link_len);
}

int hpc_entry_begin(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                    const char *name, size_t name_len, const char *link, size_t link_len)
{
    struct hpc_restore *r = e->job;
    hpc_entry_end(e,
                  e->whole); /* discards, unless nothing but a block is missing that never came */
    hpc_entry_close(e);
    if (atomic_load(&r->cancelled)) {
        atomic_fetch_add(&r->stats.failed, 1);
        return -ECANCELED;
    }
    e->head = *head;
    int result = take_names(e, name, name_len, link, link_len);
    bool named = !result;
    if (!result)
        result = begin(e);
    if (named && hpc_may_lead(head) && (result < 0 || result == HPC_BEGIN_SKIPPED))
        hpc_leader_note(r, &e->path, result < 0 ? HPC_LEADER_FAILED : HPC_LEADER_KEPT, NULL);
    if (result < 0)
        atomic_fetch_add(&r->stats.failed, 1);
    if (result == HPC_BEGIN_SKIPPED)
        atomic_fetch_add(&r->stats.skipped, 1);
    if (result != HPC_BEGIN_DATA)
        return result;
    e->state = HPC_STATE_FILE;
    if (head->flags & HPC_ENTRY_HAS_DATA)
        return result;
    e->whole = head->flags & HPC_ENTRY_ATTRS;
    return e->whole ? HPC_BEGIN_DONE : hpc_entry_end(e, 1);
}

int hpc_entry_parent(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                     const char *name, size_t name_len)
{
    hpc_entry_end(e, e->whole);
    hpc_entry_close(e);
    e->head = *head;
    if (!S_ISDIR(head->mode) || head->flags & HPC_ENTRY_LINK)
        return -EINVAL;
    int err = take_names(e, name, name_len, NULL, 0);
    if (!err && e->path.len)
        err = hpc_note_parent(e);
    if (!err && e->record)
        e->state = HPC_STATE_DIRECTORY;
    return err;
}

int hpc_entry_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len)
{
    if (e->fd < 0)
        return -EBADF;
    return atomic_load(&e->job->cancelled) ? -ECANCELED : hpc_file_write(e, offset, data, len);
}

static int keep_block(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    int err = e->has_block ? -EEXIST : hpc_bytes_set(&e->block, bytes, len);
    e->has_block |= !err;
    return err;
}

static int attach_block(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    pthread_mutex_lock(&e->job->lock);
    int err = hpc_record_attach(e->job, e->record, bytes, len);
    pthread_mutex_unlock(&e->job->lock);
    return err;
}

int hpc_entry_xattrs(struct hpc_restore_entry *e, const uint8_t *bytes, size_t len)
{
    struct hpc_block block = { .data = (const char *)bytes, .len = len };
    struct hpc_target t = { .path = &e->path };
    if (atomic_load(&e->job->cancelled))
        return -ECANCELED;
    if (e->state == HPC_STATE_IDLE)
        return 0;
    int err = hpc_block_is_sound(bytes, len) ? 0 : -EBADMSG;
    bool all = true;
    if (!err && len && e->state == HPC_STATE_FILE)
        err = keep_block(e, bytes, len);
    else if (!err && len && e->state == HPC_STATE_DIRECTORY)
        err = attach_block(e, bytes, len);
    else if (!err && len)
        all = hpc_give_node_block(e, &block);
    all &= hpc_took(e->job, &t, "xattrs", err);
    if (!all && !e->counted) {
        e->counted = true;
        atomic_fetch_add(&e->job->stats.attributes_failed, 1);
    }
    return e->state == HPC_STATE_FILE && e->whole ? hpc_entry_end(e, 1) : 0;
}

int hpc_entry_end(struct hpc_restore_entry *e, int committing)
{
    struct hpc_restore *r = e->job;
    if (e->fd < 0)
        return 0;
    int err = 0;
    e->state = HPC_STATE_IDLE;
    e->whole = false;
    if (committing)
        err = atomic_load(&r->cancelled) ? -ECANCELED : hpc_file_commit(e);
    if (committing && !err && e->stashed) {
        atomic_fetch_add(e->why_stashed < 0 ? &r->stats.failed : &r->stats.skipped, 1);
        return e->why_stashed;
    }
    if (committing && !err) {
        atomic_fetch_add(&r->stats.files, 1);
        atomic_fetch_add(&r->stats.bytes, e->bytes);
        return 0;
    }
    hpc_file_discard(e);
    atomic_fetch_add(&r->stats.failed, 1);
    if (hpc_may_lead(&e->head))
        hpc_leader_note(r, &e->path, HPC_LEADER_FAILED, NULL);
    return err;
}
