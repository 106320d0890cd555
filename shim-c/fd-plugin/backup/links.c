#include "links.h"
#include "../limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct link_slot *map_file(const char *dir, size_t bytes)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s/podheitor-hpc-links.XXXXXX", dir) >= (int)sizeof name)
        return NULL;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return NULL;
    unlink(name);
    /* Reserved, not sparse: a full disk is an error here and now, not a SIGBUS in the middle of the
     * job. */
    int full = posix_fallocate(fd, 0, (off_t)bytes);
    void *map = full ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int error = full ? full : errno; /* posix_fallocate leaves errno alone */
    close(fd);
    errno = error;
    return map == MAP_FAILED ? NULL : map;
}

static struct link_slot *take(const char *dir, size_t capacity)
{
    size_t bytes = capacity * sizeof(struct link_slot);
    struct link_slot *file = capacity > LINKS_IN_MEMORY ? map_file(dir, bytes) : NULL;
    return file || capacity > LINKS_IN_MEMORY ? file : calloc(capacity, sizeof(struct link_slot));
}

static void give(struct link_slot *slots, size_t capacity)
{
    if (slots && capacity > LINKS_IN_MEMORY)
        munmap(slots, capacity * sizeof *slots);
    else
        free(slots);
}

int links_open(struct links *links, const char *dir)
{
    *links = (struct links){ .capacity = 256, .dir = strdup(dir) };
    links->slots = take(dir, links->capacity);
    return links->slots && links->dir ? 0 : -ENOMEM;
}

void links_close(struct links *links)
{
    give(links->slots, links->capacity);
    free(links->dir);
    *links = (struct links){ 0 };
}

static size_t home(const struct links *links, uint64_t group)
{
    return (size_t)((group * 0x9e3779b97f4a7c15u) >> 32) & (links->capacity - 1);
}

/* The slot that holds group, or the free one where it belongs. */
static size_t find(const struct links *links, uint64_t group)
{
    size_t i = home(links, group);
    while (links->slots[i].group && links->slots[i].group != group)
        i = (i + 1) & (links->capacity - 1);
    return i;
}

static int grow(struct links *links)
{
    struct links next = { .capacity = links->capacity * 2, .used = links->used, .dir = links->dir };
    next.slots = take(links->dir, next.capacity);
    if (!next.slots)
        return errno ? -errno : -ENOMEM;
    for (size_t i = 0; i < links->capacity; i++)
        if (links->slots[i].group)
            next.slots[find(&next, links->slots[i].group)] = links->slots[i];
    give(links->slots, links->capacity);
    *links = next;
    return 0;
}

int links_put(struct links *links, uint64_t group, int32_t file_index)
{
    if (links->used >= links->capacity / 2) {
        int rc = grow(links);
        if (rc < 0)
            return rc;
    }
    struct link_slot *slot = &links->slots[find(links, group)];
    links->used += slot->group == 0;
    *slot = (struct link_slot){ .group = group, .file_index = file_index };
    return 0;
}

int32_t links_get(const struct links *links, uint64_t group)
{
    const struct link_slot *slot = &links->slots[find(links, group)];
    return slot->group ? slot->file_index : 0;
}

void links_drop(struct links *links, uint64_t group)
{
    size_t mask = links->capacity - 1, gap = find(links, group);
    if (links->slots[gap].group == 0)
        return;
    links->used--;
    /* Close the gap: an entry further on may sit there only because this slot was taken. */
    for (size_t i = (gap + 1) & mask; links->slots[i].group; i = (i + 1) & mask) {
        size_t from = home(links, links->slots[i].group);
        if (((i - from) & mask) >= ((i - gap) & mask)) {
            links->slots[gap] = links->slots[i];
            gap = i;
        }
    }
    links->slots[gap] = (struct link_slot){ 0 };
}
