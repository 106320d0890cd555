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

/* lstat for names longer than PATH_MAX: in pieces, each relative to the directory before. */
static int lstat_long(const char *name, size_t len, struct stat *st)
{
    char piece[PATH_MAX];
    int dir = AT_FDCWD, rc = 0;
    while (rc == 0 && len >= sizeof piece) {
        size_t cut = sizeof piece - 1;
        while (cut > 0 && name[cut] != '/')
            cut--;
        memcpy(piece, name, cut);
        piece[cut] = 0;
        int next = cut > 0 ? openat(dir, piece, O_PATH | O_DIRECTORY | O_CLOEXEC) : (errno = ENAMETOOLONG, -1);
        rc = next < 0 ? -errno : 0;
        if (dir >= 0)
            close(dir);
        dir = next;
        for (name += cut, len -= cut; *name == '/'; name++)
            len--;
    }
    memcpy(piece, name, rc == 0 ? len : 0);
    piece[rc == 0 ? len : 0] = 0;
    if (rc == 0 && fstatat(dir, piece, st, AT_SYMLINK_NOFOLLOW) != 0)
        rc = -errno;
    if (dir >= 0)
        close(dir);
    return rc;
}

bool name_exists(const char *name)
{
    struct stat st;
    size_t len = strlen(name);
    bool directory = len > 0 && name[len - 1] == '/';
    while (len > 1 && name[len - 1] == '/')
        len--;
    int rc = lstat_long(name, len, &st);
    if (rc == -ENOENT || rc == -ENOTDIR)
        return false;
    return rc < 0 || directory == S_ISDIR(st.st_mode);
}
