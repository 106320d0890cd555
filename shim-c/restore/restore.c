/* The life of a restore: begin, xattrs, end, entry after entry. */
#include "../path/hpc_base.h"
#include "internal.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int open_list(struct hpc_restore *r, const char *work_dir)
{
    if (!work_dir)
        return hpc_dirlist_open(&r->dirs, r->tree.base);
    int dir = open(work_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int err = hpc_dirlist_open(&r->dirs, dir);
    close(dir);
    return err;
}

static int prepare(struct hpc_restore *r, const char *base, const char *work_dir)
{
    r->tree.base = hpc_base_open(base, HPC_BASE_MAKE, NULL);
    if (r->tree.base < 0)
        return r->tree.base;
    r->tree.roots.base = strdup(base);
    if (!r->tree.roots.base)
        return -ENOMEM;
    if (getrandom(&r->temp_seed, sizeof r->temp_seed, GRND_NONBLOCK) != sizeof r->temp_seed) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        r->temp_seed = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 40;
    }
    return open_list(r, work_dir);
}

struct hpc_restore *hpc_restore_new(const char *base, const char *work_dir, enum hpc_replace replace, unsigned flags, int *error_out)
{
    int err = -EINVAL;
    struct hpc_restore *r = NULL;
    bool known = replace == HPC_REPLACE_ALWAYS || replace == HPC_REPLACE_NEWER || replace == HPC_REPLACE_OLDER || replace == HPC_REPLACE_NEVER;
    if (known && base && *base && !(flags & ~(unsigned)(HPC_RESTORE_IN_PLACE | HPC_RESTORE_NAME_ATTRIBUTES))) {
        r = calloc(1, sizeof *r);
        err = -ENOMEM;
    }
    if (r) {
        r->tree.base = r->parents.fd = r->leaders.fd = r->dirs.fd = r->file.fd = -1;
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

int hpc_restore_end(struct hpc_restore *r, int committing)
{
    struct hpc_file *f = &r->file;
    if (f->fd < 0)
        return 0;
    int err = 0;
    r->last = HPC_LAST_NONE;
    if (committing)
        err = atomic_load(&r->cancelled) ? -ECANCELED : hpc_file_commit(r);
    if (committing && !err) {
        r->stats.files++;
        r->stats.bytes += f->bytes;
        return 0;
    }
    hpc_file_discard(f);
    r->stats.failed++;
    hpc_group_failed(r, f->head.link_group);
    return err;
}

static int begin_regular(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head)
{
    bool has_data = head->flags & HPC_ENTRY_HAS_DATA;
    if (!has_data && head->size)
        return -ENODATA;  /* an empty file in its place would be a lie */
    return hpc_file_open(r, p, head);
}

static int find_place(struct hpc_restore *r, struct hpc_place *p)
{
    size_t dir_len = r->path.len;
    while (dir_len && r->path.data[dir_len - 1] != '/')
        dir_len--;
    p->name = r->path.data + dir_len;
    p->parent = hpc_tree_dir(&r->tree, &r->parents, r->path.data, dir_len ? dir_len - 1 : 0, &r->dirs);
    if (p->parent < 0)
        return p->parent;
    p->exists = fstatat(p->parent, p->name, &p->st, AT_SYMLINK_NOFOLLOW) == 0;
    return p->exists || errno == ENOENT ? 0 : -errno;
}

/* The base itself, as an entry: it is there, only its attributes count. */
static int begin_base(struct hpc_restore *r, const struct hpc_entry_head *head)
{
    if (!S_ISDIR(head->mode))
        return -EINVAL;
    if (r->replace == HPC_REPLACE_NEVER)
        return HPC_BEGIN_SKIPPED;
    int err = hpc_finish_later(r, HPC_TODO_ADOPTED, head);
    r->stats.directories += !err;
    if (!err)
        r->last = HPC_LAST_DIRECTORY;
    return err;
}

/* An object that is complete: counted, and remembered in case that its xattr block comes. */
static int made(struct hpc_restore *r, int result, uint64_t *counter, enum hpc_last last, const struct hpc_place *p, const struct hpc_entry_head *head)
{
    if (result)
        return result;
    ++*counter;
    r->last = last;
    r->last_head = *head;
    r->last_parent = p->parent;
    return 0;
}

static int copy_target(struct hpc_bytes *out, const char *link, size_t len)
{
    if (len == 0 || memchr(link, 0, len))
        return -EINVAL;
    int err = hpc_bytes_reserve(out, len + 1);
    if (err)
        return err;
    memcpy(out->data, link, len);
    out->data[len] = 0;
    return 0;
}

static int begin(struct hpc_restore *r, const struct hpc_entry_head *head, const char *name, size_t name_len, const char *link, size_t link_len)
{
    if (atomic_load(&r->cancelled))
        return -ECANCELED;
    int err = name_len ? hpc_normalise(&r->path, name, name_len) : -EINVAL;
    if (err)
        return err;
    if (r->path.len == 0)
        return begin_base(r, head);
    bool is_link = head->flags & HPC_ENTRY_LINK;
    if (is_link) {
        err = head->flags & HPC_ENTRY_HAS_DATA ? -EINVAL : hpc_normalise(&r->leader, link, link_len);
        if (!err && r->leader.len == 0)
            err = -EINVAL;
    } else if (S_ISLNK(head->mode)) {
        err = copy_target(&r->target, link, link_len);
    }
    struct hpc_place place;
    if (!err)
        err = find_place(r, &place);
    if (err)
        return err;
    if (S_ISDIR(head->mode) && !is_link && place.exists && S_ISLNK(place.st.st_mode) && hpc_roots_has(&r->tree.roots, &r->path))
        return made(r, hpc_roots_adopt(r, head), &r->stats.directories, HPC_LAST_DIRECTORY, &place, head);
    if (S_ISDIR(head->mode) && !is_link)
        return made(r, hpc_make_directory(r, &place, head), &r->stats.directories, HPC_LAST_DIRECTORY, &place, head);
    if (place.exists && S_ISDIR(place.st.st_mode))
        return -EISDIR;
    if (is_link)
        return made(r, hpc_make_link(r, &place, head), &r->stats.hardlinks, HPC_LAST_NONE, &place, head);
    switch (head->mode & S_IFMT) {
    case S_IFREG: return begin_regular(r, &place, head);
    case S_IFLNK: return made(r, hpc_make_node(r, &place, head, r->target.data), &r->stats.symlinks, HPC_LAST_NODE, &place, head);
    case S_IFIFO:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFSOCK: return made(r, hpc_make_node(r, &place, head, NULL), &r->stats.specials, HPC_LAST_NODE, &place, head);
    default: return -EINVAL;
    }
}

int hpc_restore_begin(struct hpc_restore *r, const struct hpc_entry_head *head, const char *name, size_t name_len, const char *link, size_t link_len)
{
    hpc_restore_end(r, r->file.whole);  /* discards, unless nothing but a block is missing that never came */
    r->last = HPC_LAST_NONE;
    r->last_counted = false;
    int result = begin(r, head, name, name_len, link, link_len);
    if (result < 0) {
        r->stats.failed++;
        if (!(head->flags & HPC_ENTRY_LINK))
            hpc_group_failed(r, head->link_group);
    }
    r->stats.skipped += result == HPC_BEGIN_SKIPPED;
    if (result != HPC_BEGIN_DATA)
        return result;
    r->last = HPC_LAST_FILE;
    if (head->flags & HPC_ENTRY_HAS_DATA)
        return result;
    r->file.whole = head->flags & HPC_ENTRY_ATTRS;
    return r->file.whole ? HPC_BEGIN_DONE : hpc_restore_end(r, 1);
}

static int keep_block(struct hpc_restore *r, const uint8_t *bytes, size_t len)
{
    if (r->file.has_block)
        return -EEXIST;
    int err = hpc_bytes_reserve(&r->block, len + 1);
    if (err)
        return err;
    memcpy(r->block.data, bytes, len);
    r->block.len = len;
    r->file.has_block = true;
    return 0;
}

int hpc_restore_xattrs(struct hpc_restore *r, const uint8_t *bytes, size_t len)
{
    struct hpc_block block = { .data = (const char *)bytes, .len = len };
    struct hpc_target t = { .path = r->path.data, .path_len = r->path.len };
    if (atomic_load(&r->cancelled))
        return -ECANCELED;
    if (r->last == HPC_LAST_NONE)
        return 0;
    int err = hpc_block_is_sound(bytes, len) ? 0 : -EBADMSG;
    bool all = true;
    if (!err && len && r->last == HPC_LAST_FILE)
        err = keep_block(r, bytes, len);
    else if (!err && len && r->last == HPC_LAST_DIRECTORY)
        err = hpc_dirlist_attach(&r->dirs, bytes, len);
    else if (!err && len)
        all = hpc_give_node_block(r, &block);
    all &= hpc_took(r, &t, "xattrs", err);
    if (!all && !r->last_counted) {
        r->last_counted = true;
        r->stats.attributes_failed++;
    }
    return r->last == HPC_LAST_FILE && r->file.whole ? hpc_restore_end(r, 1) : 0;
}

void hpc_restore_on_attribute(struct hpc_restore *r, hpc_restore_attribute callback, void *context)
{
    r->on_attribute = callback;
    r->on_attribute_context = context;
}

int hpc_restore_fd(const struct hpc_restore *r)
{
    return r->file.fd;
}

void hpc_restore_cancel(struct hpc_restore *r)
{
    atomic_store(&r->cancelled, true);
}

void hpc_restore_free(struct hpc_restore *r)
{
    if (!r)
        return;
    if (r->file.fd >= 0)
        hpc_file_discard(&r->file);
    hpc_dircache_free(&r->parents);
    hpc_dircache_free(&r->leaders);
    hpc_dirlist_free(&r->dirs);
    if (r->tree.base >= 0)
        close(r->tree.base);
    hpc_roots_free(&r->tree.roots);
    free(r->path.data);
    free(r->leader.data);
    free(r->target.data);
    free(r->block.data);
    free(r->failed_groups);
    free(r);
}

void hpc_restore_get_stats(const struct hpc_restore *r, struct hpc_restore_stats *out)
{
    *out = r->stats;
}
