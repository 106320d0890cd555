#include "link.h"
#include "../path/hpc_path.h"
#include "entry.h"
#include "leader.h"
#include "place/identity.h"
#include "place/name.h"
#include "place/place.h"
#include "place/replace.h"
#include "place/way.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool link_is_like(struct hpc_restore_entry *e, struct dir *dir, const struct statx *sx)
{
    const struct hpc_entry_head *h = &e->head;
    if ((sx->stx_mode & S_IFMT) != (h->mode & S_IFMT) ||
        (S_ISREG(h->mode) && sx->stx_size != h->size))
        return false;
    if (geteuid() == 0 && (sx->stx_uid != h->uid || sx->stx_gid != h->gid ||
                           (!S_ISLNK(h->mode) && ((sx->stx_mode ^ h->mode) & 07777))))
        return false;
    return replace_compare_times(e->job, dir, h, sx->stx_mtime.tv_sec, sx->stx_mtime.tv_nsec) == 0;
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
    name_temporary(r, temp);
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
static int open_same(int dir, const char *name, const struct identity *id)
{
    struct stat st;
    struct statx sx;
    int fd = hpc_path_open_regular(dir, name, strlen(name), O_RDONLY | O_NONBLOCK, &st);
    if (fd < 0)
        return fd;
    int err = identity_look(fd, NULL, &sx);
    struct identity now = identity_of(&sx);
    if (!err && !identity_is_same(&now, id))
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
static void join(struct hpc_restore_entry *e, struct dir *dir, const char *leader,
                 const struct identity *made)
{
    struct hpc_restore *r = e->job;
    struct statx kept, now;
    int held = openat(e->parent->fd, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (held < 0)
        return;
    bool same = identity_look(held, NULL, &kept) == 0 && S_ISREG(kept.stx_mode) &&
                link_is_like(e, e->parent, &kept) && identity_look(dir->fd, leader, &now) == 0 &&
                now.stx_nlink == 1;
    if (same) {
        struct identity id = identity_of(&kept);
        int a = open_same(dir->fd, leader, made), b = open_same(e->parent->fd, e->name, &id);
        same = a >= 0 && b >= 0 && same_content(r, a, b);
        if (a >= 0)
            close(a);
        if (b >= 0)
            close(b);
        if (same && link_over(r, held, dir->fd, leader, true) == 0)
            leader_note(r, &e->link, LEADER_MADE, &id);
    }
    close(held);
}

/* The leader is held by `fd`: may it be linked to? */
static int judge(struct hpc_restore_entry *e, struct dir *dir, int fd, const struct leader *leader)
{
    struct statx sx;
    int err = identity_look(fd, NULL, &sx);
    struct identity id = identity_of(&sx);
    if (err || S_ISDIR(sx.stx_mode))
        return err ? err : -EISDIR;
    if (leader->state == LEADER_MADE)
        return identity_is_same(&id, &leader->id) ? 0 : -ESTALE;
    return link_is_like(e, dir, &sx) ? 0 : -EEXIST;
}

static bool is_linked(const struct hpc_restore_entry *e, int fd)
{
    struct stat st;
    return e->exists && fstat(fd, &st) == 0 && st.st_dev == e->st.st_dev &&
           st.st_ino == e->st.st_ino;
}

static int make(struct hpc_restore_entry *e, struct dir *dir, const char *name,
                const struct leader *leader)
{
    bool kept = e->exists && !replace_allowed(e);
    if (kept && leader->state == LEADER_MADE && !leader->path)
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
        err = place_clear(e);
        if (!err)
            err = link_over(e->job, fd, e->parent->fd, e->name, e->exists);
    }
    close(fd);
    return err;
}

int link_make(struct hpc_restore_entry *e, bool last)
{
    struct hpc_restore *r = e->job;
    struct leader leader;
    struct dir *dir;
    int err = leader_read(r, &e->link, &leader);
    if (err)
        return err;
    if (leader.state == LEADER_UNKNOWN && !last)
        return LINK_LATER;
    if (leader.state == LEADER_FAILED)
        return e->exists && !replace_allowed(e) ? HPC_BEGIN_SKIPPED : -ENOENT;
    struct bytes stash = { 0 }, *path = leader.path ? &stash : &e->link;
    if (leader.path && !(err = bytes_reserve(&stash, leader.path_len + (size_t)1))) {
        err = spool_read(&r->spool, stash.data, leader.path_len, leader.path);
        stash.data[stash.len = leader.path_len] = 0;
    }
    size_t dir_len = err ? 0 : name_dir_length(path->data, path->len);
    if (!err)
        err = way_get(r, path->data, dir_len, false, &dir);
    if (!err) {
        err = make(e, dir, path->data + dir_len + (dir_len > 0), &leader);
        dir_put(r, dir);
    }
    free(stash.data);
    if (err == 0)
        atomic_fetch_add(&r->stats.hardlinks, 1);
    return err;
}
