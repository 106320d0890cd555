/* The kinds that are complete as soon as they are made: directories, symlinks, fifos, devices, sockets, hard links. */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool hpc_may_replace(enum hpc_replace rule, const struct hpc_entry_head *head, const struct stat *existing)
{
    int64_t seconds = existing->st_mtim.tv_sec;
    int64_t nanoseconds = existing->st_mtim.tv_nsec;
    int newer = head->mtime_s != seconds ? (head->mtime_s > seconds ? 1 : -1)
                                         : (head->mtime_ns > nanoseconds) - (head->mtime_ns < nanoseconds);
    switch (rule) {
    case HPC_REPLACE_ALWAYS: return true;
    case HPC_REPLACE_NEWER: return newer > 0;
    case HPC_REPLACE_OLDER: return newer < 0;
    case HPC_REPLACE_NEVER: break;
    }
    return false;
}

void hpc_temp_name(struct hpc_restore *r, char out[40])
{
    snprintf(out, 40, ".podheitor-hpc.%016llx", (unsigned long long)r->temp_seed++);
}

/* An existing directory keeps what is in it; its attributes are ours unless the rule is `never`. */
static int adopt_directory(struct hpc_restore *r, const struct hpc_place *p)
{
    bool ours = hpc_is_placeholder(&p->st);
    if (!ours && r->replace == HPC_REPLACE_NEVER)
        return HPC_BEGIN_SKIPPED;
    mode_t mode = ours ? 0700 : (p->st.st_mode & 07777) | 0700;
    if (mode == (p->st.st_mode & 07777) || (!ours && geteuid() == 0))
        return 0;
    /* Somebody else's directory: whether we may write there shows when the children are made. */
    return fchmodat(p->parent, p->name, mode, AT_SYMLINK_NOFOLLOW) < 0 && ours ? -errno : 0;
}

static int new_directory(const struct hpc_place *p)
{
    if (p->exists && unlinkat(p->parent, p->name, 0) < 0)
        return -errno;
    if (mkdirat(p->parent, p->name, 0700) < 0)
        return -errno;
    struct stat st;
    /* A umask may take our own bits away; root would not notice, others would. */
    if (geteuid() == 0 || fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & 0700) == 0700)
        return 0;
    return fchmodat(p->parent, p->name, 0700, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int hpc_make_directory(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head)
{
    int result;
    enum hpc_todo_kind kind = HPC_TODO_CREATED;
    if (p->exists && S_ISDIR(p->st.st_mode)) {
        result = adopt_directory(r, p);
        if (!hpc_is_placeholder(&p->st))
            kind = HPC_TODO_ADOPTED;
    } else if (p->exists && !hpc_may_replace(r->replace, head, &p->st)) {
        result = HPC_BEGIN_SKIPPED;
    } else {
        result = new_directory(p);
    }
    if (result)
        return result;
    return hpc_finish_later(r, kind, head);
}

int hpc_finish_later(struct hpc_restore *r, enum hpc_todo_kind kind, const struct hpc_entry_head *head)
{
    struct hpc_todo todo = { .kind = kind, .path = r->path.data, .path_len = r->path.len };
    hpc_attributes_of(&todo.attributes, head);
    return hpc_dirlist_add(&r->dirs, &todo);
}

/* Moves a finished object from its temporary name over what is there. */
static int move_over(const struct hpc_place *p, const char *temp)
{
    if (renameat(p->parent, temp, p->parent, p->name) == 0)
        return 0;
    int err = -errno;
    unlinkat(p->parent, temp, 0);
    return err;
}

/* Takes the ACL away that a new object got from its directory. */
static bool strip_acl(struct hpc_restore *r, int parent, const char *name)
{
    static const struct hpc_block none = { .data = "", .strip_acl = true };
    struct hpc_target t = { .fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), .path_only = true, .path = r->path.data, .path_len = r->path.len };
    if (t.fd < 0)
        return hpc_took(r, &t, "mode", -errno);
    bool done = hpc_apply_block(r, &t, &none);
    close(t.fd);
    return done;
}

bool hpc_give_node_block(struct hpc_restore *r, const struct hpc_block *block)
{
    const struct hpc_entry_head *head = &r->last_head;
    const char *slash = strrchr(r->path.data, '/'), *name = slash ? slash + 1 : r->path.data;
    struct hpc_target t = { .path_only = true, .path = r->path.data, .path_len = r->path.len };
    t.fd = openat(r->last_parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (t.fd < 0)
        return hpc_took(r, &t, "xattrs", -errno);
    struct stat st;
    bool all;
    /* What somebody put in its place in the meantime gets nothing. */
    if (fstat(t.fd, &st) < 0 || (st.st_mode & S_IFMT) != (head->mode & S_IFMT) || st.st_nlink != 1 || (st.st_uid != head->uid && st.st_uid != geteuid()))
        all = hpc_took(r, &t, "xattrs", -ESTALE);
    else
        all = hpc_apply_block(r, &t, block) & hpc_apply_flags(r, &t, hpc_block_flags(block));
    close(t.fd);
    return all;
}

int hpc_make_node(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head, const char *target)
{
    if (p->exists && !hpc_may_replace(r->replace, head, &p->st))
        return HPC_BEGIN_SKIPPED;
    char temp[40];
    hpc_temp_name(r, temp);
    const char *at = p->exists ? temp : p->name;
    int made = S_ISLNK(head->mode) ? symlinkat(target, p->parent, at)
                                   : mknodat(p->parent, at, (head->mode & S_IFMT) | 0600, (dev_t)head->rdev);
    if (made < 0)
        return -errno;
    struct hpc_attributes attributes;
    hpc_attributes_of(&attributes, head);
    bool all = S_ISLNK(head->mode) || !hpc_has_default_acl(r, p->parent) || strip_acl(r, p->parent, at);
    struct hpc_target target_of = { .fd = p->parent, .name = at, .path = r->path.data, .path_len = r->path.len };
    all &= hpc_apply(r, &target_of, &attributes, NULL);
    r->last_counted = !all;
    r->stats.attributes_failed += !all;
    return p->exists ? move_over(p, temp) : 0;
}

int hpc_make_link(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head)
{
    if (hpc_group_has_failed(r, head->link_group))
        return -ENOENT;
    const struct hpc_bytes *leader = &r->leader;
    size_t dir_len = leader->len;
    while (dir_len && leader->data[dir_len - 1] != '/')
        dir_len--;
    const char *leader_name = leader->data + dir_len;
    int dir = hpc_tree_dir(&r->tree, &r->leaders, leader->data, dir_len ? dir_len - 1 : 0, NULL);
    if (dir < 0)
        return dir;
    struct stat st;
    if (fstatat(dir, leader_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (p->exists && p->st.st_dev == st.st_dev && p->st.st_ino == st.st_ino)
        return 0;  /* is that link already; renaming one name of an inode over another would do nothing */
    if (p->exists && !hpc_may_replace(r->replace, head, &p->st))
        return HPC_BEGIN_SKIPPED;
    char temp[40];
    hpc_temp_name(r, temp);
    if (linkat(dir, leader_name, p->parent, p->exists ? temp : p->name, 0) < 0)
        return -errno;
    return p->exists ? move_over(p, temp) : 0;
}
