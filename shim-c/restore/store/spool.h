/* An anonymous file for everything whose amount the namespace decides. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct spool {
    int fd;
    uint64_t end;
};
int spool_open(struct spool *s, int dir);
int spool_read(const struct spool *s, void *data, size_t len, uint64_t at);
int spool_write(const struct spool *s, const void *data, size_t len, uint64_t at);
/* at is never 0. */
int spool_append(struct spool *s, const void *data, size_t len, uint64_t *at);
