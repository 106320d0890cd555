/* Finding and making directories below the base. No symlink is ever followed, so nothing lands
 * outside. */
#include "../path/hpc_path.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HOLD (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int hpc_bytes_reserve(struct hpc_bytes *b, size_t cap)
{
    if (cap <= b->cap)
        return 0;
    char *grown = realloc(b->data, cap + cap / 2);
    if (!grown)
        return -ENOMEM;
    b->data = grown;
    b->cap = cap + cap / 2;
    return 0;
}

int hpc_bytes_set(struct hpc_bytes *b, const void *data, size_t len)
{
    int err = hpc_bytes_reserve(b, len + 1);
    if (err)
        return err;
    memcpy(b->data, data, len);
    b->data[len] = 0;
    b->len = len;
    return 0;
}

int hpc_normalise(struct hpc_bytes *out, const char *name, size_t len)
{
    int err = hpc_bytes_reserve(out, len + 1);
    if (err)
        return err;
    if (memchr(name, 0, len))
        return -EINVAL;
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        const char *slash = memchr(name + at, '/', len - at);
        size_t n = slash ? (size_t)(slash - name) - at : len - at;
        const char *component = name + at;
        at += n + 1;
        if (n == 0)
            continue;
        if (component[0] == '.' && (n == 1 || (n == 2 && component[1] == '.')))
            return -EINVAL;
        if (used)
            out->data[used++] = '/';
        memcpy(out->data + used, component, n);
        used += n;
    }
    out->data[used] = 0;
    out->len = used;
    return 0;
}

size_t hpc_dir_length(const char *path, size_t len)
{
    const char *slash = memrchr(path, '/', len);
    return slash ? (size_t)(slash - path) : 0;
}

int hpc_look(int fd, const char *name, struct statx *out)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name ? 0 : AT_EMPTY_PATH);
    return statx(fd, name ? name : "", flags, STATX_BASIC_STATS | STATX_BTIME, out) < 0 ? -errno
                                                                                        : 0;
}

struct hpc_identity hpc_identity_of(const struct statx *sx)
{
    struct hpc_identity id = { .dev = (uint64_t)sx->stx_dev_major << 32 | sx->stx_dev_minor,
                               .ino = sx->stx_ino };
    if (sx->stx_mask & STATX_BTIME) {
        id.birth_s = sx->stx_btime.tv_sec;
        id.birth_ns = sx->stx_btime.tv_nsec;
    }
    return id;
}

bool hpc_is_same(const struct hpc_identity *a, const struct hpc_identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->birth_s == b->birth_s &&
           a->birth_ns == b->birth_ns;
}

bool hpc_is_placeholder(uint32_t mode, uint32_t uid)
{
    return S_ISDIR(mode) && (mode & 01777) == HPC_PLACEHOLDER_MODE && uid == geteuid();
}

void hpc_temp_name(struct hpc_restore *r, char out[40])
{
    snprintf(out, 40, ".podheitor-hpc.%016llx",
             (unsigned long long)atomic_fetch_add(&r->temp_seed, 1));
}

static int hold(int parent, const char *name)
{
    int fd = openat(parent, name, HOLD);
    int err = errno;
    struct stat st;
    if (fd >= 0)
        return fd;
    if (err == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        err = ELOOP;
    return -err;
}

/* ---- a place where only we can change names ---- */

/* As whom we make things here: a server may take root for somebody else. Where not even modes are
 * kept (FAT), nothing can be private, nor given away. */
static int learn_owner(struct hpc_restore *r, struct hpc_dir *dir)
{
    char name[40];
    struct stat st;
    hpc_temp_name(r, name);
    int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0) {
        dir->owner = st.st_uid;
        dir->alone = st.st_mode & 077;
    }
    close(fd);
    unlinkat(dir->fd, name, 0);
    return 0;
}

/* Whether the directory is ours alone; any that is will do, so that it does not matter who put it
 * there. */
static bool is_private(int fd, uint32_t owner)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_uid != owner)
        return false;
    if ((st.st_mode & 0700) != 0700 && hpc_chmod_held(fd, 0700) < 0) /* a umask */
        return false;
    if (fstat(fd, &st) < 0 || (st.st_mode & 0777) != 0700)
        return false;
    /* Nobody can give it a default ACL any more; the one that it may have inherited goes. */
    int real = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool none = real >= 0 && (fremovexattr(real, HPC_ACL_DEFAULT) == 0 || errno == ENODATA ||
                              errno == EOPNOTSUPP);
    if (real >= 0)
        close(real);
    return none;
}

int hpc_dir_stage(struct hpc_restore *r, struct hpc_dir *dir)
{
    if (dir->alone)
        return dir->fd;
    pthread_mutex_lock(&r->lock);
    int err = 0;
    for (int tries = 0; dir->stage < 0 && tries < 8 && !err && !dir->alone; tries++) {
        hpc_temp_name(r, dir->stage_name);
        if (mkdirat(dir->fd, dir->stage_name, 0700) < 0) {
            err = -errno;
            break;
        }
        int fd = hold(dir->fd, dir->stage_name);
        if (fd >= 0 && is_private(fd, dir->owner)) {
            dir->stage = fd;
            break;
        }
        if (fd >= 0)
            close(fd);
        err = learn_owner(r, dir);
        unlinkat(dir->fd, dir->stage_name, AT_REMOVEDIR);
        if (!dir->alone && tries == 7 && !err)
            err = -ESTALE; /* somebody exchanges what we make as fast as we make it */
    }
    pthread_mutex_unlock(&r->lock);
    return err ? err : dir->alone ? dir->fd : dir->stage;
}

/* Gives a directory of ours its name, which must be free: a rename would take the place of an empty
 * directory, for instance another thread's. */
static int name_dir(struct hpc_restore *r, int stage, const char *temp, int parent,
                    const char *name)
{
    struct stat st;
    if (renameat2(stage, temp, parent, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* The filesystem does not know how (Lustre): at least no other thread of ours comes in between.
     */
    pthread_mutex_lock(&r->lock);
    int err = fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST
              : renameat(stage, temp, parent, name) < 0            ? -errno
                                                                   : 0;
    pthread_mutex_unlock(&r->lock);
    return err;
}

int hpc_dir_make(struct hpc_restore *r, struct hpc_dir *parent, const char *name, mode_t mode,
                 struct statx *out)
{
    int at = hpc_dir_stage(r, parent);
    char temp[40];
    if (at < 0)
        return at;
    hpc_temp_name(r, temp);
    const char *made = parent->alone ? name : temp;
    if (mkdirat(at, made, mode) < 0)
        return -errno;
    int fd = hold(at, made);
    int err = fd < 0 ? fd : hpc_look(fd, NULL, out);
    /* A umask may take our own bits away; root would not notice, others would. */
    if (!err && (out->stx_mode & 0700) != 0700)
        err = hpc_chmod_held(fd, mode);
    if (!err && !parent->alone)
        err = name_dir(r, at, temp, parent->fd, name);
    if (!err)
        return fd;
    unlinkat(at, made, AT_REMOVEDIR);
    if (fd >= 0)
        close(fd);
    return err;
}

/* ---- directories that are held ---- */

static void remove_stage(struct hpc_dir *dir)
{
    if (dir->stage < 0)
        return;
    close(dir->stage);
    dir->stage = -1;
    unlinkat(dir->fd, dir->stage_name, AT_REMOVEDIR);
}

static void drop(struct hpc_dir *dir)
{
    if (--dir->users)
        return;
    remove_stage(dir);
    close(dir->fd);
    free(dir->path.data);
    free(dir);
}

void hpc_dir_put(struct hpc_restore *r, struct hpc_dir *dir)
{
    if (!dir)
        return;
    pthread_mutex_lock(&r->lock);
    drop(dir);
    pthread_mutex_unlock(&r->lock);
}

static bool is_alone(const struct hpc_dir *dir, const struct statx *sx)
{
    return sx->stx_uid == geteuid() && !(sx->stx_mode & 022) && hpc_has_default_acl(dir->fd) == 0;
}

/* Takes the descriptor. The new one has one user. */
static struct hpc_dir *new_dir(int fd, const struct statx *sx, uint64_t record, bool ours,
                               const char *path, size_t len)
{
    struct hpc_dir *dir = calloc(1, sizeof *dir);
    if (!dir || hpc_bytes_set(&dir->path, path, len) < 0) {
        close(fd);
        free(dir);
        return NULL;
    }
    dir->fd = fd;
    dir->stage = -1;
    dir->record = record;
    dir->id = hpc_identity_of(sx);
    dir->owner = geteuid();
    dir->alone = ours || is_alone(dir, sx);
    dir->users = 1;
    return dir;
}

/* The cache has a use of its own. */
static void keep(struct hpc_restore *r, struct hpc_dir *dir)
{
    size_t oldest = 0;
    for (size_t i = 0; i < HPC_DIRS_KEPT; i++) {
        struct hpc_dir *d = r->dirs[i];
        if (d && d->path.len == dir->path.len &&
            memcmp(d->path.data, dir->path.data, d->path.len) == 0) {
            oldest = i;
            break;
        }
        if (!d || (r->dirs[oldest] && d->used < r->dirs[oldest]->used))
            oldest = i;
    }
    if (r->dirs[oldest])
        drop(r->dirs[oldest]);
    r->dirs[oldest] = dir;
    dir->used = ++r->clock;
    dir->users++;
}

static bool is_below(const struct hpc_dir *dir, const char *path, size_t len)
{
    size_t n = dir->path.len;
    return n == 0 || (n <= len && (n == len || path[n] == '/') &&
                      dir->path.data[n - 1] == path[n - 1] && memcmp(dir->path.data, path, n) == 0);
}

int hpc_dir_keep(struct hpc_restore *r, int fd, const struct statx *sx, uint64_t record, bool ours,
                 const char *path, size_t len)
{
    struct hpc_dir *dir = new_dir(fd, sx, record, ours, path, len);
    if (!dir)
        return -ENOMEM;
    pthread_mutex_lock(&r->lock);
    /* What was below a directory that bore the name before is not below this one. */
    for (size_t i = 0; i < HPC_DIRS_KEPT; i++) {
        if (r->dirs[i] && r->dirs[i]->path.len > len &&
            is_below(dir, r->dirs[i]->path.data, r->dirs[i]->path.len)) {
            drop(r->dirs[i]);
            r->dirs[i] = NULL;
        }
    }
    keep(r, dir);
    drop(dir);
    pthread_mutex_unlock(&r->lock);
    return 0;
}

static struct hpc_dir *nearest(struct hpc_restore *r, const char *path, size_t len)
{
    struct hpc_dir *best = r->base;
    for (size_t i = 0; i < HPC_DIRS_KEPT; i++) {
        struct hpc_dir *d = r->dirs[i];
        if (d && d->path.len > best->path.len && is_below(d, path, len))
            best = d;
    }
    best->used = ++r->clock;
    return best;
}

/* What was opened below `from`, as a directory that is held, if it may be used. */
static int found(struct hpc_restore *r, int fd, const struct hpc_dir *from, const char *path,
                 size_t len, struct hpc_dir **out)
{
    size_t rest = from->path.len + (from->path.len > 0);
    struct hpc_record record;
    struct statx sx;
    uint64_t at;
    int err = hpc_look(fd, NULL, &sx);
    if (!err)
        err = hpc_record_along(r, from->record, path + rest, len - rest, &at);
    if (!err)
        err = hpc_record_read(r, at, &record);
    if (err) {
        close(fd);
        return err;
    }
    struct hpc_identity id = hpc_identity_of(&sx);
    bool known = record.body.kind >= HPC_RECORD_PLACEHOLDER;
    if (known && !hpc_is_same(&id, &record.body.id)) {
        close(fd);
        return -ESTALE;
    }
    *out = new_dir(fd, &sx, at, known && record.body.kind != HPC_RECORD_ADOPTED, path, len);
    if (!*out)
        return -ENOMEM;
    keep(r, *out);
    return 0;
}

/* Makes a parent before its own entry came. */
static int make_placeholder(struct hpc_restore *r, struct hpc_dir *parent, const char *name,
                            const char *path, size_t len, struct hpc_dir **out)
{
    struct hpc_body body = { .kind = HPC_RECORD_PLACEHOLDER };
    struct hpc_record record;
    struct statx sx;
    uint64_t at;
    int fd = hpc_dir_make(r, parent, name, HPC_PLACEHOLDER_MODE, &sx);
    if (fd < 0)
        return fd;
    pthread_mutex_lock(&r->lock);
    int err = hpc_record_along(r, parent->record, name, strlen(name), &at);
    if (!err)
        err = hpc_record_read(r, at, &record);
    if (!err && record.body.kind == HPC_RECORD_PARENT) {
        body = record.body;
        body.kind = HPC_RECORD_CREATED;
    }
    body.id = hpc_identity_of(&sx);
    /* Its own entry may have come in the meantime, on another thread. */
    bool known = !err && record.body.kind == HPC_RECORD_CREATED &&
                 hpc_is_same(&record.body.id, &body.id);
    if (!err && !known)
        err = hpc_record_update(r, at, &body);
    if (!err && !(*out = new_dir(fd, &sx, at, true, path, len)))
        err = -ENOMEM;
    else if (err)
        close(fd);
    if (!err)
        keep(r, *out);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* One component after the other, from a directory that is held; what is missing is made. */
static int make_way(struct hpc_restore *r, struct hpc_dir *from, const char *path, size_t len,
                    struct hpc_dir **out)
{
    char name[HPC_PATH_NAME];
    struct hpc_dir *dir = from;
    for (size_t at = from->path.len + (from->path.len > 0), n; at < len; at += n + 1) {
        const char *slash = memchr(path + at, '/', len - at);
        struct hpc_dir *next = NULL;
        int err = -ENAMETOOLONG;
        n = slash ? (size_t)(slash - path) - at : len - at;
        if (n < sizeof name) {
            memcpy(name, path + at, n);
            name[n] = 0;
            err = -EEXIST;
        }
        for (int tries = 0; err == -EEXIST && tries < 3; tries++) {
            int fd = hold(dir->fd, name);
            if (fd >= 0) {
                pthread_mutex_lock(&r->lock);
                err = found(r, fd, dir, path, at + n, &next);
                pthread_mutex_unlock(&r->lock);
            } else {
                err = fd == -ENOENT ? make_placeholder(r, dir, name, path, at + n, &next) : fd;
            }
        }
        if (dir != from)
            hpc_dir_put(r, dir);
        if (err)
            return err;
        dir = next;
    }
    *out = dir;
    return 0;
}

/* There is a symlink on the way: where that is at or above a root, the directory it leads to, as
 * far as there is one. */
static int from_root(struct hpc_restore *r, const char *path, size_t len, struct hpc_dir **from)
{
    struct hpc_dir *dir;
    size_t used;
    int fd = r->roots.count ? hpc_roots_open(&r->roots, path, len, &used) : -ELOOP;
    int err = fd < 0 ? fd : found(r, fd, r->base, path, used, &dir);
    if (err)
        return err;
    drop(*from);
    *from = dir;
    return 0;
}

static int open_rest(const struct hpc_dir *from, const char *path, size_t len)
{
    size_t rest = from->path.len + (from->path.len > 0);
    return hpc_path_open(from->fd, path + rest, len - rest, O_PATH | O_DIRECTORY);
}

int hpc_dir_get(struct hpc_restore *r, const char *path, size_t len, bool make,
                struct hpc_dir **out)
{
    pthread_mutex_lock(&r->lock);
    struct hpc_dir *from = nearest(r, path, len);
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
    hpc_dir_put(r, from);
    return err;
}

int hpc_tree_open(struct hpc_restore *r, int base)
{
    struct statx sx;
    int err = hpc_look(base, NULL, &sx);
    if (err) {
        close(base);
        return err;
    }
    r->base = new_dir(base, &sx, 0, false, "", 0);
    return r->base ? 0 : -ENOMEM;
}

void hpc_tree_rest(struct hpc_restore *r)
{
    for (size_t i = 0; i < HPC_DIRS_KEPT; i++) {
        if (r->dirs[i])
            drop(r->dirs[i]);
        r->dirs[i] = NULL;
    }
    if (r->base)
        remove_stage(r->base);
}

void hpc_tree_close(struct hpc_restore *r)
{
    hpc_tree_rest(r);
    if (r->base)
        drop(r->base);
}
