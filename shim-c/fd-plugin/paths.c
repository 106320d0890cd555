#include "paths.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* As the backend names its entries: no "." components, one '/' between the others, none at the end. Returns the length. */
static size_t normalise(char *out, const uint8_t *value, size_t len)
{
    size_t used = 0;
    for (size_t start = 0, end; start < len; start = end + 1) {
        for (end = start; end < len && value[end] != '/'; end++)
            ;
        if (end == start || (end == start + 1 && value[start] == '.'))
            continue;
        out[used++] = '/';
        memcpy(out + used, value + start, end - start);
        used += end - start;
    }
    return used;
}

int paths_add(struct paths *paths, const struct hpc_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const struct hpc_pair *pair = &params->pairs[i];
        if (pair->key_len != 4 || memcmp(pair->key, "path", 4) != 0)
            continue;
        char **grown = realloc(paths->list, (paths->count + 1) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        paths->list = grown;
        char *copy = grown[paths->count] = malloc(pair->value_len + 2);
        if (!copy)
            return -ENOMEM;
        copy[normalise(copy, pair->value, pair->value_len)] = 0;
        paths->count++;
    }
    return 0;
}

void paths_free(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->list[i]);
    free(paths->list);
    *paths = (struct paths){ 0 };
}

const char *paths_above(const struct paths *paths, const char *name)
{
    const char *best = NULL;
    for (size_t i = 0; i < paths->count; i++) {
        size_t len = strlen(paths->list[i]);
        if (strncmp(name, paths->list[i], len) == 0 && (name[len] == '/' || name[len] == 0) && (!best || len > strlen(best)))
            best = paths->list[i];
    }
    return best;
}

/* Opens the directory that len bytes of name lead to from `dir`, which is closed. Any length, in pieces. A descriptor or -errno. */
static int enter(int dir, const char *name, size_t len, int flags)
{
    char piece[PATH_MAX];
    while (len > 0) {
        size_t cut = len;
        if (cut >= sizeof piece)
            for (cut = sizeof piece - 1; cut > 0 && name[cut] != '/'; cut--)
                ;
        memcpy(piece, name, cut);
        piece[cut] = 0;
        int next = cut > 0 ? openat(dir, piece, O_PATH | O_DIRECTORY | O_CLOEXEC | flags) : (errno = ENAMETOOLONG, -1);
        int error = errno;
        if (dir >= 0)
            close(dir);
        if (next < 0)
            return -error;
        dir = next;
        for (name += cut, len -= cut; len > 0 && *name == '/'; name++)
            len--;
    }
    return dir;
}

/* lstat of the first len bytes of name. Down to `base` symlinks are followed, as the scan does; below it none is: what lies there is not in the tree. */
static int lstat_below(const char *name, size_t len, size_t base, struct stat *st)
{
    char last[PATH_MAX];
    size_t parent = len, start = base > 0 ? base : 1;
    while (parent > 1 && name[parent - 1] != '/')
        parent--;
    if (len - parent >= sizeof last)
        return -ENAMETOOLONG;
    if (start > parent)
        start = parent;
    int dir = enter(AT_FDCWD, name, start, 0);
    for (size_t at = start, end; dir >= 0 && at < parent; at = end) {
        while (at < parent && name[at] == '/')
            at++;
        for (end = at; end < parent && name[end] != '/'; end++)
            ;
        dir = enter(dir, name + at, end - at, O_NOFOLLOW);
    }
    if (dir < 0)
        return dir;
    memcpy(last, name + parent, len - parent);
    last[len - parent] = 0;
    int rc = fstatat(dir, *last ? last : ".", st, len <= base ? 0 : AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
    close(dir);
    return rc;
}

bool name_exists(const char *name, size_t base)
{
    struct stat st;
    size_t len = strlen(name);
    bool directory = len > 0 && name[len - 1] == '/';
    while (len > 1 && name[len - 1] == '/')
        len--;
    int rc = lstat_below(name, len, base, &st);
    if (rc == -ENOENT || rc == -ENOTDIR)
        return false;
    return rc < 0 || directory == S_ISDIR(st.st_mode);
}
