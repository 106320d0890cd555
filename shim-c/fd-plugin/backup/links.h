/*
 * Hard-link group -> FileIndex of its leader, for the groups whose other names are still to come.
 * Small tables live in memory; a large one in an unlinked file, so that the File Daemon's memory
 * does not grow with the namespace.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct link_slot {
    uint64_t group;
    int32_t file_index;
    int32_t unused;
};

struct links {
    struct link_slot *slots; /* open addressing; group 0 = free */
    size_t capacity;         /* power of two */
    size_t used;
    char *dir; /* for the file */
};

int links_open(struct links *links, const char *dir); /* 0 or -ENOMEM */
void links_close(struct links *links);
/* group and file_index not 0. 0, or -errno when there is no room (memory, disk). */
int links_put(struct links *links, uint64_t group, int32_t file_index);
int32_t links_get(const struct links *links, uint64_t group); /* 0: unknown */
void links_drop(struct links *links, uint64_t group);
