/*
 * Extended attributes as a client shows them (2.17.0): what the tests stored under mapped names,
 * and Lustre's own, made up from what is known of the entry.
 */
#include "faults.h"
#include "lustre.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define STORED    "trusted.lab.x."
#define MAGIC_V1  0x0BD10BD0u
#define MAGIC_LMV 0x0CD20CD0u
#define RAID0     1u
#define RELEASED  0x80000000u

static int full_name(char out[8192], const char *path)
{
    return snprintf(out, 8192, "/proc/self/fd/%d/%s", faults_root, below(path)) < 8192
               ? 0
               : -ENAMETOOLONG;
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool is_mapped(const char *name)
{
    return begins(name, "trusted.") || begins(name, "lustre.");
}

static int give(char *out, size_t size, const void *value, size_t len)
{
    if (size == 0)
        return (int)len;
    if (size < len)
        return -ERANGE;
    memcpy(out, value, len);
    return (int)len;
}

/* struct lov_user_md_v1, and its objects where there are any. */
static int layout(const char *path, const struct stat *st, char *out, size_t size)
{
    struct {
        uint32_t magic, pattern;
        uint64_t id[2];
        uint32_t stripe_size;
        uint16_t count, generation;
    } head = { MAGIC_V1, RAID0, { 0, 0 }, 1048576, 0, 0 };
    struct {
        uint64_t id[2];
        uint32_t generation, index;
    } object;
    unsigned osts[LUSTRE_OSTS], count = targets_osts(path, st, osts);
    uint8_t blob[sizeof head + LUSTRE_OSTS * sizeof object];
    size_t len = sizeof head;

    head.id[0] = st->st_ino;
    head.count = (uint16_t)count;
    if (hsm_released(path)) {
        head.pattern |= RELEASED;
        count = 0;
    }
    memcpy(blob, &head, sizeof head);
    for (unsigned i = 0; i < count; i++, len += sizeof object) {
        memset(&object, 0, sizeof object);
        object.id[0] = st->st_ino;
        object.index = osts[i];
        memcpy(blob + len, &object, sizeof object);
    }
    return give(out, size, blob, len);
}

/* What Lustre keeps of every entry. -ENODATA: not of this one. */
static int made_up(const char *path, const char *name, char *out, size_t size)
{
    static const uint8_t record[24] = { 0 };
    const uint32_t hsm[6] = { 0, 0x0d, 1, 0, 1, 0 }, lmv[4] = { MAGIC_LMV, LUSTRE_MDTS, 0, 0 };
    struct stat st;
    struct listing l;

    if (strcmp(name, "lab.closing") == 0) { /* closedir.c asks */
        targets_listing(path, &l);
        return l.count && !l.loud ? give(out, size, "1", 1) : -ENODATA;
    }
    if (fstatat(faults_root, below(path), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    if (S_ISREG(st.st_mode) &&
        (strcmp(name, "trusted.lov") == 0 || strcmp(name, "lustre.lov") == 0))
        return layout(path, &st, out, size);
    if (S_ISREG(st.st_mode) && strcmp(name, "trusted.hsm") == 0 && hsm_released(path))
        return give(out, size, hsm, sizeof hsm);
    if (S_ISDIR(st.st_mode) && strcmp(name, "trusted.lmv") == 0 && targets_is_striped(path))
        return give(out, size, lmv, sizeof lmv);
    if (strcmp(name, "trusted.link") == 0 || strcmp(name, "trusted.lma") == 0)
        return give(out, size, record, sizeof record);
    return -ENODATA;
}

struct names {
    char *at;
    size_t size, used;
};

static void add(struct names *n, const char *name)
{
    size_t len = strlen(name) + 1;

    if (n->used + len <= n->size)
        memcpy(n->at + n->used, name, len);
    n->used += len;
}

static bool has(const char *list, ssize_t len, const char *name)
{
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
        if (begins(list + i, STORED) && strcmp(list + i + strlen(STORED), name) == 0)
            return true;
    return false;
}

int lustre_list(const char *path, char *list, size_t size, bool privileged)
{
    static const char *const own[] = { "trusted.lov", "trusted.link", "trusted.lma",
                                       "trusted.lmv", "trusted.hsm",  "lustre.lov" };
    char full[8192], below_list[65536];
    struct names n = { list, size, 0 };
    int rc = full_name(full, path);
    ssize_t len = rc < 0 ? -1 : llistxattr(full, below_list, sizeof below_list);

    if (len < 0)
        return rc < 0 ? rc : -errno;
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(below_list + i) + 1) {
        const char *name = below_list + i;
        if (begins(name, STORED))
            name += strlen(STORED);
        else if (begins(name, "trusted."))
            continue;
        if (privileged || !begins(name, "trusted."))
            add(&n, name);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!has(below_list, len, own[i]) && (privileged || !begins(own[i], "trusted.")) &&
            made_up(path, own[i], NULL, 0) >= 0)
            add(&n, own[i]);
    return size > 0 && n.used > size ? -ERANGE : (int)n.used;
}

int lustre_get(const char *path, const char *name, char *value, size_t size)
{
    char full[8192], stored[300];
    int rc = full_name(full, path);
    ssize_t n;

    if (rc < 0)
        return rc;
    snprintf(stored, sizeof stored, STORED "%.250s", name);
    n = lgetxattr(full, is_mapped(name) ? stored : name, value, size);
    if (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
        return made_up(path, name, value, size);
    return n < 0 ? -errno : (int)n;
}

int lustre_set(const char *path, const char *name, const char *value, size_t size, int flags)
{
    static const char *const ignored[] = {
        "trusted.lov", "lustre.lov",  "trusted.hsm",     "trusted.lma", "trusted.link",
        "trusted.fid", "trusted.som", "trusted.version", "trusted.lmv", "trusted.lfsck_ns",
    };
    char full[8192], stored[300];
    int rc = full_name(full, path);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strcmp(name, ignored[i]) == 0)
            return 0; /* as the real one: without a word */
    if (begins(name, "lustre."))
        return -EOPNOTSUPP;
    snprintf(stored, sizeof stored, STORED "%.250s", name);
    return lsetxattr(full, is_mapped(name) ? stored : name, value, size, flags) == 0 ? 0 : -errno;
}

int lustre_remove(const char *path, const char *name)
{
    char full[8192], stored[300];
    int rc = full_name(full, path);

    if (rc < 0)
        return rc;
    snprintf(stored, sizeof stored, STORED "%.250s", name);
    return lremovexattr(full, is_mapped(name) ? stored : name) == 0 ? 0 : -errno;
}
