#include "dirs.h"
#include "../../wire/digest.h"
#include "../core/deque.h"
#include "../core/fds.h"
#include "../core/held.h"
#include "../core/node.h"
#include "../core/pace.h"
#include "../core/record.h"
#include "../core/root.h"
#include "../core/scan.h"
#include "../entry/ahead.h"
#include "../entry/flags.h"
#include "../entry/mdts.h"
#include "../entry/object.h"
#include "entries.h"
#include "exclude.h"
#include "markers.h"
#include "nested.h"
#include "trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct linux_dirent64 of getdents64(2) */
struct dirent_head {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

struct chunk {
    struct item item;
    struct node *dir; /* referenced; one of its fd_users is ours */
    uint32_t len, names;
    _Alignas(8) char dirents[];
};

#ifndef STATX_ATTR_MOUNT_ROOT /* Linux 5.8 */
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#define DIRENT_MAX 280u /* the largest: 19 bytes, 255 of name, NUL, padding */

static const struct dirent_head *dirent_at(const char *buf, size_t at)
{
    return (const struct dirent_head *)(const void *)(buf + at);
}

static bool dot_or_dotdot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Asks what it is only where that decides and readdir did not tell. */
static bool excluded(struct worker *w, const struct node *dir, int fd, const struct dirent_head *d)
{
    enum is_dir is_dir = d->type == DT_DIR ? IS_DIR : d->type == DT_UNKNOWN ? MAYBE_DIR : NOT_DIR;
    size_t len = strlen(d->name);
    enum verdict verdict = exclude_matches(w, dir, d->name, len, is_dir);
    struct stat st;

    if (verdict != DEPENDS)
        return verdict == EXCLUDED;
    if (fstatat(fd, d->name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
        return false; /* entries_visit() says why */
    return exclude_matches(w, dir, d->name, len, S_ISDIR(st.st_mode) ? IS_DIR : NOT_DIR) ==
           EXCLUDED;
}

/* What a name is counted as that is left out for what readdir says of it; COUNTERS: it is not. */
static enum counter left_out(struct worker *w, const struct node *dir, int fd,
                             const struct dirent_head *d, bool trusted)
{
    if (excluded(w, dir, fd, d))
        return FILTERED_EXCLUDED;
    if (trusted && d->type != DT_DIR && d->type != DT_UNKNOWN &&
        scan_other_shard(w->scan, hpc_xxh3_u64(d->ino)))
        return FILTERED_SHARD;
    return COUNTERS;
}

/* How far the names of a listing were asked for ahead, and how many that could be are not yet
 * visited. */
struct ahead {
    size_t to;
    uint32_t files;
};

static void look_ahead(struct worker *w, struct ahead *a, const struct node *dir, int fd,
                       const char *buf, size_t at, size_t len, bool trusted)
{
    if (a->to < at)
        a->to = at;
    while (a->files < AHEAD_FILES && a->to < len && w->ahead_names > 0) {
        const struct dirent_head *d = dirent_at(buf, a->to);

        a->to += d->reclen;
        if (d->type == DT_REG && !(w->scan->nested && nested_is_root(w->scan, dir, d->name)) &&
            left_out(w, dir, fd, d, trusted) == COUNTERS)
            a->files += ahead_ask(w, fd, d->name);
    }
}

static void visit_names(struct worker *w, struct node *dir, int fd, const char *buf, size_t len)
{
    const struct hpc_scan_options *o = &w->scan->options;
    bool trusted = trust_d_ino(w, dir, fd);
    /* whether what readdir calls a regular file is one of ours, and never older */
    bool wanted = o->inline_bytes && o->since_s == INT64_MIN && (o->shard_count <= 1 || trusted);
    bool asking = wanted && dir->root_device &&
                  !atomic_load(
                      &w->scan->pace.rate); /* what is mounted below the root may be a network's */
    struct ahead ahead = { 0 };

    for (size_t at = 0; at < len && !scan_stopped(w->scan);) {
        const struct dirent_head *d = dirent_at(buf, at);
        bool regular = wanted && d->type == DT_REG;
        enum counter out;

        if (asking && w->ahead_names > 0 && w->small_before)
            look_ahead(w, &ahead, dir, fd, buf, at, len, trusted);
        at += d->reclen;
        if (dot_or_dotdot(d->name) || (w->scan->nested && nested_is_root(w->scan, dir, d->name)))
            continue;
        scan_count(w, SCANNED, 1);
        out = left_out(w, dir, fd, d, trusted);
        if (out != COUNTERS) {
            scan_count(w, out, 1);
            continue;
        }
        if (regular && at <= ahead.to && ahead.files > 0)
            ahead.files--;
        entries_visit(w, dir, fd, d->name, strlen(d->name), regular);
    }
}

static void push_chunk(struct worker *w, struct node *dir, const char *from, size_t len,
                       uint32_t names)
{
    struct chunk *c = malloc(sizeof *c + len);

    if (!c) { /* no memory to share the work: do it here */
        visit_names(w, dir, dir->fd, from, len);
        return;
    }
    c->item.kind = ITEM_CHUNK;
    c->dir = dir;
    c->len = (uint32_t)len;
    c->names = names;
    memcpy(c->dirents, from, len);
    node_get(dir);
    held_get(dir);
    atomic_fetch_add(&w->scan->backlog, names);
    deque_push(w, &c->item);
}

/* The first piece is done here, the others are there for idle threads; pushed last to first, so
 * that we go on in order. */
static void split_names(struct worker *w, struct node *dir, const char *buf, size_t len)
{
    size_t starts[DIRENT_BYTES / 24 / CHUNK_NAMES + 2]; /* a dirent has at least 24 bytes */
    size_t pieces = 0;
    uint32_t names = 0, last = 0;

    for (size_t at = 0; at < len; at += dirent_at(buf, at)->reclen, names++)
        if (names % CHUNK_NAMES == 0)
            starts[pieces++] = at;
    last = names % CHUNK_NAMES ? names % CHUNK_NAMES : CHUNK_NAMES;
    for (size_t i = pieces; i-- > 1;) {
        size_t end = i + 1 < pieces ? starts[i + 1] : len;
        push_chunk(w, dir, buf + starts[i], end - starts[i], i + 1 < pieces ? CHUNK_NAMES : last);
    }
    visit_names(w, dir, dir->fd, buf, pieces > 1 ? starts[1] : len);
}

/* Fills the buffer as far as it goes, so that the end of an ordinary directory is seen in the same
 * step. */
static size_t fill(struct worker *w, int fd, size_t cap, bool *end, int *error)
{
    size_t have = 0;

    *end = false;
    *error = 0;
    while (cap - have >= DIRENT_MAX && !scan_stopped(w->scan)) {
        long n = syscall(SYS_getdents64, fd, w->dirents + have, cap - have);

        if (n > 0) {
            have += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EINVAL && have > 0)
            break; /* the next name does not fit into what is left */
        if (n < 0)
            *error = errno;
        else
            *end = true;
        break;
    }
    return have;
}

static int64_t last_offset(const char *buf, size_t len)
{
    int64_t off = 0;

    for (size_t at = 0; at < len; at += dirent_at(buf, at)->reclen)
        off = dirent_at(buf, at)->off;
    return off;
}

static void let_go(struct worker *w, struct node *dir)
{
    if (dir->held)
        held_put(w, dir);
    node_put(dir);
}

static void push_stream(struct worker *w, struct node *dir, int64_t resume)
{
    node_get(dir);
    if (dir->held)
        held_get(dir);
    dir->resume = resume;
    dir->item.kind = ITEM_STREAM;
    deque_push(w, &dir->item);
}

/*
 * One step of a listing. What remains is pushed before the names are looked at: it then lies below
 * all that they bring, and is taken up again only when that is done (or by a thread that has
 * nothing else to do). Consumes one reference.
 */
static void list(struct worker *w, struct node *dir, int fd)
{
    struct scan *s = w->scan;
    bool serial = s->options.flags & HPC_SCAN_SERIAL_DIRS;
    bool end, later;

    do {
        int error;
        size_t len;

        pace_pause(w);
        len = fill(w, fd, scan_pressed(s) ? DIRENT_BYTES_PRESSED : DIRENT_BYTES, &end, &error);
        /* a thread that keeps a directory to itself goes on at once, unless too much has piled up
         */
        later = !end && !error && (!serial || !dir->held || scan_pressed(s)) && !scan_stopped(s);
        if (later)
            push_stream(w, dir, last_offset(w->dirents, len));
        if (dir->held && !serial)
            split_names(w, dir, w->dirents, len);
        else
            visit_names(w, dir, fd, w->dirents, len);
        if (error == ENOENT) { /* removed while we read it */
            scan_count(w, DIRS_VANISHED, 1);
            break;
        }
        if (error) {
            held_incomplete(w, dir, error);
            break;
        }
        if (end && !atomic_load_explicit(&dir->incomplete, memory_order_relaxed)) {
            scan_count(w, DIRS_LISTED, 1);
            atomic_store_explicit(&dir->listed, true, memory_order_relaxed);
        }
    } while (!end && !later && !scan_stopped(s));
    let_go(w, dir);
}

static void not_opened(struct worker *w, struct node *dir, int error, enum hpc_scan_op op)
{
    if (error == ENOENT || error == ENOTDIR || error == ELOOP)
        scan_count(w, DIRS_VANISHED, 1);
    else
        record_error(w, dir, error, op, NULL, 0);
    node_put(dir);
}

/*
 * Users of the tree may have exchanged it since it was looked at: what is in another directory must
 * not be saved below the attributes of this one. What was mounted on it meanwhile (opening it may
 * do that) is no exchange.
 */
static int check_opened(struct node *dir, int fd)
{
    struct statx st;
    int error = object_stat(fd, &st);
    uint64_t dev, known;
    int64_t birth;

    if (error)
        return error;
    dev = object_dev(&st);
    birth = object_birth(&st);
    if (dev == dir->dev && st.stx_ino == dir->ino && (!birth || !dir->birth || birth == dir->birth))
        return 0;
    known = st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT;
    if (known ? !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) : dev == dir->dev)
        return -ESTALE;
    dir->root_device = dir->root_device && dev == dir->dev;
    dir->dev = dev;
    dir->ino = st.stx_ino;
    dir->birth = birth;
    return 0;
}

static void open_and_list(struct worker *w, struct node *dir)
{
    struct scan *s = w->scan;
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME;
    int fd, at, error;

    pace_wait(w);
    if (!dir->parent) {
        fd = root_open(w, dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOATIME);
        root_keep(w, dir);
    } else {
        at = dir->holds_parent_fd ? dir->parent->fd : held_reopen(w, dir->parent);
        fd = at < 0 ? at : fds_open(w, at, dir->name, flags);
    }
    if (dir->holds_parent_fd) {
        dir->holds_parent_fd = false;
        held_put(w, dir->parent);
    }
    if (fd < 0) {
        not_opened(w, dir, -fd, HPC_OP_OPENDIR);
        return;
    }
    error = check_opened(dir, fd);
    if (error) {
        fds_close(s, fd);
        not_opened(w, dir, -error, HPC_OP_OPENDIR);
        return;
    }
    if (dir->parent && s->options.flags & HPC_SCAN_ONE_FILESYSTEM && dir->dev != dir->parent->dev) {
        scan_count(w, DIRS_PRUNED_FILESYSTEM, 1);
        fds_close(s, fd);
        node_put(dir);
        return;
    }
    if (markers_found(s->markers, fd)) {
        scan_count(w, DIRS_PRUNED_MARKER, 1);
        fds_close(s, fd);
        node_put(dir);
        return;
    }
    if (s->options.flags & HPC_SCAN_MDTS)
        mdts_ask(w, dir, fd);
    dir->project = s->options.flags & HPC_SCAN_PROJECTS && flags_has_project(fd);
    if (!held_keep(s, dir, fd))
        held_cache(w, dir, fd);
    list(w, dir, fd);
}

static void list_on(struct worker *w, struct node *dir)
{
    int fd = dir->fd;

    if (!dir->held) {
        fd = held_reopen(w, dir);
        if (fd >= 0 && lseek(fd, dir->resume, SEEK_SET) < 0)
            fd = -errno;
        if (fd < 0) {
            not_opened(w, dir, -fd, HPC_OP_READDIR);
            return;
        }
    }
    list(w, dir, fd);
}

static void run_chunk(struct worker *w, struct chunk *c)
{
    struct node *dir = c->dir;

    visit_names(w, dir, dir->fd, c->dirents, c->len);
    atomic_fetch_sub(&w->scan->backlog, c->names);
    free(c);
    held_put(w, dir);
    node_put(dir);
}

void dirs_run(struct worker *w, struct item *item)
{
    struct scan *s = w->scan;

    pace_pause(w);
    switch (item->kind) {
    case ITEM_ROOT:
        if (entries_visit_root(w, (struct node *)item))
            open_and_list(w, (struct node *)item);
        else
            node_put((struct node *)item);
        break;
    case ITEM_DIR:
        atomic_fetch_sub(&s->pending, 1);
        atomic_fetch_sub(&s->backlog, 1);
        open_and_list(w, (struct node *)item);
        break;
    case ITEM_STREAM: list_on(w, (struct node *)item); break;
    case ITEM_CHUNK: run_chunk(w, (struct chunk *)item); break;
    }
}

/* An item that nobody worked on, because the scan was stopped. */
void dirs_drop(struct worker *w, struct item *item)
{
    struct node *dir = (struct node *)item;

    if (item->kind == ITEM_CHUNK) {
        struct chunk *c = (struct chunk *)item;
        dir = c->dir;
        held_put(w, dir);
        free(c);
    } else if (item->kind == ITEM_STREAM) {
        if (dir->held)
            held_put(w, dir);
    } else if (dir->holds_parent_fd) {
        held_put(w, dir->parent);
    }
    node_put(dir);
}
