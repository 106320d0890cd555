/* The last pass: what directories are, deepest first, and the inode flags that had to wait. */
#include "internal.h"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

struct finishing {
    struct hpc_restore *r;
    int first_error;
    struct timespec deadline;  /* 0: not cancelled */
};

/* A cancelled restore still gives directories what it knows of them, but not for long. */
static bool out_of_time(struct finishing *f)
{
    struct timespec now;
    if (!atomic_load(&f->r->cancelled))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!f->deadline.tv_sec) {
        f->deadline = now;
        f->deadline.tv_sec += HPC_CANCELLED_FINISH_SECONDS;
    }
    return now.tv_sec > f->deadline.tv_sec || (now.tv_sec == f->deadline.tv_sec && now.tv_nsec > f->deadline.tv_nsec);
}

/* A root that was adopted through a symlink. */
static int open_root(struct hpc_restore *r, const struct hpc_todo *todo)
{
    size_t used;
    int dir = hpc_roots_open(&r->tree.roots, todo->path, todo->path_len, &used);
    if (dir < 0)
        return dir;
    int fd = used == todo->path_len ? hpc_open_dir(dir, ".", O_RDONLY) : -ELOOP;
    close(dir);
    return fd;
}

/* What the last pass works on, opened; its own attributes as far as reports need them. */
static int open_todo(struct hpc_restore *r, const struct hpc_todo *todo)
{
    size_t dir_len = todo->path_len;
    while (dir_len && todo->path[dir_len - 1] != '/')
        dir_len--;
    int parent = hpc_tree_dir(&r->tree, &r->parents, todo->path, dir_len ? dir_len - 1 : 0, NULL);
    if (parent < 0)
        return parent;
    if (todo->kind != HPC_TODO_FLAGS) {
        int dir = hpc_open_dir(parent, todo->path_len ? todo->path + dir_len : ".", O_RDONLY);
        return dir == -ELOOP && r->tree.roots.count ? open_root(r, todo) : dir;
    }
    int fd = openat(parent, todo->path + dir_len, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static bool finish_placeholder(struct hpc_restore *r, const struct hpc_target *t)
{
    struct stat st;
    if (fstat(t->fd, &st) < 0 || !hpc_is_placeholder(&st))
        return true;
    return hpc_took(r, t, "mode", fchmod(t->fd, HPC_DEFAULT_DIR_MODE) < 0 ? -errno : 0);
}

static bool finish_directory(struct hpc_restore *r, const struct hpc_target *t, const struct hpc_todo *todo)
{
    struct hpc_attributes attributes = todo->attributes;
    bool ours = todo->kind == HPC_TODO_CREATED;
    struct hpc_block block = { .data = todo->block, .len = todo->block_len, .strip_acl = ours, .strip_default_acl = ours };
    return hpc_apply(r, t, &attributes, &block) & hpc_apply_flags(r, t, hpc_block_flags(&block));
}

static bool finish_flags(struct hpc_restore *r, const struct hpc_target *t, const struct hpc_todo *todo)
{
    struct stat st;
    if (fstat(t->fd, &st) < 0 || st.st_ino != todo->ino || st.st_dev != todo->dev)
        return hpc_took(r, t, "podheitor.flags", -ESTALE);  /* somebody replaced it */
    return hpc_apply_flags(r, t, todo->inode_flags);
}

static int finish_one(void *context, const struct hpc_todo *todo)
{
    struct finishing *f = context;
    struct hpc_restore *r = f->r;
    if (out_of_time(f))
        return -ECANCELED;
    struct hpc_target t = { .fd = open_todo(r, todo), .path = todo->path, .path_len = todo->path_len };
    bool done;
    if (t.fd < 0) {
        if (!f->first_error)
            f->first_error = t.fd;
        done = hpc_took(r, &t, todo->kind == HPC_TODO_FLAGS ? "podheitor.flags" : "mode", t.fd);
    } else {
        done = todo->kind == HPC_TODO_PLACEHOLDER ? finish_placeholder(r, &t)
             : todo->kind == HPC_TODO_FLAGS ? finish_flags(r, &t, todo) : finish_directory(r, &t, todo);
        close(t.fd);
    }
    r->stats.attributes_failed += !done;
    return 0;
}

int hpc_restore_finish(struct hpc_restore *r)
{
    struct finishing f = { .r = r };
    hpc_restore_end(r, r->file.whole);
    int err = hpc_dirlist_each(&r->dirs, 0, finish_one, &f);
    for (size_t chain = r->dirs.chain_count; chain-- > 1 && !err;)
        err = hpc_dirlist_each(&r->dirs, chain, finish_one, &f);
    if (!err)
        err = f.first_error;
    return atomic_load(&r->cancelled) ? -ECANCELED : err;
}
