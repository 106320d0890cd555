#include "leader.h"
#include "entry.h"
#include "place/name.h"
#include "place/way.h"
#include "store/spool.h"
#include "store/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEADERS UINT64_MAX /* space of their keys; records use the place of their parent */

bool leader_may_be(const struct hpc_entry_head *head)
{
    return !(head->flags & HPC_ENTRY_LINK) && !S_ISDIR(head->mode) &&
           (head->nlink > 1 || head->link_group || head->flags & HPC_ENTRY_LEADER);
}

/* r->lock is held. */
static int write_leader(struct hpc_restore *r, const struct bytes *path,
                        const struct leader *leader)
{
    struct key key = table_key(r->secret, LEADERS, path->data, path->len);
    uint64_t at;
    int err = table_get(&r->leaders, &r->spool, &key, &at);
    if (err || at)
        return err ? err : spool_write(&r->spool, leader, sizeof *leader, at);
    err = spool_append(&r->spool, leader, sizeof *leader, &at);
    return err ? err : table_put(&r->leaders, &r->spool, &key, at);
}

int leader_note(struct hpc_restore *r, const struct bytes *path, enum leader_state state,
                const struct identity *id)
{
    struct leader leader = { .state = state };
    if (id)
        leader.id = *id;
    pthread_mutex_lock(&r->lock);
    int err = write_leader(r, path, &leader);
    pthread_mutex_unlock(&r->lock);
    return err;
}

int leader_read(struct hpc_restore *r, const struct bytes *path, struct leader *out)
{
    struct key key = table_key(r->secret, LEADERS, path->data, path->len);
    uint64_t at;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&r->lock);
    int err = table_get(&r->leaders, &r->spool, &key, &at);
    if (!err && at)
        err = spool_read(&r->spool, out, sizeof *out, at);
    pthread_mutex_unlock(&r->lock);
    return err;
}

/* ---- stashes: each is a path, and the place of the one before ---- */

struct stash {
    uint64_t before;
    uint64_t len; /* the path follows */
};

int leader_stash(struct hpc_restore_entry *e, const struct identity *id)
{
    struct hpc_restore *r = e->job;
    struct bytes path = { 0 };
    struct leader leader = { .state = LEADER_MADE, .id = *id };
    size_t dir_len = name_dir_length(e->path.data, e->path.len), name_len = strlen(e->temp);
    int err = bytes_reserve(&path, dir_len + name_len + 2);
    if (err)
        return err;
    memcpy(path.data, e->path.data, dir_len);
    path.data[dir_len] = '/';
    path.len = dir_len + (dir_len > 0);
    memcpy(path.data + path.len, e->temp, name_len);
    path.len += name_len;
    uint64_t at;
    pthread_mutex_lock(&r->lock);
    struct stash stash = { .before = r->last_stash, .len = path.len };
    err = spool_append(&r->spool, &stash, sizeof stash, &at);
    if (!err)
        err = spool_append(&r->spool, path.data, path.len, &leader.path);
    leader.path_len = (uint32_t)path.len;
    if (!err)
        r->last_stash = at;
    if (!err)
        err = write_leader(r, &e->path, &leader);
    pthread_mutex_unlock(&r->lock);
    free(path.data);
    return err;
}

void leader_remove_stashes(struct hpc_restore *r)
{
    struct bytes path = { 0 };
    struct stash stash;
    for (uint64_t at = r->last_stash; at; at = stash.before) {
        struct dir *dir;
        if (spool_read(&r->spool, &stash, sizeof stash, at) < 0 ||
            bytes_reserve(&path, stash.len + 1) < 0 ||
            spool_read(&r->spool, path.data, stash.len, at + sizeof stash) < 0)
            break;
        path.data[stash.len] = 0;
        size_t dir_len = name_dir_length(path.data, stash.len);
        if (way_get(r, path.data, dir_len, false, &dir) < 0)
            continue;
        unlinkat(dir->fd, path.data + dir_len + (dir_len > 0), 0);
        dir_put(r, dir);
    }
    r->last_stash = 0;
    free(path.data);
}
