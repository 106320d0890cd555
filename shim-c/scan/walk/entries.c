#include "entries.h"
#include "../../wire/digest.h"
#include "../../wire/hpc_entry.h"
#include "../core/backoff.h"
#include "../core/deque.h"
#include "../core/fds.h"
#include "../core/held.h"
#include "../core/node.h"
#include "../core/pace.h"
#include "../core/record.h"
#include "../core/root.h"
#include "../core/scan.h"
#include "../entry/content.h"
#include "../entry/flags.h"
#include "../entry/generation.h"
#include "../entry/mdts.h"
#include "../entry/object.h"
#include "../entry/xattr_block.h"
#include "../entry/xattrs.h"
#include "whole.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name in a directory; a root is name_len 0 and has no descriptor. */
struct name {
    struct node *dir;
    int dirfd;
    const char *text;
    size_t len;
    bool regular; /* as entries_visit() was told */
};

static int stat_name(struct worker *w, const struct name *n, struct statx *st)
{
    int64_t begin;
    int error;

    pace_wait(w);
    begin = backoff_begin(w);
    if (!n->len) {
        error = n->dir->path_fd < 0 ? root_find(w, n->dir) : 0;
        return error ? error : object_stat(n->dir->path_fd, st);
    }
    error = statx(n->dirfd, n->text, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, STAT_MASK, st) ? -errno
                                                                                           : 0;
    backoff_end(w, begin);
    return error;
}

/*
 * Where the last regular file was small enough to be read, the next one is opened before it is
 * stat-ed: its name is looked up once, and a filesystem behind a network is asked once. -1: not so,
 * or it cannot be opened, and stat_name() and content_read() say why.
 */
static int open_early(struct worker *w, const struct name *n)
{
    int fd;

    if (!n->regular || !w->small_before)
        return -1;
    pace_wait(w);
    fd = fds_open(w, n->dirfd, n->text, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    return fd < 0 ? -1 : fd;
}

static bool older(const struct hpc_scan_options *o, const struct statx *st)
{
    return o->since_s != INT64_MIN && st->stx_mtime.tv_sec < o->since_s &&
           st->stx_ctime.tv_sec < o->since_s;
}

/* What the job before could not see is not older than it. */
static bool unseen(const struct worker *w, const struct name *n)
{
    if (n->dir->whole == NOT_WHOLE)
        return false;
    return (n->len ? whole_child(w->scan, n->dir, n->text, n->len) : n->dir->whole) == WHOLE;
}

struct payload {
    struct xattrs xattrs;
    const char *link;
    size_t link_len;
    const uint8_t *content;
    size_t content_len;
    bool has_content;
    int64_t birth; /* or what stands for it */
    int error;
};

static void emit(struct worker *w, const struct name *n, const struct statx *st, uint64_t hash,
                 bool is_older, const struct payload *load)
{
    struct hpc_record_prefix p = { 0 };
    struct hpc_entry_head h;
    size_t content_len = load->has_content ? load->content_len : 0;
    size_t body = sizeof h + n->len + load->link_len + load->xattrs.len + content_len;
    size_t len = (sizeof p + body + 7) & ~(size_t)7;
    uint8_t *at = record_begin(w, n->dir, len);

    if (!at)
        return;
    p.record_len = (uint32_t)len;
    p.type = HPC_REC_ENTRY;
    p.error = load->error;
    p.xattr_error = (uint16_t)load->xattrs.error;
    p.xattr_len = (uint32_t)load->xattrs.len;
    p.content_len = load->has_content ? (uint32_t)content_len : HPC_CONTENT_NONE;
    p.ino_hash = hash;
    p.body_len = (uint32_t)body;
    p.birth = load->birth;
    object_fill_head(&h, n->len, st, is_older, load->link_len);
    memset(at + len - 8, 0, 8);
    memcpy(at, &p, sizeof p);
    at += sizeof p;
    memcpy(at, &h, sizeof h);
    at += sizeof h;
    memcpy(at, n->text, n->len);
    at += n->len;
    if (load->link_len)
        memcpy(at, load->link, load->link_len);
    at += load->link_len;
    if (load->xattrs.len)
        memcpy(at, w->xattr_block, load->xattrs.len);
    if (content_len)
        memcpy(at + load->xattrs.len, load->content, content_len);
    record_end(w, len);
    if (load->xattrs.error)
        scan_count(w, XATTR_FAILED, 1);
    scan_count(w, HANDED_OUT, 1);
    scan_count(w, CONTENT_BYTES, content_len);
}

/* Link target or content. False: the name no longer means what was stat-ed, look again. */
static bool load_payload(struct worker *w, const struct name *n, int fd, struct statx *st,
                         char *target, size_t target_cap, struct payload *load)
{
    uint32_t inline_bytes = w->scan->options.inline_bytes;

    if (S_ISLNK(st->stx_mode)) {
        ssize_t len = readlinkat(n->dirfd, n->text, target, target_cap);
        if (len < 0 && (errno == ENOENT || errno == EINVAL || errno == ESTALE))
            return false;
        if (len < 0) {
            load->error = errno;
        } else {
            load->link = target;
            load->link_len = (size_t)len;
        }
        return true;
    }
    if (!S_ISREG(st->stx_mode) || !inline_bytes)
        return true;
    w->small_before = st->stx_size > 0 && st->stx_size <= inline_bytes;
    if (st->stx_size > inline_bytes)
        return true;
    if (st->stx_size > 0) {
        int r = fd >= 0 ? content_read_opened(w, fd, st, &load->content_len, &load->xattrs)
                        : content_read(w, n->len ? NULL : n->dir, n->dirfd, n->text, st,
                                       &load->content_len, &load->xattrs);
        if (r == CONTENT_CHANGED)
            return false;
        if (r == CONTENT_LEFT)
            return true;
        if (r < 0) {
            load->error = -r;
            return true;
        }
        load->content = w->content;
    }
    load->has_content = true; /* an empty file needs no open */
    return true;
}

/* Of a root, and of what is mounted on a name, the directory does not say on which filesystem it
 * is. O_PATH: nothing is mounted by it, and no server is asked. */
static void begin_xattrs(struct worker *w, const struct name *n, int fd, const struct statx *st,
                         struct xattrs *x)
{
    bool crosses = !n->len || object_dev(st) != n->dir->dev;
    bool ask = x->wanted && flags_project_wanted(w, n->dir, st);
    struct reach r = {
        .fd = fd, .path_fd = -1, .dirfd = crosses ? -1 : n->dirfd, .name = n->text, .ask = ask
    };

    if (fd < 0 && (ask || (crosses && x->wanted && flags_are_worth_a_path(w, st)))) {
        pace_wait(w);
        r.path_fd = n->len ? fds_open(w, n->dirfd, n->text, O_PATH | O_NOFOLLOW) : n->dir->path_fd;
    }
    xattrs_begin(w, x, &r, st);
    if (n->len && r.path_fd >= 0)
        fds_close(w->scan, r.path_fd);
}

/* False: look again. */
static bool load_all(struct worker *w, const struct name *n, int fd, struct statx *st,
                     bool is_older, char *target, size_t target_cap, struct payload *load)
{
    /* what is older may be wanted after all: it keeps its link target, and for the rest it is asked
     * again then */
    if (is_older)
        load->xattrs.wanted = false;
    begin_xattrs(w, n, fd, st, &load->xattrs);
    if (!(is_older && S_ISREG(st->stx_mode)) &&
        !load_payload(w, n, fd, st, target, target_cap, load))
        return false;
    if (fd >= 0)
        xattrs_of_fd(w, &load->xattrs, fd, st);
    if (n->len)
        return xattrs_of_name(w, &load->xattrs, n->dirfd, n->text, st);
    xattrs_of_held(w, &load->xattrs, n->dir->path_fd, st);
    return true;
}

/* The consumer opens it later, and must know it again. */
static bool is_left(const struct worker *w, const struct name *n, const struct statx *st,
                    bool is_older, const struct payload *load)
{
    return S_ISREG(st->stx_mode) && st->stx_size > 0 && !load->has_content && !load->error &&
           !is_older && n->len && w->scan->options.inline_bytes;
}

/* fd: what was opened early, or -1. True: all is said, st->stx_mode is 0 where it cannot be
 * stat-ed. False, and never at the last look: look again. */
static bool look_once(struct worker *w, const struct name *n, int fd, bool last, struct statx *st)
{
    const struct hpc_scan_options *o = &w->scan->options;
    struct payload load = { .xattrs.wanted = o->flags & HPC_SCAN_XATTRS };
    char target[4097]; /* PATH_MAX is the longest target that Linux stores */
    uint64_t hash;
    bool is_older;
    int error = fd >= 0 ? object_stat(fd, st) : stat_name(w, n, st);

    if (!last &&
        (error == -ESTALE || (fd >= 0 && !error && (!S_ISREG(st->stx_mode) || !st->stx_nlink))))
        return false; /* no longer what readdir said, or removed since */
    if (error) {
        st->stx_mode = 0;
        if (n->len && (error == -ENOENT || error == -ENOTDIR))
            scan_count(w, VANISHED, 1);
        else
            record_error(w, n->dir, -error, HPC_OP_STAT, n->text, n->len);
        return true;
    }
    hash = hpc_xxh3_u64(st->stx_ino);
    is_older = older(o, st) && !unseen(w, n);
    if (scan_other_shard(w->scan, hash)) {
        scan_count(w, FILTERED_SHARD, 1);
    } else if (is_older && !(o->flags & HPC_SCAN_KEEP_OLDER)) {
        scan_count(w, FILTERED_OLDER, 1);
    } else {
        if (!load_all(w, n, fd, st, is_older, target, sizeof target, &load)) {
            if (!last)
                return false;
            load = (struct payload){ .error = ESTALE };
        }
        load.birth = object_birth(st);
        if (!load.birth && is_left(w, n, st, is_older, &load))
            load.birth = generation_read(w, n->dirfd, n->text, fd, st);
        emit(w, n, st, hash, is_older, &load);
        xattr_block_end(w);
    }
    return true;
}

/* True: a directory. */
static bool look(struct worker *w, const struct name *n, struct statx *st)
{
    bool said = false;

    for (int looks = 1; !said; looks++) {
        int fd = looks == 1 ? open_early(w, n) : -1;

        said = look_once(w, n, fd, looks >= LOOKS_MAX, st);
        if (fd >= 0)
            fds_close(w->scan, fd);
    }
    return S_ISDIR(st->stx_mode);
}

void entries_visit(struct worker *w, struct node *dir, int dirfd, const char *name, size_t name_len,
                   bool regular)
{
    const struct name n = { dir, dirfd, name, name_len, regular };
    struct statx st;
    struct node *child;

    if (!look(w, &n, &st))
        return;
    if ((size_t)dir->path_len + 1 + name_len > HPC_SCAN_MAX_PATH) {
        record_error(w, dir, ENAMETOOLONG, HPC_OP_OPENDIR, name, name_len);
        return;
    }
    if (w->scan->options.flags & HPC_SCAN_ONE_FILESYSTEM && object_dev(&st) != dir->dev) {
        scan_count(w, DIRS_PRUNED_FILESYSTEM, 1);
        return;
    }
    child = node_new(w, dir, name, name_len);
    if (!child) {
        scan_fail(w, ENOMEM);
        return;
    }
    child->dev = object_dev(&st);
    child->root_device = dir->root_device && child->dev == dir->dev;
    child->ino = st.stx_ino;
    child->birth = object_birth(&st);
    child->item.kind = ITEM_DIR;
    child->whole = whole_child(w->scan, dir, name, name_len);
    if (dir->held) {
        held_get(dir);
        child->holds_parent_fd = true;
    }
    deque_push_dir(w, child);
}

/* Its own entry is handed out before it is opened to be listed. */
static void ask_mdts_of_root(struct worker *w, struct node *root)
{
    int fd = root_find(w, root); /* what is wrong with it the look at it will say */

    if (!fd)
        fd = root_open(w, root, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOATIME);
    if (fd < 0)
        return;
    mdts_ask(w, root, fd);
    fds_close(w->scan, fd);
}

bool entries_visit_root(struct worker *w, struct node *root)
{
    const struct name n = { root, -1, "", 0, false };
    struct statx st;

    scan_count(w, SCANNED, 1);
    if (w->scan->options.flags & HPC_SCAN_MDTS)
        ask_mdts_of_root(w, root);
    if (!look(w, &n, &st)) {
        root_drop(w, root);
        return false;
    }
    root->dev = object_dev(&st);
    root->root_device = true;
    root->ino = st.stx_ino;
    root->birth = object_birth(&st);
    return true;
}
