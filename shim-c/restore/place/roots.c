#include "roots.h"
#include "../../path/hpc_base.h"
#include "../job.h"
#include "../store/bytes.h"
#include "name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int hpc_restore_root(struct hpc_restore *r, const char *name, size_t len)
{
    struct roots *roots = &r->roots;
    struct bytes root = { 0 };
    int err = name_normalise(&root, name, len);
    struct bytes *grown = err ? NULL : realloc(roots->list, (roots->count + 1) * sizeof *grown);
    if (!grown) {
        free(root.data);
        return err ? err : -ENOMEM;
    }
    roots->list = grown;
    grown[roots->count++] = root;
    return 0;
}

bool roots_has(const struct roots *roots, const struct bytes *path)
{
    for (size_t i = 0; i < roots->count; i++)
        if (roots->list[i].len == path->len &&
            memcmp(roots->list[i].data, path->data, path->len) == 0)
            return true;
    return false;
}

/* Bytes that whole components of both have in common, from their beginnings. */
static size_t common(const struct bytes *root, const char *path, size_t len)
{
    size_t at = 0, whole = 0;
    for (;; at++) {
        bool root_ends = at == root->len || root->data[at] == '/',
             path_ends = at == len || path[at] == '/';
        if (root_ends && path_ends)
            whole = at;
        if (at == root->len || at == len || root->data[at] != path[at])
            return whole;
    }
}

int roots_open(const struct roots *roots, const char *path, size_t len, size_t *used)
{
    *used = 0;
    for (size_t i = 0; i < roots->count; i++) {
        size_t n = common(&roots->list[i], path, len);
        *used = n > *used ? n : *used;
    }
    size_t base_len = strlen(roots->base);
    char *full = *used ? malloc(base_len + 1 + *used + 1) : NULL;
    if (!full)
        return *used ? -ENOMEM : -ELOOP;
    memcpy(full, roots->base, base_len);
    full[base_len] = '/';
    memcpy(full + base_len + 1, path, *used);
    int dir;
    do { /* what is not there yet is made by the caller, as everywhere */
        full[base_len + 1 + *used] = 0;
        dir = hpc_base_open(full, 0, NULL);
        if (dir != -ENOENT)
            break;
        while (*used && path[--*used] != '/')
            ;
    } while (*used);
    free(full);
    return dir == -ENOENT ? -ELOOP : dir;
}

int roots_whole(const struct roots *roots, const char *path, size_t len)
{
    size_t used;
    int dir = roots_open(roots, path, len, &used);
    if (dir < 0 || used == len)
        return dir;
    close(dir);
    return -ELOOP;
}

void roots_free(struct roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        free(roots->list[i].data);
    free(roots->list);
    free(roots->base);
}
