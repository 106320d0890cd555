/*
 * Faults of a mounted directory: the rules that its control file was given (rules.h), and what they
 * do to an operation. Paths are those of FUSE, with a leading slash. Everything returns 0 or bytes,
 * or -errno.
 */
#ifndef LABFS_FAULTS_H
#define LABFS_FAULTS_H

#include "rules.h"

#include <sys/types.h>

#define FAULTS_ANSWER_MAX 65536

/* The directory below, open. Set before the first operation. */
extern int faults_root;

/* A path as the directory below knows it, for *at calls on faults_root. */
static inline const char *below(const char *path)
{
    return path[1] ? path + 1 : ".";
}

/* What was written to the control file: commands and rules, one a line. */
int faults_control_write(const char *bytes, size_t len);
/* From what it reads as: at most FAULTS_ANSWER_MAX bytes. */
int faults_control_read(char *out, size_t size, off_t offset);
/* What the rules say about this operation, after the waits they ask for. end: offset + length of a
 * read or write, else UINT64_MAX; limit: bytes of a read or write, may shrink. */
int faults_apply(enum labfs_op op, const char *path, uint64_t end, size_t *limit);
/* Waits for `release`, as the action hang does. */
void faults_hang(void);
/* Sets a file's size to n, or to n more than it is. */
int change_size(const char *path, bool append, int64_t n);

#endif
