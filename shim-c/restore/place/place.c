#include "place.h"
#include "../entry.h"
#include "name.h"
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int place_find(struct hpc_restore_entry *e)
{
    size_t dir_len = name_dir_length(e->path.data, e->path.len);
    struct dir *dir = e->parent;
    if (!dir || dir->path.len != dir_len || memcmp(dir->path.data, e->path.data, dir_len) != 0) {
        int err = way_get(e->job, e->path.data, dir_len, true, &dir);
        if (err)
            return err;
        dir_put(e->job, e->parent);
        e->parent = dir;
    }
    e->name = e->path.data + dir_len + (dir_len > 0);
    e->exists = fstatat(dir->fd, e->name, &e->st, AT_SYMLINK_NOFOLLOW) == 0;
    return e->exists || errno == ENOENT ? 0 : -errno;
}

int place_clear(struct hpc_restore_entry *e)
{
    if (!e->exists || !S_ISDIR(e->st.st_mode))
        return 0;
    if (unlinkat(e->parent->fd, e->name, AT_REMOVEDIR) < 0)
        return errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY ? -EISDIR : -errno;
    e->exists = false;
    return 0;
}
