/* libhpcrestore: frames in, failures out. Integers and byte buffers only, so that any
 * foreign-function interface can call it. */
#include "../path/hpc_base.h"
#include "../wire/hpc_frame.h"
#include "job.h"
#include "store/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Failures of the end that are told one by one; the others are counted. */
#define HPC_UNSAID_MOST (1u << 20)

enum state { IDLE, WRITING, IGNORING /* data of an entry that was skipped or failed */ };

struct flat {
    struct hpc_restore *core;
    enum state state;
    bool broken;
    bool block_due;      /* a B frame must come next */
    bool has_digest;     /* and it ends in one */
    struct bytes unsaid; /* failure records of attributes, until the caller has room for them */
    size_t said;         /* of those bytes */
    struct bytes name;   /* of the entry in progress */
    struct bytes holes;  /* its hole map: pairs of u64 */
    uint32_t hole_count, hole_at;
    uint64_t received; /* bytes of data */
    uint64_t offset;   /* where the next byte belongs */
};

struct failures {
    uint8_t *out;
    size_t cap, used;
};

static struct flat *flat_of(int64_t handle)
{
    return (struct flat *)(intptr_t)handle;
}

static size_t failure_size(size_t name_len)
{
    return (sizeof(struct hpc_failure_head) + name_len + 7) & ~(size_t)7;
}

static void report(struct failures *f, int err, uint32_t op, const void *name, size_t name_len,
                   const void *leader, size_t leader_len)
{
    size_t text = name_len + (leader_len ? 1 + leader_len : 0);
    size_t size = failure_size(text);
    if (f->cap - f->used < size)
        return;
    uint8_t *at = f->out + f->used;
    memset(at, 0, size);
    struct hpc_failure_head head = { (uint32_t)size, -err, (uint32_t)text, op };
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, name, name_len);
    if (leader_len)
        memcpy(at + sizeof head + name_len + 1, leader, leader_len);
    f->used += size;
}

/* An attribute could not be set: a record like the others, kept until there is room. The core stops
 * naming them at a hundred. */
static void on_attribute(void *context, const char *path, size_t path_len, const char *attribute,
                         int err)
{
    struct flat *f = context;
    size_t text = path_len + 1 + strlen(attribute);
    if (bytes_reserve(&f->unsaid, f->unsaid.len + failure_size(text)) < 0)
        return;
    struct failures out = { .out = (uint8_t *)f->unsaid.data,
                            .cap = f->unsaid.len + failure_size(text),
                            .used = f->unsaid.len };
    report(&out, -err, HPC_RESTORE_OP_ATTRIBUTE, path, path_len, attribute, strlen(attribute));
    f->unsaid.len = out.used;
}

/* A link that was put aside cannot be made: told when the restore is over. */
static void on_failure(void *context, const char *path, size_t path_len, const char *link,
                       size_t link_len, int err)
{
    struct flat *f = context;
    size_t size = failure_size(path_len + link_len + 3);
    char *names = malloc(path_len + link_len + 2); /* with the '/' that archives write */
    if (names && f->unsaid.len <= HPC_UNSAID_MOST &&
        bytes_reserve(&f->unsaid, f->unsaid.len + size) == 0) {
        struct failures out = { .out = (uint8_t *)f->unsaid.data,
                                .cap = f->unsaid.len + size,
                                .used = f->unsaid.len };
        names[0] = names[path_len + 1] = '/';
        memcpy(names + 1, path, path_len);
        memcpy(names + path_len + 2, link, link_len);
        report(&out, -err, HPC_RESTORE_OP_LINK, names, path_len + 1, names + path_len + 1,
               link_len + 1);
        f->unsaid.len = out.used;
    }
    free(names);
}

/* Whole records, as many as there is room for; one that an empty buffer has no room for is dropped.
 */
static void say(struct flat *f, struct failures *out)
{
    while (f->said < f->unsaid.len) {
        uint32_t size;
        memcpy(&size, f->unsaid.data + f->said, sizeof size);
        if (out->cap - out->used >= size) {
            memcpy(out->out + out->used, f->unsaid.data + f->said, size);
            out->used += size;
        } else if (out->used) {
            return;
        }
        f->said += size;
    }
    f->said = f->unsaid.len = 0;
}

static int keep(struct bytes *b, const void *data, size_t len)
{
    return bytes_set(b, len ? data : "", len);
}

/* A directory that only matters if it has to be made. */
static int on_parent(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    struct hpc_entry e;
    if (f->state != IDLE || f->block_due || hpc_entry_decode(frame->payload, frame->len, &e) < 0 ||
        e.head.kind != HPC_DIRECTORY)
        return -EBADMSG;
    int err = keep(&f->name, e.name, e.head.name_len);
    if (err)
        return err;
    err = hpc_entry_parent(f->core->single, &e.head, (const char *)e.name, e.head.name_len);
    if (err)
        report(failures, err, HPC_RESTORE_OP_CREATE, e.name, e.head.name_len, NULL, 0);
    f->block_due = e.head.flags & HPC_ENTRY_ATTRS;
    f->has_digest = e.has_digest;
    return 0;
}

static int on_entry(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    struct hpc_entry e;
    if (f->state != IDLE || f->block_due || hpc_entry_decode(frame->payload, frame->len, &e) < 0)
        return -EBADMSG;
    bool has_data = e.head.flags & HPC_ENTRY_HAS_DATA;
    bool is_link = e.head.flags & HPC_ENTRY_LINK;
    f->received = f->offset = 0;
    f->hole_at = 0;
    f->hole_count = e.head.hole_count;
    int result = keep(&f->name, e.name, e.head.name_len);
    if (result == 0)
        result = keep(&f->holes, e.holes, 16 * (size_t)e.head.hole_count);
    if (result < 0)
        return result;
    result = hpc_restore_begin(f->core, &e.head, (const char *)e.name, e.head.name_len,
                               (const char *)e.link, e.head.link_len);
    if (result < 0)
        report(failures, result, is_link ? HPC_RESTORE_OP_LINK : HPC_RESTORE_OP_CREATE, e.name,
               e.head.name_len, e.link, is_link ? e.head.link_len : 0);
    if (has_data)
        f->state = result == HPC_BEGIN_DATA ? WRITING : IGNORING;
    f->block_due = e.head.flags & HPC_ENTRY_ATTRS;
    f->has_digest = e.has_digest;
    return 0;
}

static int on_block(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    size_t digest = f->has_digest ? 8 : 0;
    if (!f->block_due || frame->len < digest)
        return -EBADMSG;
    f->block_due = false;
    int err = hpc_restore_xattrs(f->core, frame->payload, frame->len - digest);
    if (err && err != -ECANCELED)
        report(failures, err, HPC_RESTORE_OP_COMMIT, f->name.data, f->name.len, NULL, 0);
    return 0;
}

static void fail_current(struct flat *f, struct failures *failures, int err, uint32_t op)
{
    hpc_restore_end(f->core, 0);
    report(failures, err, op, f->name.data, f->name.len, NULL, 0);
    f->state = IGNORING;
}

/* Steps over the holes that begin where the next byte would go; returns how far data may run from
 * there. */
static uint64_t skip_holes(struct flat *f)
{
    while (f->hole_at < f->hole_count) {
        uint64_t hole[2];
        memcpy(hole, f->holes.data + 16 * (size_t)f->hole_at, sizeof hole);
        if (hole[0] != f->offset)
            return hole[0] - f->offset;
        f->offset += hole[1];
        f->hole_at++;
    }
    return UINT64_MAX;
}

static int write_data(struct flat *f, const uint8_t *data, size_t len)
{
    while (len) {
        uint64_t run = skip_holes(f);
        size_t n = run < len ? (size_t)run : len;
        int err = hpc_restore_write(f->core, f->offset, data, n);
        if (err)
            return err;
        f->offset += n;
        data += n;
        len -= n;
    }
    return 0;
}

static int on_data(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    if (f->state == IDLE || f->block_due)
        return -EBADMSG;
    if (f->state == IGNORING)
        return 0;
    f->received += frame->len;
    int err = write_data(f, frame->payload, frame->len);
    if (err)
        fail_current(f, failures, err, HPC_RESTORE_OP_WRITE);
    return 0;
}

static int on_end(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    struct hpc_data_end end;
    if (f->state == IDLE || f->block_due ||
        hpc_data_end_decode(frame->payload, frame->len, &end) < 0)
        return -EBADMSG;
    if (f->state == WRITING && (end.error || end.bytes != f->received)) {
        fail_current(f, failures, -EIO, HPC_RESTORE_OP_SOURCE);
    } else if (f->state == WRITING) {
        skip_holes(f);
        int err = hpc_restore_write(f->core, f->offset, NULL, 0);
        if (err)
            fail_current(f, failures, err, HPC_RESTORE_OP_WRITE);
        else if ((err = hpc_restore_end(f->core, 1)) < 0)
            report(failures, err, HPC_RESTORE_OP_COMMIT, f->name.data, f->name.len, NULL, 0);
    }
    f->state = IDLE;
    return 0;
}

static int on_frame(struct flat *f, const struct hpc_frame *frame, struct failures *failures)
{
    switch (frame->status) {
    case 'M': return on_entry(f, frame, failures);
    case 'P': return on_parent(f, frame, failures);
    case 'B': return on_block(f, frame, failures);
    case 'D': return on_data(f, frame, failures);
    case 'Z': return on_end(f, frame, failures);
    case 'X':
        if (f->state == WRITING || (f->block_due && hpc_restore_fd(f->core) >= 0))
            fail_current(f, failures, -EIO, HPC_RESTORE_OP_DISCARD);
        f->state = IDLE;
        f->block_due = false;
        return 0;
    default: return -EBADMSG;
    }
}

/* Most that the failure of the entry this frame belongs to can take. */
static size_t room_for(const struct flat *f, const struct hpc_frame *frame)
{
    return failure_size(frame->status == 'M' || frame->status == 'P' ? frame->len : f->name.len);
}

static int64_t feed(struct flat *f, const uint8_t *frames, size_t len, struct failures *failures)
{
    size_t at = 0;
    if (f->broken)
        return -EBADMSG;
    while (at < len) {
        struct hpc_frame frame;
        size_t n;
        int result = hpc_frame_parse(frames + at, len - at, &frame, &n);
        if (result == 0)
            break;
        say(f, failures);
        if (result > 0 && atomic_load(&f->core->cancelled))
            return -ECANCELED;
        if (result > 0 && failures->used && failures->cap - failures->used < room_for(f, &frame))
            break;
        if (result > 0)
            result = on_frame(f, &frame, failures);
        if (result < 0) {
            f->broken = true;
            return result;
        }
        at += n;
    }
    say(f, failures);
    return (int64_t)at;
}

int64_t hpc_restore_feed(int64_t handle, const uint8_t *frames, int64_t len, uint8_t *out,
                         int64_t cap, uint8_t *used_out)
{
    if (!handle || len < 0 || cap < 0)
        return -EINVAL;
    struct failures failures = { .out = out, .cap = (size_t)cap };
    int64_t consumed = feed(flat_of(handle), frames, (size_t)len, &failures);
    uint64_t used = failures.used;
    memcpy(used_out, &used, sizeof used);
    return consumed;
}

int64_t hpc_restore_abi(void)
{
    return HPC_RESTORE_ABI;
}

/* Paths come as bytes; the core wants them terminated. */
static int terminated(char **out, const uint8_t *bytes, int64_t len)
{
    *out = NULL;
    if (len < 0 || (len && memchr(bytes, 0, (size_t)len)))
        return -EINVAL;
    *out = strndup(len ? (const char *)bytes : "", (size_t)len);
    return *out ? 0 : -ENOMEM;
}

int64_t hpc_restore_open(const uint8_t *base, int64_t base_len, const uint8_t *work_dir,
                         int64_t work_dir_len, int64_t replace, int64_t flags)
{
    char *base_path = NULL, *work_path = NULL;
    struct flat *f = NULL;
    int err = terminated(&base_path, base, base_len);
    if (!err)
        err = terminated(&work_path, work_dir, work_dir_len);
    if (!err && !(f = calloc(1, sizeof *f)))
        err = -ENOMEM;
    if (!err)
        f->core = hpc_restore_new(base_path, work_dir_len ? work_path : NULL,
                                  (enum hpc_replace)replace, (unsigned)flags, &err);
    free(base_path);
    free(work_path);
    if (!err)
        hpc_restore_on_failure(f->core, on_failure, f);
    if (!err && flags & HPC_RESTORE_NAME_ATTRIBUTES)
        hpc_restore_on_attribute(f->core, on_attribute, f);
    if (err) {
        free(f);
        return err;
    }
    return (int64_t)(intptr_t)f;
}

int64_t hpc_restore_flat_keep_xattrs(int64_t handle, int64_t keep)
{
    if (!handle)
        return -EINVAL;
    hpc_restore_keep_xattrs(flat_of(handle)->core, keep != 0);
    return 0;
}

int64_t hpc_restore_flat_root(int64_t handle, const uint8_t *name, int64_t len)
{
    return handle && len > 0
               ? hpc_restore_root(flat_of(handle)->core, (const char *)name, (size_t)len)
               : -EINVAL;
}

int64_t hpc_restore_base_link(const uint8_t *base, int64_t base_len, uint8_t *out, int64_t cap)
{
    char *path, *link = NULL;
    int err = terminated(&path, base, base_len);
    if (err)
        return err;
    int fd = hpc_base_open(path, 0, &link);
    size_t len = link ? strlen(link) : 0;
    if (fd >= 0)
        close(fd);
    memcpy(out, link ? link : "", cap < 0 ? 0 : (size_t)cap < len ? (size_t)cap : len);
    free(link);
    free(path);
    return (int64_t)len;
}

int64_t hpc_restore_flat_failures(int64_t handle, uint8_t *out, int64_t cap)
{
    struct failures failures = { .out = out, .cap = cap < 0 ? 0 : (size_t)cap };
    if (!handle)
        return -EINVAL;
    say(flat_of(handle), &failures);
    return (int64_t)failures.used;
}

int64_t hpc_restore_flat_stats(int64_t handle, uint8_t *out, int64_t cap)
{
    struct hpc_restore_stats stats;
    if (!handle)
        return -EINVAL;
    hpc_restore_get_stats(flat_of(handle)->core, &stats);
    size_t n = cap < 0 ? 0 : (size_t)cap < sizeof stats ? (size_t)cap : sizeof stats;
    memcpy(out, &stats, n);
    return (int64_t)n;
}

int64_t hpc_restore_flat_finish(int64_t handle)
{
    return handle ? hpc_restore_finish(flat_of(handle)->core) : -EINVAL;
}

int64_t hpc_restore_flat_cancel(int64_t handle)
{
    if (!handle)
        return -EINVAL;
    hpc_restore_cancel(flat_of(handle)->core);
    return 0;
}

int64_t hpc_restore_close(int64_t handle)
{
    struct flat *f = flat_of(handle);
    if (!f)
        return -EINVAL;
    hpc_restore_free(f->core);
    free(f->name.data);
    free(f->holes.data);
    free(f->unsaid.data);
    free(f);
    return 0;
}
