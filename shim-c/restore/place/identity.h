/* Which object it is, whatever name it bears. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* An inode number that was freed and given again
 * differs in the time of birth, where the filesystem keeps that. */
struct identity {
    uint64_t dev, ino;
    int64_t birth_s;
    uint32_t birth_ns, unused;
};
/* name NULL: the object behind fd (O_PATH will do); else the name in directory fd, not followed. */
int identity_look(int fd, const char *name, struct statx *out);
struct identity identity_of(const struct statx *sx);
bool identity_is_same(const struct identity *a, const struct identity *b);
