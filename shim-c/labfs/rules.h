/*
 * Which operation on which name goes wrong, and how. A rule is one line:
 *
 *   OPS ACTION [ARG] [offset N] [after N] [times N] : PATH
 *
 * - OPS, comma-separated: getattr readdir opendir open read write create mkdir unlink rename link
 *   symlink readlink mknod chmod chown utimens truncate statfs fsync release getxattr setxattr
 *   listxattr, or `all`.
 * - ACTION is one of
 *   - error ERRNO: the operation fails (name or number).
 *   - delay MS: it takes so much longer; delay-us US: microseconds.
 *   - hang: it takes until `release`; it cannot be interrupted, as on a dead server.
 *   - short N: read: at most N bytes an operation; write: likewise.
 *   - append N: before it, N bytes are appended to the file below.
 *   - truncate N: before it, the file below gets N bytes.
 *   - unlink: before it, the name is removed below.
 *   - replace PATH: before it, PATH (below the root) is renamed over the name.
 *   - exchange PATH: before it, the two names are exchanged.
 * - offset: read and write: only those that reach to or beyond byte N.
 * - after: the first N matches go well.
 * - times: it happens N times; 0, the default, for ever (1 for append, truncate, unlink, replace
 * and exchange).
 * - PATH: from the root of the filesystem, to the end of the line; as in fnmatch(3), where * also
 *   matches '/'.
 */
#ifndef LABFS_RULES_H
#define LABFS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum labfs_op {
    OP_GETATTR,
    OP_READDIR,
    OP_OPENDIR,
    OP_OPEN,
    OP_READ,
    OP_WRITE,
    OP_CREATE,
    OP_MKDIR,
    OP_UNLINK,
    OP_RENAME,
    OP_LINK,
    OP_SYMLINK,
    OP_READLINK,
    OP_MKNOD,
    OP_CHMOD,
    OP_CHOWN,
    OP_UTIMENS,
    OP_TRUNCATE,
    OP_STATFS,
    OP_FSYNC,
    OP_RELEASE,
    OP_GETXATTR,
    OP_SETXATTR,
    OP_LISTXATTR,
    OP_COUNT
};

enum labfs_action {
    ACT_ERROR,
    ACT_DELAY,
    ACT_HANG,
    ACT_SHORT,
    ACT_APPEND,
    ACT_TRUNCATE,
    ACT_UNLINK,
    ACT_REPLACE,
    ACT_EXCHANGE
};

struct labfs_rule {
    uint32_t ops; /* bit 1 << enum labfs_op */
    enum labfs_action action;
    int64_t number; /* errno, microseconds, bytes */
    char *other;    /* replace, exchange */
    uint64_t offset;
    uint64_t after, times;
    char *path;
    uint64_t seen, hits;
};

/* 0, or -EINVAL with error set. The line is not changed; free with labfs_rule_free(). */
int labfs_rule_parse(struct labfs_rule *rule, const char *line, char *error, size_t error_cap);
void labfs_rule_free(struct labfs_rule *rule);
/* Does it apply to this operation now? Counts. end: offset + length of a read or write, else
 * UINT64_MAX. */
bool labfs_rule_takes(struct labfs_rule *rule, enum labfs_op op, const char *path, uint64_t end);
const char *labfs_op_name(enum labfs_op op);

#endif
