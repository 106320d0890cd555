/* Descriptors of the scan: counted, so that their peak is known and none is leaked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct scan;
struct worker;

/* Waits when descriptors are short; -errno. */
int fds_open(struct worker *w, int at, const char *name, int flags);
/* Counts one, which may be -errno, and returns it. */
int fds_count(struct scan *s, int fd);
void fds_close(struct scan *s, int fd);
/* Bytes read, at most cap; size, if it is not 0: so many were promised, and no call more is made to
 * see the end; -errno. */
int64_t fds_read_to_end(int fd, uint8_t *buf, size_t cap, uint64_t size);
