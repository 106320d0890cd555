/*
 * What a File Daemon of each release expects of a plugin: independent declarations for the x86-64
 * System V ABI. Nothing here comes from a header of Bacula; sizes and offsets were measured, and
 * test/layouts.h declares them a second time so that the two are checked against each other.
 *
 * Structures that are the same in every release are plain structs. save_pkt and restore_pkt differ:
 * they are opaque blocks, read and written through the offsets of the release that runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

enum rc {
    RC_OK = 0,
    RC_STOP = 1,
    RC_ERROR = 2,
    RC_MORE = 3,
    RC_SEEN = 5,
    RC_SKIP = 7,
    RC_CANCEL = 8,
    RC_MAX = 9999
};

enum event {
    EVENT_JOB_START = 1,
    EVENT_JOB_END = 2,
    EVENT_START_BACKUP = 3,
    EVENT_END_BACKUP = 4,
    EVENT_START_RESTORE = 5,
    EVENT_END_RESTORE = 6,
    EVENT_END_VERIFY = 8,
    EVENT_BACKUP_COMMAND = 9,
    EVENT_RESTORE_COMMAND = 10,
    EVENT_ESTIMATE_COMMAND = 11,
    EVENT_LEVEL = 12,
    EVENT_SINCE = 13,
    EVENT_CANCEL = 14,
    EVENT_END_FILESET = 19,
    EVENT_PLUGIN_COMMAND = 20,
    EVENT_OPTION_PLUGIN = 23,
    EVENT_HANDLE_FILE = 24,
};

enum file_type {
    TYPE_HARDLINK = 1,
    TYPE_EMPTY = 2,
    TYPE_REGULAR = 3,
    TYPE_SYMLINK = 4,
    TYPE_DIRECTORY = 5,
    TYPE_SPECIAL = 6,
    TYPE_DELETED = 23,
};

enum io_func { IO_OPEN = 1, IO_READ = 2, IO_WRITE = 3, IO_CLOSE = 4, IO_SEEK = 5 };
enum xacl_func { ACL_BACKUP = 1, ACL_RESTORE = 2, XATTR_BACKUP = 3, XATTR_RESTORE = 4 };
enum create_status {
    CREATE_SKIP = 1,
    CREATE_ERROR = 2,
    CREATE_EXTRACT = 3,
    CREATE_CREATED = 4,
    CREATE_CORE = 5
};

/* Bits of save_pkt.flags: blocks of zeros are not sent; each block comes with its offset
 * (io_pkt.offset), so that none need be read. */
#define SAVE_SPARSE  ((uint64_t)1 << 5)
#define SAVE_OFFSETS ((uint64_t)1 << 30)

struct fd_context {
    void *fd;
    void *plugin;
};
struct fd_info {
    uint32_t size, version;
};
struct fd_event {
    uint32_t type;
};

/* FD -> plugin; fields beyond the common part of the releases (size 144) are not declared, we use
 * none of them. */
struct fd_funcs {
    uint32_t size, version;
    int (*register_events)(struct fd_context *, ...);
    int (*get_value)(struct fd_context *, int var, void *out);
    int (*set_value)(struct fd_context *, int var, void *in);
    int (*job_message)(struct fd_context *, const char *file, int line, int type, int64_t mtime,
                       const char *format, ...);
    int (*debug_message)(struct fd_context *, const char *file, int line, int level,
                         const char *format, ...);
    void *(*alloc)(struct fd_context *, const char *file, int line, size_t size);
    void (*free)(struct fd_context *, const char *file, int line, void *block);
    int (*add_exclude)(struct fd_context *, const char *);
    int (*add_include)(struct fd_context *, const char *);
    int (*add_options)(struct fd_context *, const char *);
    int (*add_regex)(struct fd_context *, const char *, int);
    int (*add_wild)(struct fd_context *, const char *, int);
    int (*new_options)(struct fd_context *);
    int (*new_include)(struct fd_context *);
    int (*new_pre_include)(struct fd_context *);
    int (*check_changes)(struct fd_context *, void *save_pkt);
    int (*accept_file)(struct fd_context *, void *save_pkt);
};

struct plugin_info {
    uint32_t size, version;
    const char *magic, *license, *author, *date, *release, *description;
};

struct io_pkt {
    int32_t pkt_size, func, count, flags, mode;
    char *buf;
    const char *fname;
    int32_t status, io_errno, lerror, whence;
    int64_t offset;
    bool win32;
    int32_t pkt_end;
};

struct xacl_pkt {
    int32_t pkt_size, func, count;
    char *content;
    int32_t pkt_end;
};

/* The longest table (release 15); older releases read a prefix, except that 11 and later have
 * restore_file_list before check_stream. */
struct plugin_funcs {
    uint32_t size, version;
    int (*new_plugin)(struct fd_context *);
    int (*free_plugin)(struct fd_context *);
    int (*get_value)(struct fd_context *, int, void *);
    int (*set_value)(struct fd_context *, int, void *);
    int (*handle_event)(struct fd_context *, struct fd_event *, void *);
    int (*start_backup_file)(struct fd_context *, void *save_pkt);
    int (*end_backup_file)(struct fd_context *);
    int (*start_restore_file)(struct fd_context *, const char *);
    int (*end_restore_file)(struct fd_context *);
    int (*io)(struct fd_context *, struct io_pkt *);
    int (*create_file)(struct fd_context *, void *restore_pkt);
    int (*set_attributes)(struct fd_context *, void *restore_pkt);
    int (*check_file)(struct fd_context *, char *);
    int (*xacl)(struct fd_context *, struct xacl_pkt *);
    void *optional[6]; /* may be NULL in every release that knows them */
};

_Static_assert(sizeof(struct fd_context) == 16 && sizeof(struct plugin_info) == 56,
               "same in all releases");
_Static_assert(sizeof(struct io_pkt) == 72 && offsetof(struct io_pkt, pkt_end) == 68,
               "same in all releases");
_Static_assert(sizeof(struct xacl_pkt) == 32 && offsetof(struct xacl_pkt, pkt_end) == 24,
               "same in all releases");
_Static_assert(sizeof(struct fd_funcs) == 144 && sizeof(struct plugin_funcs) == 168,
               "9.6's and 15's length");
_Static_assert(sizeof(struct stat) == 144, "glibc on x86-64");

/* One release. Offsets are bytes from the start of the packet; sizes are what pkt_size and pkt_end
 * must say. */
struct abi {
    uint32_t version;
    const char *release;
    bool encrypts_offsets; /* with PKI encryption it takes blocks with offsets, too; later ones fail
                              the job */
    uint32_t fd_funcs_size, plugin_funcs_size;
    struct {
        uint32_t size, fname, link, statp, type, flags, no_read, portable, delta_seq, link_fi, end;
    } save;
    struct {
        uint32_t size, type, link_fi, statp, ofname, olname, where, replace, create_status, end;
    } restore;
    struct {
        int fatal, error, warning, info, saved, notsaved, skipped, mount, restored;
    } message;
    struct {
        int job_id, job_name, accurate, file_seen, working_dir, where, prev_job_name, file_index;
    } var;
};

#define ABI_SAVE_MAX  344
#define ABI_FUNCS_MIN 144

/* The release with this interface version, or NULL: a layout must never be guessed. */
const struct abi *abi_find(uint32_t version);

static inline void pkt_put_ptr(void *pkt, uint32_t at, const void *value)
{
    memcpy((char *)pkt + at, &value, sizeof value);
}
static inline void pkt_put_i32(void *pkt, uint32_t at, int32_t value)
{
    memcpy((char *)pkt + at, &value, sizeof value);
}
static inline void pkt_put_u64(void *pkt, uint32_t at, uint64_t value)
{
    memcpy((char *)pkt + at, &value, sizeof value);
}
static inline void pkt_put_bool(void *pkt, uint32_t at, bool value)
{
    ((char *)pkt)[at] = value;
}
static inline void pkt_put_stat(void *pkt, uint32_t at, const struct stat *value)
{
    memcpy((char *)pkt + at, value, sizeof *value);
}
static inline int32_t pkt_i32(const void *pkt, uint32_t at)
{
    int32_t v;
    memcpy(&v, (const char *)pkt + at, sizeof v);
    return v;
}
static inline char *pkt_ptr(const void *pkt, uint32_t at)
{
    char *v;
    memcpy(&v, (const char *)pkt + at, sizeof v);
    return v;
}
static inline struct stat pkt_stat(const void *pkt, uint32_t at)
{
    struct stat v;
    memcpy(&v, (const char *)pkt + at, sizeof v);
    return v;
}
/* The size is written at both ends of a packet: a packet of another layout is recognised before it
 * is touched. */
static inline bool pkt_is(const void *pkt, uint32_t size, uint32_t end)
{
    return pkt_i32(pkt, 0) == (int32_t)size && pkt_i32(pkt, end) == (int32_t)size;
}
