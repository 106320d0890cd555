/*
 * Files that the scan left to its consumer are opened here, later, in threads of their own: below a
 * directory that is held, following no symlink, and nothing is read before the object is known to
 * be the one that was seen. Requests wait in a list; the consumer keeps it short. Answers go
 * through a pipe, each in one piece.
 */
#include "../../path/hpc_base.h"
#include "../../path/hpc_path.h"
#include "../../wire/hpc_entry.h"
#include "../core/scan.h"
#include "../entry/generation.h"
#include "../entry/hsm.h"
#include "../entry/object.h"
#include "../entry/xattr_block.h"
#include "../entry/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      UINT64_C(0x736e65706f637068)
/* Holes that are looked for first; a file that has more is asked once more, for as many as a record
 * may hold. */
#define HOLES_FEW  256u
#define HOLES_MAX  32768u
#define HOLE_BYTES 16u

struct ask {
    struct ask *next;
    struct hpc_open_request r;
    char path[]; /* ends in NUL */
};

struct openers {
    uint64_t magic;
    pthread_mutex_t lock, write_lock;
    pthread_cond_t work;
    struct ask *first, *last;
    bool stop;
    uint32_t users; /* threads, and the handle */
    int answers;    /* to be written to */
    int64_t min_hole;
    struct scan *scan; /* of no roots: what reading attributes needs, a worker for each thread */
    uint32_t begun;
};

struct found { /* what an answer is made of */
    struct statx st;
    struct xattrs xattrs;
    bool changed;
    uint8_t *holes;
    int64_t hole_count;
};

/* Where an object is: its directory and its name in it; or, of a root, its own path. */
struct place {
    int dir;
    bool own_dir;
    const char *text;
    char name[HPC_PATH_NAME];
};

static int find_place(const struct ask *a, struct place *p)
{
    *p = (struct place){ .dir = -1, .text = a->path };
    if (a->r.dir < 0)
        return 0;
    p->text = p->name;
    p->dir = hpc_path_parent(a->r.dir, a->path, a->r.path_len, p->name);
    p->own_dir = p->dir >= 0;
    return p->dir < 0 ? p->dir : 0;
}

static int hold(const struct ask *a, const struct place *p)
{
    int fd;

    if (p->dir < 0)
        return hpc_base_open(a->path, HPC_BASE_ANY, NULL);
    fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The same object: its kind, inode and, where that is known, birth. Its number alone may be
 * another's by now; a generation is asked for when it is open. */
static int compare(const struct hpc_open_request *r, struct found *f)
{
    const struct statx *st = &f->st;
    int64_t birth = object_birth(st);

    if (st->stx_ino != r->ino || object_dev(st) != r->dev || (st->stx_mode ^ r->mode) & S_IFMT ||
        (birth && r->birth && birth != r->birth))
        return -ESTALE;
    f->changed = st->stx_size != r->size || st->stx_ctime.tv_sec != r->ctime_s ||
                 st->stx_ctime.tv_nsec != r->ctime_ns || st->stx_mode != r->mode;
    return 0;
}

/* A file with more holes than a record may hold: the longest. */
static int find_holes(const struct openers *o, int fd, struct found *f)
{
    uint32_t cap = HOLES_FEW;
    int64_t min_hole = o->min_hole;

    if (f->st.stx_blocks * 512 >= f->st.stx_size)
        return 0;
    for (;;) {
        uint8_t *room = realloc(f->holes, cap * HOLE_BYTES);

        if (!room)
            return -ENOMEM;
        f->holes = room;
        f->hole_count = hpc_holes(fd, (int64_t)f->st.stx_size, min_hole, f->holes,
                                  cap * HOLE_BYTES);
        if (f->hole_count != -E2BIG)
            break;
        min_hole = cap == HOLES_MAX ? min_hole * 2 : min_hole;
        cap = HOLES_MAX;
    }
    return f->hole_count < 0 ? (int)f->hole_count : 0;
}

static void read_xattrs(struct worker *w, const struct ask *a, const struct place *p, int path_fd,
                        int fd, struct found *f)
{
    struct reach r = { .fd = fd, .path_fd = path_fd, .dirfd = -1, .name = p->text };

    r.ask = a->r.flags & HPC_OPEN_PROJECT && (S_ISREG(f->st.stx_mode) || S_ISDIR(f->st.stx_mode));

    f->xattrs.wanted = true;
    xattrs_begin(w, &f->xattrs, &r, &f->st);
    if (fd >= 0)
        xattrs_of_fd(w, &f->xattrs, fd, &f->st);
    else if (p->dir < 0)
        xattrs_of_held(w, &f->xattrs, path_fd, &f->st);
    else if (!xattrs_of_name(w, &f->xattrs, p->dir, p->text, &f->st))
        f->xattrs.error = ESTALE;
}

/* path_fd holds it. Returns a descriptor to read from, -1 where none is wanted, or -errno otherwise
 * in *error. */
static int look_closer(struct openers *o, struct worker *w, const struct ask *a,
                       const struct place *p, int path_fd, struct found *f, int *error)
{
    const int flags = O_RDONLY | O_NOCTTY | O_NOATIME;
    struct stat st = { 0 };
    int fd = -1;

    *error = object_stat(path_fd, &f->st);
    if (!*error)
        *error = compare(&a->r, f);
    if (*error)
        return -1;
    if (a->r.flags & HPC_OPEN_CONTENT) {
        if (!S_ISREG(f->st.stx_mode)) {
            *error = -ESTALE;
            return -1;
        }
        if (fstat(path_fd, &st)) {
            *error = -errno;
            return -1;
        }
        fd = hpc_path_reopen(path_fd, p->dir, p->dir < 0 ? NULL : p->name, flags, &st);
        if (fd < 0) {
            *error = fd;
            return -1;
        }
        /* from here on the descriptor says what it is: waiting for a lease may have taken long */
        *error = object_stat(fd, &f->st);
        if (!*error)
            *error = compare(&a->r, f);
        if (!*error && a->r.birth < 0 && !object_birth(&f->st) && generation_of(fd) != a->r.birth)
            *error = -ESTALE;
        if (!*error && a->r.flags & HPC_OPEN_SKIP_RELEASED && hsm_left_in_archive(fd, &f->st))
            *error = -EREMOTE;
        if (!*error && a->r.flags & HPC_OPEN_HOLES)
            *error = find_holes(o, fd, f);
    }
    if (!*error &&
        (a->r.flags & HPC_OPEN_XATTRS || (f->changed && a->r.flags & HPC_OPEN_XATTRS_NEW)))
        read_xattrs(w, a, p, path_fd, fd, f);
    if (*error && fd >= 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void answer(struct openers *o, struct worker *w, const struct ask *a, const struct found *f,
                   int fd, int error)
{
    size_t holes = error || !f->holes ? 0 : (size_t)f->hole_count * HOLE_BYTES,
           xattrs = error ? 0 : f->xattrs.len;
    struct hpc_open_answer out = {
        .id = a->r.id, .error = -error, .fd = fd, .changed = f->changed
    };
    struct hpc_entry_head head;
    bool sent;

    _Static_assert(sizeof out.head == sizeof head, "an answer has room for a head");
    out.length = (uint32_t)(sizeof out + holes + xattrs);
    out.hole_count = (uint32_t)(holes / HOLE_BYTES);
    out.xattr_len = (uint32_t)xattrs;
    out.xattr_error = (uint32_t)f->xattrs.error;
    object_fill_head(&head, 0, &f->st, false, 0);
    memcpy(out.head, &head, sizeof head);
    pthread_mutex_lock(&o->write_lock);
    sent = write_all(o->answers, &out, sizeof out) &&
           (!holes || write_all(o->answers, f->holes, holes)) &&
           (!xattrs || write_all(o->answers, w->xattr_block, xattrs));
    pthread_mutex_unlock(&o->write_lock);
    if (!sent && fd >= 0) /* nobody is there any more to take it */
        close(fd);
}

static void serve(struct openers *o, struct worker *w, const struct ask *a)
{
    struct found f = { 0 };
    struct place p;
    int fd = -1, error;

    if (a->r.flags & HPC_OPEN_ROOT) {
        fd = hpc_base_open(a->path, 0, NULL);
        answer(o, w, a, &f, fd < 0 ? -1 : fd, fd < 0 ? fd : 0);
        return;
    }
    error = find_place(a, &p);
    if (!error) {
        int path_fd = hold(a, &p);

        error = path_fd < 0 ? path_fd : 0;
        if (!error) {
            fd = look_closer(o, w, a, &p, path_fd, &f, &error);
            close(path_fd);
        }
    }
    if (p.own_dir)
        close(p.dir);
    answer(o, w, a, &f, fd, error);
    xattr_block_end(w);
    free(f.holes);
}

/* The last to leave switches off the light. */
static void leave(struct openers *o)
{
    bool last;

    pthread_mutex_lock(&o->lock);
    last = --o->users == 0;
    pthread_mutex_unlock(&o->lock);
    if (!last)
        return;
    for (struct ask *a = o->first, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    for (unsigned i = 0; i < o->scan->threads; i++) {
        free(o->scan->worker[i].xattr_names);
        free(o->scan->worker[i].xattr_block);
    }
    close(o->answers);
    pthread_mutex_destroy(&o->lock);
    pthread_mutex_destroy(&o->write_lock);
    pthread_cond_destroy(&o->work);
    free(o->scan);
    free(o);
}

static void *opener_main(void *arg)
{
    struct openers *o = arg;
    struct worker *w;

    pthread_mutex_lock(&o->lock);
    w = &o->scan->worker[o->begun++];
    for (;;) {
        struct ask *a;

        while (!o->stop && !o->first)
            pthread_cond_wait(&o->work, &o->lock);
        if (o->stop)
            break;
        a = o->first;
        o->first = a->next;
        pthread_mutex_unlock(&o->lock);
        serve(o, w, a);
        free(a);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
    leave(o);
    return NULL;
}

static int start(struct openers *o, uint32_t threads)
{
    pthread_attr_t attr;
    sigset_t all, before;
    uint32_t started = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the process's own threads, and
                                                    a reader that is gone is an errno */
    pthread_mutex_lock(&o->lock);
    for (pthread_t t; started < threads && !pthread_create(&t, &attr, opener_main, o); started++)
        o->users++;
    pthread_mutex_unlock(&o->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started ? 0 : -EAGAIN;
}

int64_t hpc_openers_start(int64_t threads, int64_t min_hole, uint8_t *answers)
{
    struct openers *o;
    int ends[2], error;

    if (threads < 1 || threads > HPC_OPENERS_MAX || min_hole < 1 || !answers)
        return -EINVAL;
    o = calloc(1, sizeof *o);
    if (o) /* a worker's deque wants its alignment; a worker of zeros has nothing to give back */
        o->scan = aligned_alloc(
            64, (sizeof *o->scan + (size_t)threads * sizeof *o->scan->worker + 63) & ~(size_t)63);
    if (!o || !o->scan) {
        free(o);
        return -ENOMEM;
    }
    memset(o->scan, 0, sizeof *o->scan + (size_t)threads * sizeof *o->scan->worker);
    if (pipe2(ends, O_CLOEXEC)) {
        error = -errno;
        free(o->scan);
        free(o);
        return error;
    }
    o->scan->threads = (unsigned)threads;
    for (int64_t i = 0; i < threads; i++)
        o->scan->worker[i].scan = o->scan;
    o->magic = MAGIC;
    o->users = 1;
    o->answers = ends[1];
    o->min_hole = min_hole;
    pthread_mutex_init(&o->lock, NULL);
    pthread_mutex_init(&o->write_lock, NULL);
    pthread_cond_init(&o->work, NULL);
    error = start(o, (uint32_t)threads);
    if (error) {
        close(ends[0]);
        leave(o);
        return error;
    }
    memcpy(answers, &ends[0], sizeof ends[0]);
    return (int64_t)(intptr_t)o;
}

static struct openers *openers_of(int64_t handle)
{
    struct openers *o = (struct openers *)(intptr_t)handle;

    return o && o->magic == MAGIC ? o : NULL;
}

int64_t hpc_openers_ask(int64_t handle, const uint8_t *request, int64_t request_len)
{
    struct openers *o = openers_of(handle);
    struct hpc_open_request r;
    struct ask *a;

    if (!o || !request || request_len < (int64_t)sizeof r)
        return -EINVAL;
    memcpy(&r, request, sizeof r);
    if ((int64_t)sizeof r + r.path_len != request_len || (r.dir < 0 && !r.path_len))
        return -EINVAL;
    a = malloc(sizeof *a + r.path_len + 1);
    if (!a)
        return -ENOMEM;
    a->next = NULL;
    a->r = r;
    memcpy(a->path, request + sizeof r, r.path_len);
    a->path[r.path_len] = 0;
    pthread_mutex_lock(&o->lock);
    *(o->first ? &o->last->next : &o->first) = a;
    o->last = a;
    pthread_cond_signal(&o->work);
    pthread_mutex_unlock(&o->lock);
    return 0;
}

int64_t hpc_openers_free(int64_t handle)
{
    struct openers *o = openers_of(handle);

    if (!o)
        return -EINVAL;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    o->magic = 0;
    pthread_cond_broadcast(&o->work);
    pthread_mutex_unlock(&o->lock);
    leave(o);
    return 0;
}
