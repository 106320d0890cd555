#include "dir.h"
#include "../attributes/xattrs.h"
#include "../job.h"
#include "../store/bytes.h"
#include "identity.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

void dir_drop(struct dir *dir)
{
    if (--dir->users)
        return;
    stage_remove(dir);
    close(dir->fd);
    free(dir->path.data);
    free(dir);
}

void dir_put(struct hpc_restore *r, struct dir *dir)
{
    if (!dir)
        return;
    pthread_mutex_lock(&r->lock);
    dir_drop(dir);
    pthread_mutex_unlock(&r->lock);
}

static bool is_alone(const struct dir *dir, const struct statx *sx)
{
    return sx->stx_uid == geteuid() && !(sx->stx_mode & 022) && xattrs_default_acl(dir->fd) == 0;
}

/* Takes the descriptor. The new one has one user. */
struct dir *dir_new(int fd, const struct statx *sx, uint64_t record, bool ours, const char *path,
                    size_t len)
{
    struct dir *dir = calloc(1, sizeof *dir);
    if (!dir || bytes_set(&dir->path, path, len) < 0) {
        close(fd);
        free(dir);
        return NULL;
    }
    dir->fd = fd;
    dir->stage = -1;
    dir->record = record;
    dir->id = identity_of(sx);
    dir->owner = geteuid();
    dir->alone = ours || is_alone(dir, sx);
    dir->users = 1;
    return dir;
}

/* The cache has a use of its own. */
void dir_cache(struct hpc_restore *r, struct dir *dir)
{
    size_t oldest = 0;
    for (size_t i = 0; i < DIRS_KEPT; i++) {
        struct dir *d = r->dirs[i];
        if (d && d->path.len == dir->path.len &&
            memcmp(d->path.data, dir->path.data, d->path.len) == 0) {
            oldest = i;
            break;
        }
        if (!d || (r->dirs[oldest] && d->used < r->dirs[oldest]->used))
            oldest = i;
    }
    if (r->dirs[oldest])
        dir_drop(r->dirs[oldest]);
    r->dirs[oldest] = dir;
    dir->used = ++r->clock;
    dir->users++;
}

static bool is_below(const struct dir *dir, const char *path, size_t len)
{
    size_t n = dir->path.len;
    return n == 0 || (n <= len && (n == len || path[n] == '/') &&
                      dir->path.data[n - 1] == path[n - 1] && memcmp(dir->path.data, path, n) == 0);
}

int dir_keep(struct hpc_restore *r, int fd, const struct statx *sx, uint64_t record, bool ours,
             const char *path, size_t len)
{
    struct dir *dir = dir_new(fd, sx, record, ours, path, len);
    if (!dir)
        return -ENOMEM;
    pthread_mutex_lock(&r->lock);
    /* What was below a directory that bore the name before is not below this one. */
    for (size_t i = 0; i < DIRS_KEPT; i++) {
        if (r->dirs[i] && r->dirs[i]->path.len > len &&
            is_below(dir, r->dirs[i]->path.data, r->dirs[i]->path.len)) {
            dir_drop(r->dirs[i]);
            r->dirs[i] = NULL;
        }
    }
    dir_cache(r, dir);
    dir_drop(dir);
    pthread_mutex_unlock(&r->lock);
    return 0;
}

struct dir *dir_nearest(struct hpc_restore *r, const char *path, size_t len)
{
    struct dir *best = r->base;
    for (size_t i = 0; i < DIRS_KEPT; i++) {
        struct dir *d = r->dirs[i];
        if (d && d->path.len > best->path.len && is_below(d, path, len))
            best = d;
    }
    best->used = ++r->clock;
    return best;
}

int dir_open_base(struct hpc_restore *r, int base)
{
    struct statx sx;
    int err = identity_look(base, NULL, &sx);
    if (err) {
        close(base);
        return err;
    }
    r->base = dir_new(base, &sx, 0, false, "", 0);
    return r->base ? 0 : -ENOMEM;
}

void dir_rest(struct hpc_restore *r)
{
    for (size_t i = 0; i < DIRS_KEPT; i++) {
        if (r->dirs[i])
            dir_drop(r->dirs[i]);
        r->dirs[i] = NULL;
    }
    if (r->base)
        stage_remove(r->base);
}

void dir_close(struct hpc_restore *r)
{
    dir_rest(r);
    if (r->base)
        dir_drop(r->base);
}
