#include "nested.h"
#include "../core/node.h"
#include "../core/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct nested {
    size_t count;
    struct root {
        const char *path, *name;
        size_t len;
    } at[]; /* sorted by name; each path is a copy */
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct root *)a)->path, ((const struct root *)b)->path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct root *)a)->name, ((const struct root *)b)->name);
}

void nested_free(struct nested *n)
{
    for (size_t i = 0; n && i < n->count; i++)
        free((char *)n->at[i].path);
    free(n);
}

/* Whether one of the roots, which are sorted by path, is a directory above this one. */
static bool below_another(const struct nested *roots, const struct root *r)
{
    struct root above = { 0 };
    bool found = false;
    char *path = strdup(r->path), *slash;

    while (path && !found && r->len > 1 && (slash = strrchr(path, '/'))) {
        slash[slash == path] = 0; /* "/" keeps its slash */
        above.path = path;
        found = bsearch(&above, roots->at, roots->count, sizeof *roots->at, by_path);
        if (slash == path)
            break;
    }
    free(path);
    return found;
}

static struct nested *all_roots(const uint8_t *at, uint32_t count)
{
    struct nested *n = calloc(1, sizeof *n + count * sizeof *n->at);

    for (; n && n->count < count; n->count++) {
        struct root *r = &n->at[n->count];
        uint32_t len;

        memcpy(&len, at, 4);
        r->path = strndup((const char *)at + 4, len);
        at += 4 + (size_t)len;
        if (!r->path) {
            nested_free(n);
            return NULL;
        }
        for (r->len = strlen(r->path); r->len > 1 && r->path[r->len - 1] == '/'; r->len--)
            ((char *)r->path)[r->len - 1] = 0;
        r->name = strrchr(r->path, '/');
        r->name = r->name ? r->name + 1 : r->path;
    }
    return n;
}

int nested_new(struct nested **out, const uint8_t *at, const uint8_t *end, uint32_t count)
{
    struct nested *n = at < end ? all_roots(at, count) : NULL;
    bool *keep = n ? calloc(count, sizeof *keep) : NULL;
    size_t kept = 0;

    *out = NULL;
    if (!n || !keep) {
        nested_free(n);
        return -ENOMEM;
    }
    qsort(n->at, n->count, sizeof *n->at, by_path);
    for (size_t i = 0; i < n->count; i++)
        keep[i] = below_another(n, &n->at[i]);
    for (size_t i = 0; i < n->count; i++) {
        if (keep[i])
            n->at[kept++] = n->at[i];
        else
            free((char *)n->at[i].path);
    }
    free(keep);
    n->count = kept;
    qsort(n->at, n->count, sizeof *n->at, by_name);
    if (kept)
        *out = n;
    else
        nested_free(n);
    return 0;
}

static bool is_path(const struct root *r, const struct node *dir)
{
    size_t slash = dir->path_len == 1 ? 0 : 1; /* "/" ends in its own */
    size_t name_len = strlen(r->name);
    uint8_t *path;
    bool is;

    if (r->len != dir->path_len + slash + name_len)
        return false;
    path = malloc(dir->path_len);
    if (!path)
        return false;
    node_path(dir, path);
    is = !memcmp(path, r->path, dir->path_len) && (!slash || r->path[dir->path_len] == '/');
    free(path);
    return is;
}

bool nested_is_root(const struct scan *s, const struct node *dir, const char *name)
{
    const struct nested *n = s->nested;
    size_t low = 0, high = n->count;

    while (low < high) { /* the first of that name */
        size_t middle = low + (high - low) / 2;

        if (strcmp(n->at[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n->count && !strcmp(n->at[low].name, name); low++)
        if (is_path(&n->at[low], dir))
            return true;
    return false;
}
