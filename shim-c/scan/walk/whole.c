#include "whole.h"
#include "../core/node.h"
#include "../core/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct whole_path {
    const uint8_t *at;
    uint32_t len;
};

struct whole {
    uint32_t count;
    uint8_t *bytes;
    struct whole_path path[];
};

static int compare(const void *x, const void *y)
{
    const struct whole_path *a = x, *b = y;
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

int whole_new(struct whole **out, const uint8_t *at, const uint8_t *end, uint32_t count)
{
    struct whole *w = malloc(sizeof *w + count * sizeof w->path[0]);

    if (!w)
        return -ENOMEM;
    w->count = count;
    w->bytes = malloc((size_t)(end - at));
    if (!w->bytes) {
        free(w);
        return -ENOMEM;
    }
    memcpy(w->bytes, at, (size_t)(end - at));
    at = w->bytes;
    for (uint32_t i = 0; i < count; i++) { /* lengths are checked */
        memcpy(&w->path[i].len, at, 4);
        w->path[i].at = at + 4;
        at += 4 + w->path[i].len;
    }
    qsort(w->path, count, sizeof w->path[0], compare);
    *out = w;
    return 0;
}

void whole_free(struct whole *w)
{
    if (w)
        free(w->bytes);
    free(w);
}

/* Whether the list has the path itself, or else one below it. The byte behind the path is ours to
 * write. */
static enum whole_place place(const struct whole *w, uint8_t *path, size_t len)
{
    struct whole_path wanted = { path, (uint32_t)len };
    uint32_t low = 0, high = w->count;

    if (bsearch(&wanted, w->path, w->count, sizeof w->path[0], compare))
        return WHOLE;
    if (path[len - 1] != '/') {
        path[len] = '/';
        wanted.len++;
    }
    while (low < high) { /* the first that is not before "path/" */
        uint32_t middle = low + (high - low) / 2;

        if (compare(&w->path[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && w->path[low].len > wanted.len &&
                   !memcmp(w->path[low].at, path, wanted.len)
               ? ABOVE_WHOLE
               : NOT_WHOLE;
}

/* No memory for a path: everything counts as wanted, which saves too much and loses nothing. */
enum whole_place whole_place(const struct scan *s, const struct node *dir, const char *name,
                             size_t name_len)
{
    bool slash = dir->path_len == 1 && dir->name[0] == '/';
    size_t len = dir->path_len + (name_len ? (slash ? 0 : 1) + name_len : 0);
    enum whole_place found;
    uint8_t *path;

    if (!s->whole)
        return NOT_WHOLE;
    path = malloc(len + 1);
    if (!path)
        return WHOLE;
    node_path(dir, path);
    if (name_len) {
        path[len - name_len - 1] = '/';
        memcpy(path + len - name_len, name, name_len);
    }
    found = place(s->whole, path, len);
    free(path);
    return found;
}

enum whole_place whole_child(const struct scan *s, const struct node *parent, const char *name,
                             size_t name_len)
{
    return parent->whole == ABOVE_WHOLE ? whole_place(s, parent, name, name_len) : parent->whole;
}
