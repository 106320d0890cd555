/*
 * podheitor-hpc-fd.conf, beside the plugin: which program is the backend. Nothing in a FileSet can
 * choose it.
 *
 *   # comment
 *   backend = /opt/podheitor/podheitor-hpc-backend.cjs
 *   node = /usr/bin/node
 *   stall-limit = 60
 *   holes = skip
 *
 * - backend: absolute; .cjs and .js are run by node, anything else by itself.
 * - node: absolute; default: /usr/bin/node, then /usr/local/bin/node.
 * - stall-limit: seconds without a byte before the backend counts as hung, 1 to 86400; default 60.
 * - holes: skip or send: whether the File Daemon gets the zeros of holes; default: as its release
 *   allows.
 *
 * The file, the backend and node must be owned by root (or the FD's own user) and writable by their
 * owner alone; so must every directory on the way to them, except that a sticky one (/tmp) may be
 * writable by all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum conf_holes { HOLES_BY_RELEASE, HOLES_SKIP, HOLES_SEND };

struct conf {
    char *directory; /* where the plugin and the file lie */
    char *backend;
    char *node; /* NULL: the backend is executed itself */
    int stall_seconds;
    enum conf_holes holes;
};

/* 0, or -1 with a text that names the file and the remedy. Free what it filled with conf_free()
 * either way. */
int conf_load(struct conf *conf, char *error, size_t error_cap);
void conf_free(struct conf *conf);
