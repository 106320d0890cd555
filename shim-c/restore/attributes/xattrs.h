/* Extended attributes, ACLs, inode flags and project ids: everything that an entry's xattr block
 * holds. */
#pragma once

#include "report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* An xattr block, and what must go unless the block has it. */
struct block {
    const char *data;
    size_t len;
    bool strip_acl, strip_default_acl;
    bool strip_others; /* user.* and trusted.* */
};
bool xattrs_is_sound(const void *block, size_t len);
/* Everything but the flags; t->name must be NULL. */
bool xattrs_apply(struct hpc_restore *r, const struct target *t, const struct block *block);
uint32_t xattrs_flags(const struct block *block);
bool xattrs_apply_flags(struct hpc_restore *r, const struct target *t, uint32_t flags);
/* Whether what is made in the directory inherits an ACL: 1, 0, or -errno when that cannot be told.
 */
int xattrs_default_acl(int dir);
