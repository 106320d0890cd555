#include "way.h"
#include "../../path/hpc_path.h"
#include "../job.h"
#include "../store/record.h"
#include "identity.h"
#include "roots.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool way_is_placeholder(uint32_t mode, uint32_t uid)
{
    return S_ISDIR(mode) && (mode & 01777) == PLACEHOLDER_MODE && uid == geteuid();
}

/* What was opened below `from`, as a directory that is held, if it may be used. */
static int found(struct hpc_restore *r, int fd, const struct dir *from, const char *path,
                 size_t len, struct dir **out)
{
    size_t rest = from->path.len + (from->path.len > 0);
    struct record record;
    struct statx sx;
    uint64_t at;
    int err = identity_look(fd, NULL, &sx);
    if (!err)
        err = record_along(r, from->record, path + rest, len - rest, &at);
    if (!err)
        err = record_read(r, at, &record);
    if (err) {
        close(fd);
        return err;
    }
    struct identity id = identity_of(&sx);
    bool known = record.body.kind >= RECORD_PLACEHOLDER;
    if (known && !identity_is_same(&id, &record.body.id)) {
        close(fd);
        return -ESTALE;
    }
    *out = dir_new(fd, &sx, at, known && record.body.kind != RECORD_ADOPTED, path, len);
    if (!*out)
        return -ENOMEM;
    dir_cache(r, *out);
    return 0;
}

/* Makes a parent before its own entry came. */
static int make_placeholder(struct hpc_restore *r, struct dir *parent, const char *name,
                            const char *path, size_t len, struct dir **out)
{
    struct body body = { .kind = RECORD_PLACEHOLDER };
    struct record record;
    struct statx sx;
    uint64_t at;
    int fd = stage_make_dir(r, parent, name, PLACEHOLDER_MODE, &sx);
    if (fd < 0)
        return fd;
    pthread_mutex_lock(&r->lock);
    int err = record_along(r, parent->record, name, strlen(name), &at);
    if (!err)
        err = record_read(r, at, &record);
    if (!err && record.body.kind == RECORD_PARENT) {
        body = record.body;
        body.kind = RECORD_CREATED;
    }
    body.id = identity_of(&sx);
    /* Its own entry may have come in the meantime, on another thread. */
    bool known = !err && record.body.kind == RECORD_CREATED &&
                 identity_is_same(&record.body.id, &body.id);
    if (!err && !known)
        err = record_update(r, at, &body);
    if (!err && !(*out = dir_new(fd, &sx, at, true, path, len)))
        err = -ENOMEM;
    else if (err)
        close(fd);
    if (!err)
        dir_cache(r, *out);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* One component after the other, from a directory that is held; what is missing is made. */
static int make_way(struct hpc_restore *r, struct dir *from, const char *path, size_t len,
                    struct dir **out)
{
    char name[HPC_PATH_NAME];
    struct dir *dir = from;
    for (size_t at = from->path.len + (from->path.len > 0), n; at < len; at += n + 1) {
        const char *slash = memchr(path + at, '/', len - at);
        struct dir *next = NULL;
        int err = -ENAMETOOLONG;
        n = slash ? (size_t)(slash - path) - at : len - at;
        if (n < sizeof name) {
            memcpy(name, path + at, n);
            name[n] = 0;
            err = -EEXIST;
        }
        for (int tries = 0; err == -EEXIST && tries < 3; tries++) {
            int fd = stage_hold(dir->fd, name);
            if (fd >= 0) {
                pthread_mutex_lock(&r->lock);
                err = found(r, fd, dir, path, at + n, &next);
                pthread_mutex_unlock(&r->lock);
            } else {
                err = fd == -ENOENT ? make_placeholder(r, dir, name, path, at + n, &next) : fd;
            }
        }
        if (dir != from)
            dir_put(r, dir);
        if (err)
            return err;
        dir = next;
    }
    *out = dir;
    return 0;
}

/* There is a symlink on the way: where that is at or above a root, the directory it leads to, as
 * far as there is one. */
static int from_root(struct hpc_restore *r, const char *path, size_t len, struct dir **from)
{
    struct dir *dir;
    size_t used;
    int fd = r->roots.count ? roots_open(&r->roots, path, len, &used) : -ELOOP;
    int err = fd < 0 ? fd : found(r, fd, r->base, path, used, &dir);
    if (err)
        return err;
    dir_drop(*from);
    *from = dir;
    return 0;
}

static int open_rest(const struct dir *from, const char *path, size_t len)
{
    size_t rest = from->path.len + (from->path.len > 0);
    return hpc_path_open(from->fd, path + rest, len - rest, O_PATH | O_DIRECTORY);
}

int way_get(struct hpc_restore *r, const char *path, size_t len, bool make, struct dir **out)
{
    pthread_mutex_lock(&r->lock);
    struct dir *from = dir_nearest(r, path, len);
    int err = 0, fd = 0;
    from->users++;
    if (from->path.len < len)
        fd = open_rest(from, path, len);
    if (fd == -ELOOP) {
        fd = from_root(r, path, len, &from);
        if (!fd && from->path.len < len)
            fd = open_rest(from, path, len);
    }
    if (from->path.len == len) {
        *out = from;
        pthread_mutex_unlock(&r->lock);
        return 0;
    }
    if (fd >= 0)
        err = found(r, fd, from, path, len, out);
    pthread_mutex_unlock(&r->lock);
    if (fd < 0)
        err = fd == -ENOENT && make ? make_way(r, from, path, len, out) : fd;
    dir_put(r, from);
    return err;
}
