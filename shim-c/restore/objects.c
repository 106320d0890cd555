/* The kinds that are complete as soon as they are made: directories, symlinks, fifos, devices, sockets, hard links. */
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
    if (p->exists && S_ISDIR(p->st.st_mode))
        result = adopt_directory(r, p);
    else if (p->exists && !hpc_may_replace(r->replace, head, &p->st))
        result = HPC_BEGIN_SKIPPED;
    else
        result = new_directory(p);
    if (result)
        return result;
    struct hpc_attributes attributes;
    hpc_attributes_of(&attributes, head);
    return hpc_dirlist_add(&r->dirs, &attributes, r->path.data, r->path.len);
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
    if (!hpc_apply_to_name(p->parent, at, &attributes))
        r->stats.attributes_failed++;
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
