#include "trust.h"
#include "../core/node.h"
#include "../core/scan.h"
#include "../entry/object.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static bool listed(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs))
        return false;
    switch ((uint32_t)fs.f_type) {
    case 0x0000EF53: /* ext2, ext3, ext4 */
    case 0x58465342: /* xfs */
    case 0x01021994: /* tmpfs */
    case 0x0BD00BD0: /* lustre client */ return true;
    default: return false;
    }
}

/* Octal escapes of mountinfo: \040 and the like. */
static void unescape(char *path)
{
    char *out = path;

    for (const char *in = path; *in;) {
        if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
            in[3] >= '0' && in[3] <= '7') {
            *out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 4;
        } else {
            *out++ = *in++;
        }
    }
    *out = 0;
}

static bool add_parent(struct mount_parents *m, char *mount_point)
{
    struct statx st;
    char *slash = strrchr(mount_point, '/');
    void *more;

    if (!slash)
        return true;
    slash[slash == mount_point ? 1 : 0] = 0;
    if (statx(AT_FDCWD, mount_point, AT_NO_AUTOMOUNT, STATX_INO, &st))
        return true; /* not reachable by us, so not scanned either */
    more = realloc(m->at, (m->count + 1) * sizeof *m->at);
    if (!more)
        return false;
    m->at = more;
    m->at[m->count].dev = object_dev(&st);
    m->at[m->count++].ino = st.stx_ino;
    return true;
}

/*
 * A bind mount can cover a file; its "root" field (the fourth) is not "/". So can FUSE, whose root
 * may be a file. Directories are stat-ed anyway, and the parents of others are not looked up: a
 * server that is dead would hold us there. False: not all mounts are known (no /proc, no memory),
 * so there is no telling where something is mounted.
 */
static bool read_mounts(struct mount_parents *m)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t cap = 0;
    bool all = true;

    if (!f)
        return false;
    while (getline(&line, &cap, f) > 0) {
        bool fuse = strstr(line, " - fuse"); /* behind the separator; blanks in names are escaped */
        char *save, *field = strtok_r(line, " ", &save), *root = NULL;
        for (int i = 1; field && i < 5; i++) {
            field = strtok_r(NULL, " ", &save);
            if (i == 3)
                root = field;
        }
        if (!field || !root || (!strcmp(root, "/") && !fuse))
            continue;
        unescape(field);
        all = add_parent(m, field) && all;
    }
    all = feof(f) && all;
    free(line);
    fclose(f);
    return all;
}

static bool may_have_mounts(struct mount_parents *m, const struct node *dir)
{
    bool found;

    pthread_mutex_lock(&m->lock);
    if (!m->looked) {
        m->complete = read_mounts(m);
        m->looked = true;
    }
    found = !m->complete;
    for (size_t i = 0; i < m->count && !found; i++)
        found = m->at[i].dev == dir->dev && m->at[i].ino == dir->ino;
    pthread_mutex_unlock(&m->lock);
    return found;
}

bool trust_d_ino(struct worker *w, const struct node *dir, int dirfd)
{
    if (w->scan->options.shard_count < 2)
        return false;
    if (!w->trust_known || w->trust_dev != dir->dev) {
        w->trust = listed(dirfd);
        w->trust_dev = dir->dev;
        w->trust_known = true;
    }
    return w->trust && !may_have_mounts(&w->scan->mounts, dir);
}
