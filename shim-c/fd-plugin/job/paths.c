#include "paths.h"
#include "../../path/hpc_path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* As the backend names its entries: no "." components, one '/' between the others, none at the end.
 * Returns the length. */
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
        size_t known = 0;
        while (known < paths->count && strcmp(paths->list[known], copy) != 0)
            known++;
        if (known < paths->count)
            free(copy);
        else
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
        if (strncmp(name, paths->list[i], len) == 0 && (name[len] == '/' || name[len] == 0) &&
            (!best || len > strlen(best)))
            best = paths->list[i];
    }
    return best;
}

bool paths_is_plain(const void *name, size_t len)
{
    const char *at = name, *end = at + len;
    if (len == 0 || *at != '/' || memchr(name, 0, len))
        return false;
    while (len > 1 && at < end) {
        at++;
        const char *next = memchr(at, '/', (size_t)(end - at));
        size_t n = (size_t)((next ? next : end) - at);
        if (n == 0 || (n <= 2 && memcmp(at, "..", n) == 0))
            return false;
        at += n;
    }
    return true;
}

bool paths_hold(const struct paths *paths, const void *name, size_t len)
{
    for (size_t i = 0; i < paths->count; i++) {
        size_t n = strlen(paths->list[i]);
        if (n <= len && memcmp(name, paths->list[i], n) == 0 &&
            (n == len || ((const char *)name)[n] == '/'))
            return true;
    }
    return false;
}

/* Down to `base` symlinks are followed, as the scan does; below it none is: what lies there is not
 * in the tree. */
bool paths_exists(const char *name, size_t base)
{
    struct stat st;
    size_t len = strlen(name);
    bool directory = len > 0 && name[len - 1] == '/';
    while (len > 1 && name[len - 1] == '/')
        len--;
    if (base > len)
        base = len;
    int dir = base > 0 ? hpc_path_follow(name, base, O_PATH) : hpc_path_follow("/", 1, O_PATH);
    int rc = dir < 0 ? dir : hpc_path_stat(dir, name + base, len - base, &st);
    if (dir >= 0)
        close(dir);
    if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP)
        return false;
    return rc < 0 || directory == S_ISDIR(st.st_mode);
}
