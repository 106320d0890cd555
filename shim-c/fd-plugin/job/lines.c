#include "lines.h"
#include <errno.h>
#include <stdlib.h>

/* Value of the last pair with this key, as a text of its own; "" when there is none. NULL: out of
 * memory. */
static char *value_of(const struct hpc_params *params, const char *key)
{
    const struct hpc_pair *found = NULL;
    for (size_t i = 0; i < params->count; i++)
        if (params->pairs[i].key_len == strlen(key) &&
            memcmp(params->pairs[i].key, key, strlen(key)) == 0)
            found = &params->pairs[i];
    return found ? strndup((const char *)found->value, found->value_len) : strdup("");
}

/* "1/4" and "3/4" by the same strategy: what they save is disjoint. "none" is no strategy. */
static bool different_shards(const struct line *a, const struct line *b)
{
    const char *of_a = strchr(a->shard, '/'), *of_b = strchr(b->shard, '/');
    return of_a && of_b && strcmp(of_a, of_b) == 0 && strcmp(a->shard, b->shard) != 0 &&
           strcmp(a->strategy, b->strategy) == 0 && strcmp(a->strategy, "none") != 0;
}

static bool clashes(const struct line *old, const struct line *line, struct clash *clash)
{
    for (size_t i = 0; i < old->paths.count; i++)
        for (size_t j = 0; j < line->paths.count; j++) {
            const char *a = old->paths.list[i], *b = line->paths.list[j];
            size_t len = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
            bool nested = strncmp(a, b, len) == 0 && (a[len] == 0 || a[len] == '/') &&
                          (b[len] == 0 || b[len] == '/');
            if (!nested || (strcmp(a, b) == 0 && different_shards(old, line)))
                continue;
            *clash = (struct clash){ old->text, *a ? a : "/", *b ? b : "/" };
            return true;
        }
    return false;
}

static void free_line(struct line *line)
{
    free(line->text);
    free(line->shard);
    free(line->strategy);
    paths_free(&line->paths);
}

int lines_add(struct lines *lines, const char *text, const struct hpc_params *params,
              struct clash *clash)
{
    struct line line = { .text = strdup(text),
                         .shard = value_of(params, "shard"),
                         .strategy = value_of(params, "strategy") };
    struct line *grown = realloc(lines->list, (lines->count + 1) * sizeof *grown);
    if (grown)
        lines->list = grown;
    if (!grown || !line.text || !line.shard || !line.strategy ||
        paths_add(&line.paths, params) != 0) {
        free_line(&line);
        return -ENOMEM;
    }
    int found = 0;
    for (size_t i = 0; i < lines->count && !found; i++)
        found = clashes(&lines->list[i], &line, clash);
    lines->list[lines->count++] = line;
    return found;
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free_line(&lines->list[i]);
    free(lines->list);
    *lines = (struct lines){ 0 };
}
