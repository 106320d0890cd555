/*
 * Hard links. A link is made to the inode that we made under the leader's name, never to whatever
 * bears that name by now. A link whose leader has not come yet is put aside, in the spool, and made
 * at the end. Where the leader is not ours (the rule kept what was there, or it never came), what
 * bears its name must be, by type, size, time, owner and mode, the file that the archive has.
 */
#include "../path/hpc_path.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEADERS UINT64_MAX /* space of their keys; records use the place of their parent */

struct leader {
    uint32_t state, path_len;
    struct hpc_identity id;
    uint64_t path; /* where it lies, if not under its own name */
};

bool hpc_may_lead(const struct hpc_entry_head *head)
{
    return !(head->flags & HPC_ENTRY_LINK) && !S_ISDIR(head->mode) &&
           (head->nlink > 1 || head->link_group || head->flags & HPC_ENTRY_LEADER);
}

/* r->lock is held. */
static int write_leader(struct hpc_restore *r, const struct hpc_bytes *path,
                        const struct leader *leader)
{
    struct hpc_key key = hpc_key_of(r->secret, LEADERS, path->data, path->len);
    uint64_t at;
    int err = hpc_table_get(&r->leaders, &r->spool, &key, &at);
    if (err || at)
        return err ? err : hpc_spool_write(&r->spool, leader, sizeof *leader, at);
    err = hpc_spool_append(&r->spool, leader, sizeof *leader, &at);
    return err ? err : hpc_table_put(&r->leaders, &r->spool, &key, at);
}

int hpc_leader_note(struct hpc_restore *r, const struct hpc_bytes *path,
                    enum hpc_leader_state state, const struct hpc_identity *id)
{
    struct leader leader = { .state = state };
    if (id)
        leader.id = *id;
    pthread_mutex_lock(&r->lock);
    int err = write_leader(r, path, &leader);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* ---- stashes: each is a path, and the place of the one before ---- */

struct stash {
    uint64_t before;
    uint64_t len; /* the path follows */
};

int hpc_leader_stash(struct hpc_restore_entry *e, const struct hpc_identity *id)
{
    struct hpc_restore *r = e->job;
    struct hpc_bytes path = { 0 };
    struct leader leader = { .state = HPC_LEADER_MADE, .id = *id };
    size_t dir_len = hpc_dir_length(e->path.data, e->path.len), name_len = strlen(e->temp);
    int err = hpc_bytes_reserve(&path, dir_len + name_len + 2);
    if (err)
        return err;
    memcpy(path.data, e->path.data, dir_len);
    path.data[dir_len] = '/';
    path.len = dir_len + (dir_len > 0);
    memcpy(path.data + path.len, e->temp, name_len);
    path.len += name_len;
    uint64_t at;
    pthread_mutex_lock(&r->lock);
    struct stash stash = { .before = r->last_stash, .len = path.len };
    err = hpc_spool_append(&r->spool, &stash, sizeof stash, &at);
    if (!err)
        err = hpc_spool_append(&r->spool, path.data, path.len, &leader.path);
    leader.path_len = (uint32_t)path.len;
    if (!err)
        r->last_stash = at;
    if (!err)
        err = write_leader(r, &e->path, &leader);
    pthread_mutex_unlock(&r->lock);
    free(path.data);
    return err;
}

void hpc_remove_stashes(struct hpc_restore *r)
{
    struct hpc_bytes path = { 0 };
    struct stash stash;
    for (uint64_t at = r->last_stash; at; at = stash.before) {
        struct hpc_dir *dir;
        if (hpc_spool_read(&r->spool, &stash, sizeof stash, at) < 0 ||
            hpc_bytes_reserve(&path, stash.len + 1) < 0 ||
            hpc_spool_read(&r->spool, path.data, stash.len, at + sizeof stash) < 0)
            break;
        path.data[stash.len] = 0;
        size_t dir_len = hpc_dir_length(path.data, stash.len);
        if (hpc_dir_get(r, path.data, dir_len, false, &dir) < 0)
            continue;
        unlinkat(dir->fd, path.data + dir_len + (dir_len > 0), 0);
        hpc_dir_put(r, dir);
    }
    r->last_stash = 0;
    free(path.data);
}

static int read_leader(struct hpc_restore *r, const struct hpc_bytes *path, struct leader *out)
{
    struct hpc_key key = hpc_key_of(r->secret, LEADERS, path->data, path->len);
    uint64_t at;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&r->lock);
    int err = hpc_table_get(&r->leaders, &r->spool, &key, &at);
    if (!err && at)
        err = hpc_spool_read(&r->spool, out, sizeof *out, at);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* ---- put aside ---- */

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
    int err = hpc_spool_append(&r->spool, &late, sizeof late, &at);
    if (!err)
        err = hpc_spool_append(&r->spool, e->path.data, e->path.len, &ignored);
    if (!err)
        err = hpc_spool_append(&r->spool, e->link.data, e->link.len, &ignored);
    if (!err && r->last_late)
        err = hpc_spool_write(&r->spool, &at, sizeof at,
                              r->last_late + offsetof(struct late, next));
    if (!err) {
        r->last_late = at;
        r->first_late = r->first_late ? r->first_late : at;
        r->late++;
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* ---- one link ---- */

bool hpc_is_like(struct hpc_restore_entry *e, struct hpc_dir *dir, const struct statx *sx)
{
    const struct hpc_entry_head *h = &e->head;
    if ((sx->stx_mode & S_IFMT) != (h->mode & S_IFMT) ||
        (S_ISREG(h->mode) && sx->stx_size != h->size))
        return false;
    if (geteuid() == 0 && (sx->stx_uid != h->uid || sx->stx_gid != h->gid ||
                           (!S_ISLNK(h->mode) && ((sx->stx_mode ^ h->mode) & 07777))))
        return false;
    return hpc_compare_times(e->job, dir, h, sx->stx_mtime.tv_sec, sx->stx_mtime.tv_nsec) == 0;
}

/* Gives an inode that is held by an O_PATH descriptor one more name. */
static int link_held(int fd, int dir, const char *name)
{
    char path[32];
    if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT && errno != EINVAL && errno != EPERM)
        return -errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* without CAP_DAC_READ_SEARCH */
    return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Links what is held to a name, over what bears it. */
static int link_over(struct hpc_restore *r, int fd, int dir, const char *name, bool exists)
{
    char temp[40];
    if (!exists)
        return link_held(fd, dir, name);
    hpc_temp_name(r, temp);
    int err = link_held(fd, dir, temp);
    if (!err && renameat(dir, temp, dir, name) < 0) {
        err = -errno;
        unlinkat(dir, temp, 0);
    }
    return err;
}

/* Not if the restore is cancelled meanwhile: large files take their time. */
static bool same_content(const struct hpc_restore *r, int a, int b)
{
    enum { SIZE = 1 << 17 };
    char *buffer = malloc(2 * SIZE);
    ssize_t n = buffer ? 1 : -1;
    for (off_t at = 0; n > 0; at += n) {
        n = pread(a, buffer, SIZE, at);
        ssize_t m = pread(b, buffer + SIZE, SIZE, at);
        if (atomic_load(&r->cancelled) || n != m ||
            (n > 0 && memcmp(buffer, buffer + SIZE, (size_t)n) != 0))
            n = -1;
    }
    free(buffer);
    return n == 0;
}

/* Opens the file that bears the name, for reading, if it is the one that is meant. */
static int open_same(int dir, const char *name, const struct hpc_identity *id)
{
    struct stat st;
    struct statx sx;
    int fd = hpc_path_open_regular(dir, name, strlen(name), O_RDONLY | O_NONBLOCK, &st);
    if (fd < 0)
        return fd;
    int err = hpc_look(fd, NULL, &sx);
    struct hpc_identity now = hpc_identity_of(&sx);
    if (!err && !hpc_is_same(&now, id))
        err = -ESTALE;
    if (err)
        close(fd);
    return err ? err : fd;
}

/*
 * The first name of a file was missing and has just been made, and this other name is there and
 * stays, by rule: if both are the same file but for the inode, the first name becomes a link of
 * this one again.
 */
static void join(struct hpc_restore_entry *e, struct hpc_dir *dir, const char *leader,
                 const struct hpc_identity *made)
{
    struct hpc_restore *r = e->job;
    struct statx kept, now;
    int held = openat(e->parent->fd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (held < 0)
        return;
    bool same = hpc_look(held, NULL, &kept) == 0 && S_ISREG(kept.stx_mode) &&
                hpc_is_like(e, e->parent, &kept) && hpc_look(dir->fd, leader, &now) == 0 &&
                now.stx_nlink == 1;
    if (same) {
        struct hpc_identity id = hpc_identity_of(&kept);
        int a = open_same(dir->fd, leader, made), b = open_same(e->parent->fd, e->name, &id);
        same = a >= 0 && b >= 0 && same_content(r, a, b);
        if (a >= 0)
            close(a);
        if (b >= 0)
            close(b);
        if (same && link_over(r, held, dir->fd, leader, true) == 0)
            hpc_leader_note(r, &e->link, HPC_LEADER_MADE, &id);
    }
    close(held);
}

/* The leader is held by `fd`: may it be linked to? */
static int judge(struct hpc_restore_entry *e, struct hpc_dir *dir, int fd,
                 const struct leader *leader)
{
    struct statx sx;
    int err = hpc_look(fd, NULL, &sx);
    struct hpc_identity id = hpc_identity_of(&sx);
    if (err || S_ISDIR(sx.stx_mode))
        return err ? err : -EISDIR;
    if (leader->state == HPC_LEADER_MADE)
        return hpc_is_same(&id, &leader->id) ? 0 : -ESTALE;
    return hpc_is_like(e, dir, &sx) ? 0 : -EEXIST;
}

static bool is_linked(const struct hpc_restore_entry *e, int fd)
{
    struct stat st;
    return e->exists && fstat(fd, &st) == 0 && st.st_dev == e->st.st_dev &&
           st.st_ino == e->st.st_ino;
}

static int make(struct hpc_restore_entry *e, struct hpc_dir *dir, const char *name,
                const struct leader *leader)
{
    bool kept = e->exists && !hpc_may_replace(e);
    if (kept && leader->state == HPC_LEADER_MADE && !leader->path)
        join(e, dir, name, &leader->id);
    if (kept)
        return HPC_BEGIN_SKIPPED;
    int fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = judge(e, dir, fd, leader);
    /* Where it is that link already, renaming one name of an inode over another would do nothing.
     */
    if (!err && !is_linked(e, fd)) {
        err = hpc_clear_way(e);
        if (!err)
            err = link_over(e->job, fd, e->parent->fd, e->name, e->exists);
    }
    close(fd);
    return err;
}

int hpc_make_link(struct hpc_restore_entry *e, bool last)
{
    struct hpc_restore *r = e->job;
    struct leader leader;
    struct hpc_dir *dir;
    int err = read_leader(r, &e->link, &leader);
    if (err)
        return err;
    if (leader.state == HPC_LEADER_UNKNOWN && !last)
        return put_aside(e);
    if (leader.state == HPC_LEADER_FAILED)
        return e->exists && !hpc_may_replace(e) ? HPC_BEGIN_SKIPPED : -ENOENT;
    struct hpc_bytes stash = { 0 }, *path = leader.path ? &stash : &e->link;
    if (leader.path && !(err = hpc_bytes_reserve(&stash, leader.path_len + (size_t)1))) {
        err = hpc_spool_read(&r->spool, stash.data, leader.path_len, leader.path);
        stash.data[stash.len = leader.path_len] = 0;
    }
    size_t dir_len = err ? 0 : hpc_dir_length(path->data, path->len);
    if (!err)
        err = hpc_dir_get(r, path->data, dir_len, false, &dir);
    if (!err) {
        err = make(e, dir, path->data + dir_len + (dir_len > 0), &leader);
        hpc_dir_put(r, dir);
    }
    free(stash.data);
    if (err == 0)
        atomic_fetch_add(&r->stats.hardlinks, 1);
    return err;
}

/* ---- at the end ---- */

static int read_late(struct hpc_restore *r, uint64_t at, struct late *late,
                     struct hpc_restore_entry *e)
{
    int err = hpc_spool_read(&r->spool, late, sizeof *late, at);
    if (!err)
        err = hpc_bytes_reserve(&e->path, late->name_len + (size_t)1);
    if (!err)
        err = hpc_bytes_reserve(&e->link, late->link_len + (size_t)1);
    if (!err)
        err = hpc_spool_read(&r->spool, e->path.data, late->name_len, at + sizeof *late);
    if (!err)
        err = hpc_spool_read(&r->spool, e->link.data, late->link_len,
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

void hpc_make_late_links(struct hpc_restore *r)
{
    struct hpc_restore_entry *e = r->first_late ? hpc_entry_new(r) : NULL;
    struct late late = { .next = r->first_late };
    while (e && late.next && !atomic_load(&r->cancelled)) {
        if (read_late(r, late.next, &late, e) < 0)
            break;
        int err = hpc_entry_place(e);
        if (!err)
            err = hpc_make_link(e, true);
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
    hpc_entry_free(e);
}
