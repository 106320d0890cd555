/*
 * The names that a backup began with. A symlink at one of them, or above it, was there when the
 * tree was saved, as often as not, and the backup went through it; a restore in place does so, too,
 * by the rule of the base (../path/hpc_base.h). Asked only where the ordinary way met a symlink.
 */
#include "../path/hpc_base.h"
#include "internal.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int hpc_restore_root(struct hpc_restore *r, const char *name, size_t len)
{
    struct hpc_roots *roots = &r->roots;
    struct hpc_bytes root = { 0 };
    int err = hpc_normalise(&root, name, len);
    struct hpc_bytes *grown = err ? NULL : realloc(roots->list, (roots->count + 1) * sizeof *grown);
    if (!grown) {
        free(root.data);
        return err ? err : -ENOMEM;
    }
    roots->list = grown;
    grown[roots->count++] = root;
    return 0;
}

bool hpc_roots_has(const struct hpc_roots *roots, const struct hpc_bytes *path)
{
    for (size_t i = 0; i < roots->count; i++)
        if (roots->list[i].len == path->len &&
            memcmp(roots->list[i].data, path->data, path->len) == 0)
            return true;
    return false;
}

/* Bytes that whole components of both have in common, from their beginnings. */
static size_t common(const struct hpc_bytes *root, const char *path, size_t len)
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

int hpc_roots_open(const struct hpc_roots *roots, const char *path, size_t len, size_t *used)
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

int hpc_roots_whole(const struct hpc_roots *roots, const char *path, size_t len)
{
    size_t used;
    int dir = hpc_roots_open(roots, path, len, &used);
    if (dir < 0 || used == len)
        return dir;
    close(dir);
    return -ELOOP;
}

void hpc_roots_free(struct hpc_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        free(roots->list[i].data);
    free(roots->list);
    free(roots->base);
}
