#include "root.h"
#include "../../path/hpc_base.h"
#include "../../path/hpc_path.h"
#include "fds.h"
#include "node.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int root_find(struct worker *w, struct node *root)
{
    int fd = fds_count(w->scan, hpc_base_open(root->name, HPC_BASE_ANY, NULL));

    if (fd >= 0)
        root->path_fd = fd;
    return fd < 0 ? fd : 0;
}

void root_drop(struct worker *w, struct node *root)
{
    if (root->path_fd >= 0)
        fds_close(w->scan, root->path_fd);
    root->path_fd = -1;
}

void root_keep(struct worker *w, struct node *root)
{
    struct scan *s = w->scan;
    uint32_t place;

    if (atomic_fetch_add(&s->held_fds, 1) < s->held_max) {
        place = atomic_fetch_add(&s->roots_held, 1);
        if (place < ROOTS_HELD) {
            s->root_fds[place] = root->path_fd;
            return; /* until root_free_all() */
        }
    }
    atomic_fetch_sub(&s->held_fds, 1);
    root_drop(w, root);
}

void root_free_all(struct scan *s)
{
    uint32_t held = atomic_load(&s->roots_held);

    for (uint32_t i = 0; i < held && i < ROOTS_HELD; i++)
        close(s->root_fds[i]);
}

/* Without /proc a directory can be opened from inside; and a file on the way to it, which may have
 * been exchanged, so that the caller compares. */
static int open_found(const struct node *root, int path_fd, int flags)
{
    struct stat st;
    int fd;

    if (fstat(path_fd, &st))
        return -errno;
    if (S_ISDIR(st.st_mode)) {
        fd = openat(path_fd, ".", flags | O_CLOEXEC);
        if (fd < 0 && errno == EPERM && flags & O_NOATIME)
            fd = openat(path_fd, ".", (flags & ~O_NOATIME) | O_CLOEXEC);
        if (fd >= 0 || errno != EACCES) /* it may be read, not searched */
            return fd < 0 ? -errno : fd;
    }
    fd = hpc_path_reopen(path_fd, -1, NULL, flags, &st);
    if (fd == -ENOENT && access("/proc/self/fd", F_OK))
        fd = hpc_path_follow(root->name, root->name_len, flags | O_NOFOLLOW);
    return fd;
}

int root_open(struct worker *w, struct node *root, int flags)
{
    int path_fd = root->path_fd, fd;
    struct stat st;

    if (path_fd >= 0)
        return fds_count(w->scan, open_found(root, path_fd, flags));
    path_fd = hpc_base_open(root->name, HPC_BASE_ANY, NULL);
    if (path_fd < 0)
        return path_fd == -ELOOP ? -ESTALE : path_fd; /* when it was found there was no such link */
    fd = fstat(path_fd, &st) || st.st_dev != root->dev || st.st_ino != root->ino
             ? -ESTALE
             : open_found(root, path_fd, flags);
    close(path_fd);
    return fds_count(w->scan, fd);
}

int64_t hpc_root_link(const uint8_t *path, int64_t path_len, uint8_t *out, int64_t cap)
{
    char *name, *link = NULL;
    size_t len;
    int fd;

    if (!path || path_len <= 0 || !out || cap < 0 || memchr(path, 0, (size_t)path_len))
        return -EINVAL;
    name = strndup((const char *)path, (size_t)path_len);
    if (!name)
        return -ENOMEM;
    fd = hpc_base_open(name, HPC_BASE_ANY, &link);
    if (fd >= 0)
        close(fd);
    len = link ? strlen(link) : 0;
    memcpy(out, link ? link : "", (size_t)cap < len ? (size_t)cap : len);
    free(link);
    free(name);
    return (int64_t)len;
}
