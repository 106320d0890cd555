/* The `Plugin =` lines of one job: two that save the same names are an error, because every name
 * must be in a job once. */
#pragma once

#include "../../wire/hpc_params.h"
#include "paths.h"

struct line {
    char *text; /* as it stands in the FileSet */
    struct paths paths;
    char *shard, *strategy; /* values of these keys, "" where there is none */
};

struct lines {
    struct line *list;
    size_t count;
};

/* Two lines and the paths that they share; the first is one that came before. */
struct clash {
    const char *line, *path, *other_path;
};

/*
 * Remembers a line. 1: it saves what another saves, which *clash tells (valid until lines_free());
 * 0; -ENOMEM. The same paths in two shards of one N are no clash.
 */
int lines_add(struct lines *lines, const char *text, const struct hpc_params *params,
              struct clash *clash);
void lines_free(struct lines *lines);
