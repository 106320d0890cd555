/* MDTs and OSTs: which entry lies where, and what is inactive. */
#include "faults.h"
#include "lustre.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum state { ACTIVE, INACTIVE, SILENT };

static const char *const states[] = { "active", "inactive", "silent" };

bool lustre_on;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum state mdt[LUSTRE_MDTS], ost[LUSTRE_OSTS];

static int command(const char *line)
{
    char kind[8], word[16];
    unsigned index;
    int state = 0;

    if (sscanf(line, "%7s %u %15s", kind, &index, word) != 3)
        return -EINVAL;
    while (state < 3 && strcmp(states[state], word) != 0)
        state++;
    if (state == 3)
        return -EINVAL;
    if (strcmp(kind, "mdt") == 0 && index < LUSTRE_MDTS)
        mdt[index] = (enum state)state;
    else if (strcmp(kind, "ost") == 0 && index < LUSTRE_OSTS)
        ost[index] = (enum state)state;
    else
        return -EINVAL;
    return 0;
}

int targets_control_write(const char *bytes, size_t len)
{
    char *text = strndup(bytes, len), *rest = NULL;
    int rc = text ? 0 : -ENOMEM;

    pthread_mutex_lock(&lock);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && rc == 0;
         line = strtok_r(NULL, "\n", &rest))
        rc = command(line);
    pthread_mutex_unlock(&lock);
    free(text);
    return rc < 0 ? rc : (int)len;
}

int targets_control_read(char *out, size_t size, off_t offset)
{
    char text[512];
    size_t used = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < LUSTRE_MDTS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "mdt %u %s\n", i,
                                 mdt[i] ? "INACTIVE" : "ACTIVE");
    for (unsigned i = 0; i < LUSTRE_OSTS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "ost %u %s\n", i,
                                 ost[i] ? "INACTIVE" : "ACTIVE");
    pthread_mutex_unlock(&lock);
    used += (size_t)snprintf(text + used, sizeof text - used, "recalls %u\n", hsm_recalls());
    size_t n = (size_t)offset < used ? used - (size_t)offset : 0;
    if (n > size)
        n = size;
    memcpy(out, text + offset, n);
    return (int)n;
}

int lab_get(const char *path, const char *name, char *out, size_t cap)
{
    char full[8192], attribute[300];
    ssize_t n;

    if (!path)
        return -ENODATA; /* an open file without a name */
    if (snprintf(full, sizeof full, "/proc/self/fd/%d/%s", faults_root, below(path)) >=
            (int)sizeof full ||
        snprintf(attribute, sizeof attribute, "trusted.lab.%s", name) >= (int)sizeof attribute)
        return -ENAMETOOLONG;
    n = lgetxattr(full, attribute, out, cap);
    return n < 0 ? -errno : (int)n;
}

/* Numbers "0,1" below `limit`; how many. */
static unsigned numbers(const char *path, const char *name, unsigned limit, unsigned *out)
{
    char text[64];
    unsigned count = 0;
    int n = lab_get(path, name, text, sizeof text - 1);

    if (n <= 0)
        return 0;
    text[n] = 0;
    for (char *at = text; *at && count < limit;) {
        unsigned long value = strtoul(at, &at, 10);
        if (value < limit)
            out[count++] = (unsigned)value;
        while (*at == ',')
            at++;
    }
    return count;
}

static unsigned stripe_of(const char *name, unsigned count)
{
    unsigned hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash % count;
}

/* The MDTs on which a path's own inode lies: one, or the stripes of a directory. */
static unsigned mdts_of(const char *path, unsigned out[LUSTRE_MDTS])
{
    char parent[4096];
    unsigned of_parent[LUSTRE_MDTS], count = numbers(path, "mdt", LUSTRE_MDTS, out);
    const char *slash = strrchr(path, '/');
    size_t len = slash > path ? (size_t)(slash - path) : 1;

    if (count > 0)
        return count;
    out[0] = 0;
    if (!slash || !slash[1] || len >= sizeof parent)
        return 1;
    memcpy(parent, path, len);
    parent[len] = 0;
    count = mdts_of(parent, of_parent);
    out[0] = of_parent[count > 1 ? stripe_of(slash + 1, count) : 0];
    return 1;
}

static enum state mdt_state(unsigned index)
{
    pthread_mutex_lock(&lock);
    enum state s = mdt[index];
    pthread_mutex_unlock(&lock);
    return s;
}

unsigned targets_osts(const char *path, const struct stat *st, unsigned osts[LUSTRE_OSTS])
{
    unsigned count = numbers(path, "ost", LUSTRE_OSTS, osts);

    if (count > 0)
        return count;
    osts[0] = (unsigned)(st->st_ino % LUSTRE_OSTS);
    return 1;
}

int targets_reach(const char *path)
{
    unsigned mdts[LUSTRE_MDTS], osts[LUSTRE_OSTS], count;
    struct stat st;
    int rc = 0;

    mdts_of(path, mdts);
    if (mdt_state(mdts[0]) != ACTIVE)
        return -ESHUTDOWN;
    if (fstatat(faults_root, below(path), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return 0;
    count = targets_osts(path, &st, osts);
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < count; i++)
        rc = ost[osts[i]] != ACTIVE ? -ESHUTDOWN : rc;
    pthread_mutex_unlock(&lock);
    return rc;
}

void targets_listing(const char *path, struct listing *l)
{
    bool all = true;

    l->count = mdts_of(path, l->mdt);
    l->loud = false;
    for (unsigned i = 0; i < l->count; i++) {
        all = all && mdt_state(l->mdt[i]) == ACTIVE;
        l->loud = l->loud || mdt_state(l->mdt[i]) == INACTIVE;
    }
    if (l->count < 2 || all)
        l->count = 0;
}

bool targets_lists(const struct listing *l, const char *name)
{
    if (l->count == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    return mdt_state(l->mdt[stripe_of(name, l->count)]) == ACTIVE;
}

bool targets_is_striped(const char *path)
{
    unsigned mdts[LUSTRE_MDTS];

    return numbers(path, "mdt", LUSTRE_MDTS, mdts) > 1;
}
