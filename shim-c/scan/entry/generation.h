/*
 * An inode's generation: another one each time its number is given to a new file. Asked for where
 * the filesystem keeps no time of birth, and only of files that are opened again later. An ioctl(2)
 * wants them open; a device that has no generations is asked once.
 */
#pragma once

#include <stdint.h>

struct statx;
struct worker;

/* As a record's birth has it; 0: there is none to be had. */
int64_t generation_of(int fd);
/* The same of a name; fd: of it, or -1. */
int64_t generation_read(struct worker *w, int dirfd, const char *name, int fd,
                        const struct statx *st);
