/* For the tests: making and removing trees of any depth, running a scan, and looking at what it
 * gave. */
#ifndef HPC_SCAN_TEST_TREE_H
#define HPC_SCAN_TEST_TREE_H

#include "../../wire/hpc_entry.h"
#include "../hpc_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* CHECK(condition) or CHECK(condition, format, …): ends the program where it does not hold. */
#define CHECK(...) \
    CHECK_PICK(__VA_ARGS__, CHECK_SAY, CHECK_SAY, CHECK_SAY, CHECK_SAY, CHECK_BARE)(__VA_ARGS__)
#define CHECK_PICK(a, b, c, d, e, which, ...) which
#define CHECK_BARE(cond)                      ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, "%s", ""))
#define CHECK_SAY(cond, ...) \
    ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__))

__attribute__((noreturn, format(printf, 4, 5))) static inline void check_failed(
    const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s: ", file, line, what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

extern char base[64];

typedef struct hpc_scan_options options;

/* faults.c: what FS_IOC_GETVERSION says while there are no times of birth. */
extern bool no_birth;
int tell_generation(void *to);

/* faults.c: called after each stat and before each open of a scan. NULL: nothing is. */
extern void (*_Atomic on_call)(void);

/* Seconds. */
static inline double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The path of a name below base; good until 4,096 more have been asked for. */
static inline char *at(const char *name)
{
    static char path[4096][128];
    static unsigned turn;
    char *p = path[turn++ % 4096];

    snprintf(p, sizeof path[0], "%s/%s", base, name);
    return p;
}

static inline void make_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd >= 0, "%s: %s", path, strerror(errno));
    CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
}

static inline void make_dir(const char *path)
{
    CHECK(!mkdir(path, 0755), "%s: %s", path, strerror(errno));
}

/* `depth` directories named `name` one below the other, a file "leaf" in the last. */
static inline void make_chain(const char *top, const char *name, unsigned depth)
{
    int dir;

    make_dir(top);
    dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < depth; i++) {
        int next;
        CHECK(!mkdirat(dir, name, 0755), "level %u: %s", i, strerror(errno));
        next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(next >= 0);
        close(dir);
        dir = next;
    }
    close(openat(dir, "leaf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    close(dir);
}

/* Removes everything below, at any depth, with two descriptors: goes down into the first directory
 * it meets, and up by "..". */
static inline void remove_below(int dir)
{
    unsigned depth = 0;

    dir = dup(dir);
    for (;;) {
        DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *e;
        int down = -1;

        CHECK(d);
        while (down < 0 && (e = readdir(d))) {
            if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                continue;
            if (unlinkat(dir, e->d_name, 0) && unlinkat(dir, e->d_name, AT_REMOVEDIR))
                down = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        closedir(d);
        if (down < 0) {
            if (depth == 0)
                break;
            down = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            depth--;
        } else {
            depth++;
        }
        close(dir);
        dir = down;
    }
    close(dir);
}

static inline void remove_tree(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir >= 0) {
        remove_below(dir);
        close(dir);
    }
    rmdir(path);
}

/* One record as a test sees it. */
struct seen {
    uint16_t type;
    int error;
    uint32_t op, content_len;
    char *path; /* NUL added; of a root its own path */
    size_t path_len;
    struct hpc_entry_head head;
    char *link, *content; /* NUL added */
    uint8_t *xattrs;
    uint32_t xattr_len;
    int xattr_error;
    uint32_t mdts[4], mdt_count; /* of its directory */
    int64_t birth;
};

struct result {
    struct seen *at;
    size_t count, cap;
    struct hpc_scan_stats stats;
    int64_t end; /* what the last hpc_scan_next() said */
    size_t largest_batch;
};

static inline char *copy(const void *p, size_t n)
{
    char *c = malloc(n + 1);

    CHECK(c);
    memcpy(c, p, n);
    c[n] = 0;
    return c;
}

static inline void add_record(struct result *r, const struct hpc_record_prefix *p,
                              const uint8_t *body, const char *dir, size_t dir_len, size_t mdts_len)
{
    struct seen s = {
        .type = p->type, .error = p->error, .content_len = p->content_len, .birth = p->birth
    };
    const uint8_t *name;
    uint32_t name_len;

    CHECK(mdts_len <= sizeof s.mdts);
    memcpy(s.mdts, dir + dir_len, mdts_len);
    s.mdt_count = (uint32_t)(mdts_len / 4);
    if (p->type == HPC_REC_ENTRY) {
        size_t content = p->content_len == HPC_CONTENT_NONE ? 0 : p->content_len;
        memcpy(&s.head, body, sizeof s.head);
        name = body + sizeof s.head;
        name_len = s.head.name_len;
        s.link = copy(name + name_len, s.head.link_len);
        s.xattr_len = p->xattr_len;
        s.xattr_error = p->xattr_error;
        s.xattrs = (uint8_t *)copy(name + name_len + s.head.link_len, p->xattr_len);
        s.content = copy(name + name_len + s.head.link_len + p->xattr_len, content);
        CHECK(p->body_len == sizeof s.head + name_len + s.head.link_len + p->xattr_len + content);
    } else {
        CHECK(p->type == HPC_REC_ERROR);
        memcpy(&s.op, body, 4);
        memcpy(&name_len, body + 4, 4);
        name = body + 8;
        CHECK(p->body_len == 8 + name_len);
    }
    s.path_len = dir_len + (name_len ? (dir_len > 1) + name_len : 0);
    s.path = malloc(s.path_len + 1);
    CHECK(s.path);
    memcpy(s.path, dir, dir_len);
    if (name_len) {
        if (dir_len > 1)
            s.path[dir_len] = '/';
        memcpy(s.path + s.path_len - name_len, name, name_len);
    }
    s.path[s.path_len] = 0;
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 1024;
        r->at = realloc(r->at, r->cap * sizeof *r->at);
        CHECK(r->at);
    }
    r->at[r->count++] = s;
}

static inline void read_batch(struct result *r, const uint8_t *buf, size_t len)
{
    const char *dir = NULL;
    size_t dir_len = 0, mdts_len = 0;

    for (size_t i = 0; i < len;) {
        struct hpc_record_prefix p;
        memcpy(&p, buf + i, sizeof p);
        CHECK(p.record_len % 8 == 0 && p.record_len >= sizeof p + p.body_len &&
              p.record_len < sizeof p + p.body_len + 8 && i + p.record_len <= len);
        if (p.type == HPC_REC_DIR) {
            dir = (const char *)buf + i + sizeof p;
            CHECK(p.xattr_len < p.body_len);
            mdts_len = p.xattr_len;
            dir_len = p.body_len - mdts_len;
        } else {
            CHECK(dir, "a record before its directory");
            add_record(r, &p, buf + i + sizeof p, dir, dir_len, mdts_len);
        }
        i += p.record_len;
    }
}

/* What the next scans leave out; lists end in NULL. */
extern const char *const *excludes, *const *markers;
/* What is never older in them. */
extern const char *const *whole;
/* Roots beside the one that is given; ends in NULL. */
extern const char *const *roots_too;

static inline size_t put_list(uint8_t *to, const char *const *list)
{
    uint32_t count = 0;
    size_t used = 4;

    for (; list && list[count]; count++) {
        uint32_t len = (uint32_t)strlen(list[count]);
        memcpy(to + used, &len, 4);
        memcpy(to + used + 4, list[count], len);
        used += 4 + len;
    }
    memcpy(to, &count, 4);
    return used;
}

static inline int64_t try_scan(options o, const char *path)
{
    uint32_t len = (uint32_t)strlen(path);
    uint8_t *packed = malloc(sizeof o + 4 + len + 65536), *end;
    int64_t h;

    o.version = HPC_SCAN_ABI;
    o.path_count = 1;
    if (!o.threads)
        o.threads = 4;
    if (!o.since_s)
        o.since_s = INT64_MIN;
    if (!o.ring_entries)
        o.ring_entries = 8192;
    if (!o.ring_bytes)
        o.ring_bytes = 4 << 20;
    CHECK(packed);
    memcpy(packed, &o, sizeof o);
    memcpy(packed + sizeof o, &len, 4);
    memcpy(packed + sizeof o + 4, path, len);
    end = packed + sizeof o + 4 + len;
    for (const char *const *root = roots_too; root && *root; root++) {
        len = (uint32_t)strlen(*root);
        memcpy(end, &len, 4);
        memcpy(end + 4, *root, len);
        end += 4 + len;
        ((options *)(void *)packed)->path_count++;
    }
    end += put_list(end, excludes);
    end += put_list(end, markers);
    if (whole)
        end += put_list(end, whole);
    h = hpc_scan_start(packed, end - packed);
    free(packed);
    return h;
}

static inline int64_t start_scan(options o, const char *path)
{
    int64_t h = try_scan(o, path);

    CHECK(h > 0, "%s: %s", path, strerror((int)-h));
    return h;
}

static inline int by_path(const void *a, const void *b)
{
    return strcmp(((const struct seen *)a)->path, ((const struct seen *)b)->path);
}

/* Scans to the end. The records come back sorted by path, and their sums are those of the counters.
 */
static inline struct result scan(options o, const char *path)
{
    struct result r = { 0 };
    uint8_t *buf = malloc(HPC_SCAN_MIN_CAP);
    int64_t h = start_scan(o, path), n;
    uint64_t handed_out = 0, failed = 0, dirs_failed = 0;

    CHECK(buf);
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) > 0 || n == -EAGAIN)
        if (n > 0) {
            if ((size_t)n > r.largest_batch)
                r.largest_batch = (size_t)n;
            read_batch(&r, buf, (size_t)n);
        }
    r.end = n;
    CHECK(hpc_scan_stats(h, (uint8_t *)&r.stats, sizeof r.stats) == sizeof r.stats);
    CHECK(hpc_scan_free(h, 5000) == 0);
    free(buf);
    for (size_t i = 0; i < r.count; i++) {
        handed_out += r.at[i].type == HPC_REC_ENTRY;
        failed += r.at[i].type == HPC_REC_ERROR && r.at[i].op == HPC_OP_STAT;
        dirs_failed += r.at[i].type == HPC_REC_ERROR && r.at[i].op != HPC_OP_STAT;
    }
    CHECK(r.end == 0);
    CHECK(handed_out == r.stats.handed_out && failed == r.stats.failed &&
          dirs_failed == r.stats.dirs_failed);
    CHECK(r.stats.scanned == r.stats.handed_out + r.stats.filtered_shard + r.stats.filtered_older +
                                 r.stats.filtered_excluded + r.stats.vanished + r.stats.failed);
    if (r.count)
        qsort(r.at, r.count, sizeof *r.at, by_path);
    return r;
}

static inline const struct seen *find(const struct result *r, const char *path)
{
    for (size_t i = 0; i < r->count; i++)
        if (!strcmp(r->at[i].path, path))
            return &r->at[i];
    CHECK(false, "%s was not handed out", path);
    return NULL;
}

/* Sorted records: no path twice. */
static inline void check_unique(const struct result *r)
{
    for (size_t i = 1; i < r->count; i++)
        CHECK(strcmp(r->at[i - 1].path, r->at[i].path), "%s came twice", r->at[i].path);
}

static inline void drop(struct result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->at[i].path);
        free(r->at[i].link);
        free(r->at[i].content);
        free(r->at[i].xattrs);
    }
    free(r->at);
}

/* What cannot be undone, e.g. a limit. */
static inline void in_child(void (*body)(const char *), const char *arg)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        body(arg);
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0, "in the child, status %x", status);
}

#endif
