/*
 * Inside the scan engine.
 *
 * A *node* is a directory. Work comes as *items* in one deque per thread: a node to open, a node
 * whose listing goes on (stream), or a chunk of names to look at. A thread takes its newest item
 * and steals the oldest of others, so the walk goes down before it goes on, and what is known but
 * not yet done stays small however wide or deep the tree is.
 */
#ifndef HPC_SCAN_ENGINE_H
#define HPC_SCAN_ENGINE_H

#include "limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum item_kind { ITEM_ROOT, ITEM_DIR, ITEM_STREAM, ITEM_CHUNK };

struct item {
    struct item *newer, *older;
    enum item_kind kind;
};

enum whole_place { NOT_WHOLE, ABOVE_WHOLE, WHOLE };

struct mdts { /* of Lustre, on which the names of a directory lie */
    uint32_t count;
    uint32_t at[];
};

struct node {
    struct item item;    /* first: an item of kind ROOT, DIR or STREAM is its node */
    struct node *parent; /* NULL for a root; referenced */
    _Atomic uint32_t refs;
    _Atomic uint32_t fd_users; /* > 0: fd is open and counted as held: one for the listing, each
                                  chunk and each child not yet opened */
    int fd;
    int path_fd;      /* of a root: held by O_PATH, or -1 */
    bool root_device; /* on the filesystem of its root */
    bool held; /* this directory is one that may be held open; else it is reopened by names */
    bool holds_parent_fd; /* one of parent's fd_users is ours */
    uint8_t whole;        /* enum whole_place */
    bool project; /* its files may have a project id; known once it was opened, where that is wanted
                   */
    _Atomic bool listed;     /* counted as DIRS_LISTED */
    _Atomic bool incomplete; /* said to be */
    uint64_t id;             /* never reused: names the DIR record that a block already has */
    uint64_t dev, ino;
    int64_t birth;     /* ns; 0: not known */
    int64_t resume;    /* d_off to go on from when the directory could not be held open */
    struct mdts *mdts; /* NULL: not known */
    uint32_t path_len, depth, name_len;
    char name[]; /* one component; of a root its whole path; ends in NUL */
};

struct chunk {
    struct item item;
    struct node *dir; /* referenced; one of its fd_users is ours */
    uint32_t len, names;
    _Alignas(8) char dirents[];
};

struct deque {
    pthread_mutex_t lock;
    struct item *newest, *oldest;
    _Atomic uint32_t ready;   /* items anybody may take */
    _Atomic uint32_t streams; /* listings to go on with: stealing depends on the backlog */
};

struct block {
    struct block *next;
    size_t used, cap;
    uint32_t entries;
    uint64_t dir_id; /* directory of the last DIR record, 0 = none yet */
    _Alignas(8) uint8_t data[];
};

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t filled, drained;
    struct block *head, *tail, *spare;
    uint64_t entries, bytes, spares;
    uint32_t producers_waiting;
    _Atomic bool hungry; /* the consumer waits for anything at all */
    bool complete;
    /* The consumer's alone: blocks that hpc_scan_frames() took, and how far it is in the first of
     * them. */
    struct block *taken;
    uint32_t taken_at, taken_dir;
};

enum counter {
    SCANNED,
    HANDED_OUT,
    FILTERED_SHARD,
    FILTERED_OLDER,
    VANISHED,
    FAILED,
    DIRS_LISTED,
    DIRS_VANISHED,
    DIRS_FAILED,
    CONTENT_BYTES,
    FILTERED_EXCLUDED,
    DIRS_PRUNED_MARKER,
    DIRS_PRUNED_FILESYSTEM,
    XATTR_FAILED,
    ASKED_AHEAD,
    COUNTERS
};

struct scan;
struct statx;
struct excludes;
struct whole;
struct nested;
struct xattrs;
struct hpc_entry_head;

struct worker {
    _Alignas(64) struct deque deque;
    struct scan *scan;
    unsigned index;
    pthread_t thread;
    bool started;
    struct block *block;
    char *dirents;              /* DIRENT_BYTES */
    uint8_t *content;           /* inline_bytes + 1, made when first needed */
    bool small_before;          /* the last regular file was read into it */
    uint32_t reads, slow_reads; /* of small files; of those that were timed, so many in a row */
    uint32_t ahead_names;       /* so many more are asked for ahead */
    uint32_t ahead_step, since_ahead; /* how many that were to begin with; reads that were timed
                                         since they were over */
    int64_t sleeps;                   /* of the thread, when the read that is timed began */
    struct node *cached; /* a directory reopened by names, and its descriptor; referenced */
    int cached_fd;
    uint64_t next_id;
    uint64_t trust_dev; /* last device asked about, and the answer */
    bool trust_known, trust;
    uint64_t *active; /* how far each exclude pattern matches the path of directory active_dir */
    uint64_t active_dir;
    char *xattr_names;    /* XATTR_LIST_MAX, made when first needed */
    uint8_t *xattr_block; /* of the entry in work */
    size_t xattr_cap;
    uint64_t xattr_dev; /* last device that had none to give, and for which kinds (bits 1 << enum
                           hpc_kind) */
    uint32_t xattr_none;
    uint64_t flags_dev; /* last device whose files were asked for flags, and whether it has more
                           than statx tells */
    bool flags_known, flags_more;
    uint64_t generation_dev; /* last device that has no generations to tell */
    bool generation_none;
    _Atomic uint64_t count[COUNTERS];
};

struct back_off {
    pthread_mutex_t lock;
    int64_t sum, count; /* of the window, ns */
    int64_t best;       /* mean of a window; 0 = none yet */
    uint64_t times;
    uint32_t least;
    _Atomic uint32_t working; /* threads of a lower index work, the others rest */
};

struct mount_parents { /* directories in which something is mounted: d_ino is not st_ino there */
    pthread_mutex_t lock;
    bool looked, complete;
    size_t count;
    struct {
        uint64_t dev, ino;
    } * at;
};

struct scan {
    uint64_t magic;
    struct hpc_scan_options options;
    _Atomic bool stop;
    _Atomic int fatal;            /* errno that ended the scan (out of memory), 0 = none */
    _Atomic uint64_t outstanding; /* items queued or being worked on; 0 = all done */
    _Atomic uint64_t backlog;     /* names known and not yet worked off */
    _Atomic uint64_t pending, pending_peak;
    _Atomic int64_t held_fds, fds, fds_peak;
    int64_t held_max;
    _Atomic uint32_t roots_held; /* root_fds that are taken; more were wanted */
    int root_fds[ROOTS_HELD];
    _Atomic uint32_t idle;
    pthread_mutex_t idle_lock;
    pthread_cond_t work;
    uint32_t expected, finished; /* threads started, and those that have handed in their last block;
                                    under ring.lock */
    struct ring ring;
    struct mount_parents mounts;
    _Atomic int64_t next_op; /* pace.c: when the next operation may begin, ns */
    struct back_off back_off;
    struct excludes *excludes; /* NULL: no patterns */
    struct nested *nested;     /* NULL: no root lies below another */
    char **markers;            /* ends in NULL; NULL: none */
    struct whole *whole;       /* NULL: none */
    unsigned threads;
    struct worker worker[];
};

static inline void count_add(struct worker *w, enum counter which, uint64_t n)
{
    /* one writer: no locked instruction needed */
    atomic_store_explicit(&w->count[which],
                          atomic_load_explicit(&w->count[which], memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline bool stopped(struct scan *s)
{
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}
static inline bool pressed(struct scan *s)
{
    return atomic_load_explicit(&s->backlog, memory_order_relaxed) > BACKLOG_MAX;
}

/* node.c: directories, references, descriptors */
struct node *node_new(struct worker *w, struct node *parent, const char *name, size_t name_len);
void node_get(struct node *n);
void node_put(struct node *n);
void node_path(const struct node *n, uint8_t *out);        /* path_len bytes */
bool node_hold_fd(struct scan *s, struct node *n, int fd); /* false: no room, the caller keeps fd */
void node_fd_get(struct node *n);
void node_fd_put(struct worker *w, struct node *n);
void node_incomplete(struct worker *w, struct node *n,
                     int error); /* some of its names may be missing: said once */
int node_reopen(struct worker *w,
                struct node *n); /* descriptor owned by the worker's cache, or -errno */
void cache_set(struct worker *w, struct node *n, int fd);
int open_counted(struct worker *w, int at, const char *name,
                 int flags);          /* waits when descriptors are short; -errno */
int count_fd(struct scan *s, int fd); /* returns fd, which may be -errno */
void close_counted(struct scan *s, int fd);

/* root.c */
int root_find(struct worker *w, struct node *root); /* holds it by root->path_fd; -errno, ELOOP:
                                                       others may choose where it leads */
void root_drop(struct worker *w, struct node *root);
void root_keep(struct worker *w,
               struct node *root); /* until the scan is freed, where there is room; else dropped */
int root_open(struct worker *w, struct node *root,
              int flags); /* what was found, and nothing else; counted; -errno */
void roots_free(struct scan *s);

/* deque.c */
int deque_init(struct deque *d);
void deque_destroy(struct deque *d);
void push(struct worker *w, struct item *item);
struct item *take(
    struct worker *w); /* own newest, others' oldest, or sleeps; NULL: all done or stopped */
void item_done(struct scan *s);
struct item *deque_drain(struct deque *d); /* after the threads are gone */

/* scan.c */
struct scan *scan_of(int64_t handle); /* NULL: none */
struct timespec deadline(clockid_t clock, int64_t ms);
void scan_stop(struct scan *s);
void scan_fail(struct worker *w,
               int error); /* nothing may be lost silently: the scan ends with this errno */

/* ring.c */
int ring_init(struct ring *r);
void ring_destroy(struct ring *r);
uint8_t *record_begin(struct worker *w, struct node *dir, size_t max_len); /* NULL: out of memory */
void record_end(struct worker *w, size_t len);                             /* multiple of 8 */
bool ring_is_worth_a_call(const struct scan *s);                           /* the lock is held */
void block_flush(struct worker *w);
void block_free(struct block *b);
void emit_error(struct worker *w, struct node *dir, int error, enum hpc_scan_op op,
                const char *name, size_t name_len);

/* xattrs.c: what was read stands in w->xattr_block */
struct xattrs {
    bool wanted, done;
    size_t len;
    int error; /* errno of what is missing */
};
struct reach {   /* how an entry is reached; -1: not so */
    int fd;      /* of the entry itself */
    int path_fd; /* the same, opened with O_PATH */
    int dirfd;   /* of its directory, on the same filesystem */
    bool ask;    /* a server for flags and project id */
    const char *name;
};
void xattrs_begin(struct worker *w, struct xattrs *x, const struct reach *r,
                  const struct statx *st); /* flags; whether there may be more */
void xattrs_of_fd(struct worker *w, struct xattrs *x, int fd, const struct statx *st);
/* False: the name is gone, look again. */
bool xattrs_of_name(struct worker *w, struct xattrs *x, int dirfd, const char *name,
                    const struct statx *st);
void xattrs_of_held(struct worker *w, struct xattrs *x, int path_fd,
                    const struct statx *st); /* by a descriptor of O_PATH */

void xattrs_end(struct worker *w);
void put_u32(struct worker *w, struct xattrs *x, const char *name, uint32_t value);

/* flags.c: into the same block */
bool flags_are_worth_a_path(
    struct worker *w, const struct statx *st); /* of an entry whose directory says nothing of its
                                                  filesystem: that it is opened with O_PATH */
bool project_wanted(const struct worker *w, const struct node *dir, const struct statx *st);
bool has_project(int fd); /* an id, or what is made below will have one */
void read_flags(struct worker *w, struct xattrs *x, const struct reach *r, const struct statx *st);

/* exclude.c */
enum verdict { KEPT, EXCLUDED, DEPENDS /* on whether it is a directory */ };
enum is_dir { NOT_DIR, IS_DIR, MAYBE_DIR };
int excludes_new(struct excludes **out, const uint8_t *at, const uint8_t *end,
                 uint32_t count); /* count times { u32; bytes }, lengths are checked */
void excludes_free(struct excludes *x);
int64_t excludes_idle(const struct excludes *x, uint8_t *out,
                      size_t cap); /* hpc_scan_idle_excludes() */
enum verdict exclude(struct worker *w, const struct node *dir, const char *name, size_t len,
                     enum is_dir is_dir);

/* nested.c: roots that lie below another one are the business of their own walk alone */
int nested_new(struct nested **out, const uint8_t *at, const uint8_t *end,
               uint32_t count); /* the list of roots, as for excludes_new() */
void nested_free(struct nested *n);
bool is_a_root(const struct scan *s, const struct node *dir, const char *name);

/* generation.c */
int64_t generation_of(int fd); /* as a record's birth has it; 0: there is none to be had */
int64_t read_generation(struct worker *w, int dirfd, const char *name, int fd,
                        const struct statx *st); /* fd: of it, or -1; the same answer */

/* pace.c: waits until one more metadata operation is within options.metadata_ops */
void pace(struct worker *w);

/* backoff.c: around each operation that may ask a server */
#define SECOND_NS INT64_C(1000000000)
int64_t now_ns(void);
int64_t time_begin(const struct worker *w);
void time_end(struct worker *w, int64_t begin);
bool resting(struct worker *w);

/* ahead.c: around the read of a small file; and for one that will be read soon */
int64_t read_begin(struct worker *w);
void read_end(struct worker *w, int64_t begin, uint64_t size);
bool read_ahead(struct worker *w, int dirfd, const char *name); /* false: it cannot be opened */

/* mdts.c */
void ask_mdts(struct worker *w, struct node *dir,
              int fd); /* before its listing, whose buffer it uses */
size_t mdts_bytes(const struct node *dir);

/* hsm.c */
bool layout_is_released(const uint8_t *lov, size_t len);
bool left_in_archive(int fd, const struct statx *st); /* fd must not be read, nor asked for holes */

/* whole.c */
int whole_new(struct whole **out, const uint8_t *at, const uint8_t *end, uint32_t count);
void whole_free(struct whole *w);
enum whole_place whole_place(const struct scan *s, const struct node *dir, const char *name,
                             size_t name_len);
enum whole_place whole_child(const struct scan *s, const struct node *parent, const char *name,
                             size_t name_len);

/* markers.c */
int markers_new(char ***out, const uint8_t *at, const uint8_t *end, uint32_t count);
void markers_free(char **markers);
bool marked(char *const *markers, int dirfd);

/* entries.c, content.c, trust.c, dirs.c */
/* regular: readdir says so, and its content will be wanted if it is small */
void visit(struct worker *w, struct node *dir, int dirfd, const char *name, size_t name_len,
           bool regular);
enum {
    CONTENT_CHANGED = 1,
    CONTENT_LEFT = 2 /* to the consumer, who reads it as any larger file */
};
/* st becomes what the file is that was opened */
int read_content(struct worker *w, struct node *root, int dirfd, const char *name, struct statx *st,
                 size_t *len, struct xattrs *x);
int read_opened(struct worker *w, int fd, const struct statx *st, size_t *len,
                struct xattrs *x); /* st: of fd, a regular file */
void push_dir(struct worker *w, struct node *dir);
bool visit_root(struct worker *w, struct node *root); /* true: a directory, now to be opened */
bool other_shard(const struct scan *s, uint64_t hash);
bool d_ino_trusted(struct worker *w, const struct node *dir, int dirfd);
void run_item(struct worker *w, struct item *item);
void drop_item(struct worker *w, struct item *item);
int stat_opened(int fd, struct statx *st);                      /* -errno */
bool same_object(const struct statx *a, const struct statx *b); /* kind, device, inode and birth */
bool same_moment(const struct statx *a, const struct statx *b); /* size and times */
int64_t birth_of(const struct statx *st);                       /* ns; 0: not known */
void fill_head(struct hpc_entry_head *h, size_t name_len, const struct statx *st, bool is_older,
               size_t link_len);
int64_t read_to_end(
    int fd, uint8_t *buf, size_t cap,
    uint64_t size); /* bytes read, at most cap; size, if not 0: so many were promised; -errno */

static inline uint64_t device(uint32_t major, uint32_t minor)
{
    /* dev_t as glibc's makedev(3) packs it */
    return ((uint64_t)(major & 0xfffff000u) << 32) | ((major & 0xfffu) << 8) |
           ((uint64_t)(minor & 0xffffff00u) << 12) | (minor & 0xffu);
}

#endif
