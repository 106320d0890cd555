/*
 * libhpcscan: walk trees with a pool of threads and hand the entries out in batches.
 *
 * The API is flat (integers and byte buffers) so that any foreign-function interface can call it.
 * Every function returns a value >= 0 or -errno and touches no errno of the caller's concern. A
 * handle may be used by one consumer thread at a time; hpc_scan_stop() may be called from any
 * thread.
 */
#ifndef HPC_SCAN_H
#define HPC_SCAN_H

#include "../wire/hpc_record.h"

#include <stdint.h>

#define HPC_SCAN_ABI            9
#define HPC_SCAN_MAX_THREADS    512
/* A directory whose path is longer is not listed (ERROR, HPC_OP_OPENDIR, ENAMETOOLONG); a root:
 * hpc_scan_start() says -ENAMETOOLONG. */
#define HPC_SCAN_MAX_PATH       (256 * 1024)
/* Largest inline_bytes: with the longest path, name, target and xattr block a record still fits the
 * smallest buffer of hpc_scan_next(). */
#define HPC_SCAN_MAX_INLINE     (512 * 1024)
#define HPC_SCAN_MIN_CAP        (2 * 1024 * 1024)
#define HPC_SCAN_MAX_PATTERN    4096
#define HPC_SCAN_MAX_COMPONENTS 63

/*
 * Fixed head of the options buffer, little endian; then path_count times { u32 length; bytes };
 * then u32 exclude_count and as many patterns, u32 marker_count and as many names, each { u32
 * length; bytes }; then, unless it would be empty, u32 whole_count and as many paths.
 *
 * A whole path is one of the scan's: that entry, and all below it, is never older.
 *
 * Exclude patterns are bytes and mean what they mean in a .gitignore at each path of the scan.
 * Without '/' (but at the end): the name of an entry at any depth. With '/': the path from the
 * scan's path on. '*' and '?' and '[...]' never match '/'; a component that is two stars or more
 * matches any number of components. '/' at the end: directories only. The last pattern that matches
 * decides; one that begins with '!' re-includes, though nothing below an excluded directory, which
 * is never read. A backslash takes the next byte as it is. Other than in a .gitignore, '#' and
 * blanks mean themselves. Refused with -EINVAL: what could never match (an empty pattern or
 * component, '[' without ']', an unknown
 * [:class:], a backslash at the end), and what is longer than HPC_SCAN_MAX_PATTERN or has more than
 * HPC_SCAN_MAX_COMPONENTS. The path of the scan itself is never excluded.
 *
 * A marker is the name of an entry: a directory that has one (a root, too) is handed out, but not
 * what is in it. CACHEDIR.TAG counts if it is a regular file that begins with its signature
 * (bford.info/cachedir).
 */
struct hpc_scan_options {
    uint32_t version;      /*  0 HPC_SCAN_ABI */
    uint32_t threads;      /*  4 1..HPC_SCAN_MAX_THREADS */
    uint32_t inline_bytes; /*  8 content of regular files up to this size rides in the batch; 0 =
                              none, not even empty reads */
    uint32_t flags;        /* 12 enum hpc_scan_flag */
    uint32_t shard_index;  /* 16 0 <= index < count */
    uint32_t shard_count;  /* 20 0 or 1 = everything */
    int64_t since_s; /* 24 an entry is older when mtime_s and ctime_s are both < since_s; INT64_MIN
                        = no test */
    uint32_t ring_entries; /* 32 bound of the ring in entries (channel_depth) */
    uint32_t ring_bytes;   /* 36 bound of the ring in bytes */
    uint32_t path_count;   /* 40 */
    uint32_t
        metadata_ops; /* 44 stats and opens a second, all threads together; 0 = as many as go */
};

enum hpc_scan_flag {
    HPC_SCAN_SERIAL_DIRS =
        1 << 0, /* one thread keeps a directory to itself, in its own order (Lustre statahead) */
    HPC_SCAN_KEEP_OLDER =
        1 << 1, /* older entries are handed out with HPC_ENTRY_OLDER and no content, not dropped */
    HPC_SCAN_XATTRS = 1 << 3, /* read extended attributes, and with them ACLs and inode flags */
    HPC_SCAN_ONE_FILESYSTEM =
        1 << 4, /* a directory with another st_dev than its parent's is handed out, but not read */
    HPC_SCAN_BACK_OFF =
        1 << 5, /* threads rest while stats and opens take a multiple of what they took */
    HPC_SCAN_READ_AHEAD =
        1 << 6, /* small files of a root's own filesystem are asked for before it is their turn,
                   while reads are seen to wait for a disk; not together with metadata_ops */
    HPC_SCAN_SKIP_RELEASED = 1 << 7, /* on Lustre: what HSM has released is not read: its content is
                                        left to the consumer */
    HPC_SCAN_PROJECTS = 1 << 8, /* each directory is asked for its project id and flags, and the
                                   files of those that have one; on Lustre a request each */
    HPC_SCAN_PROJECTS_ALL = 1 << 10, /* all directories and files are */
    HPC_SCAN_MDTS = 1 << 11, /* each directory is asked on which MDTs of Lustre its names lie: up to
                                two requests */
};

/* scanned = handed_out + filtered_shard + filtered_older + filtered_excluded + vanished + failed,
 * at the end of a scan. u64 each. */
struct hpc_scan_stats {
    uint64_t scanned;        /* names met (roots included) */
    uint64_t handed_out;     /* ENTRY records */
    uint64_t filtered_shard; /* belongs to another shard */
    uint64_t filtered_older; /* before `since`, dropped */
    uint64_t vanished;       /* gone between readdir and stat */
    uint64_t failed;         /* stat failed: ERROR records with HPC_OP_STAT */
    uint64_t dirs_listed;
    uint64_t
        dirs_vanished;    /* directory gone, or no longer a directory, before it could be listed */
    uint64_t dirs_failed; /* ERROR records with HPC_OP_OPENDIR or HPC_OP_READDIR */
    uint64_t content_bytes;     /* inlined */
    uint64_t pending_peak;      /* most directories known and not yet listed at once */
    uint64_t fds_peak;          /* most descriptors held at once */
    uint64_t filtered_excluded; /* by a pattern; what is below an excluded directory is never met */
    uint64_t dirs_pruned_marker;     /* handed out, not read: a marker is in it */
    uint64_t dirs_pruned_filesystem; /* handed out, not read: another filesystem */
    uint64_t xattr_failed;           /* entries with an xattr_error */
    uint64_t asked_ahead;            /* files */
    uint64_t back_offs;              /* how often half of the working threads were sent to rest */
    uint64_t threads_least;          /* the fewest that worked */
    uint64_t threads_now;
    /* Of whoever calls hpc_scan_next() and hpc_scan_frames(), ns. */
    uint64_t waited_ns;    /* for records */
    uint64_t throttled_ns; /* of that, because threads were kept by metadata_ops or
                              hpc_scan_control(): core/waits.h */
    uint64_t receiver_ns;  /* for room in the output */
};

/* The library exports what stands from here on, and nothing else. */
#pragma GCC visibility push(default)

int64_t hpc_scan_abi(void);
/* > 0: a handle (fits 53 bits); -EINVAL: the options are not in their bounds. Roots that cannot be
 * stat-ed become ERROR records. Symlinks at a root and above it are followed where nobody but root
 * (or the caller) can have chosen where they lead, else ELOOP: ../path/hpc_base.h. */
int64_t hpc_scan_start(const uint8_t *options, int64_t options_len);
/* > 0: bytes of whole records copied to buf (cap >= HPC_SCAN_MIN_CAP); 0: the scan is complete;
 * -EAGAIN: nothing within timeout_ms; -ECANCELED: stopped (what hpc_scan_frames() left is handed
 * out before); -ENOMEM: the scan ended for want of memory. Of timeout_ms half, but at most
 * GATHER_MS (limits.h), is waited for more when there is little. */
int64_t hpc_scan_next(int64_t handle, uint8_t *buf, int64_t cap, int64_t timeout_ms);
/*
 * As hpc_frames() (../wire/frames.h), of what a scan finds as it finds it, without a copy in
 * between, for call->time_ms. Each time that out is full it is written to `to`, a pipe or a socket
 * that does not block, and used again (SIGPIPE must be ignored). FULL: to < 0, or the receiver
 * takes no more in time, or out is empty and too small. `at` and `dir_at` are not used: the scan
 * knows how far it is. END: it is complete. OTHER: the record that is no ordinary entry is the next
 * that hpc_scan_next() hands out, with what is there behind it. The two may be called in any order.
 * Errors: as hpc_scan_next().
 */
int64_t hpc_scan_frames(int64_t handle, int64_t to, uint8_t *out, int64_t cap, uint8_t *call,
                        int64_t call_len);
/* Asks the threads to end; returns at once. A blocked hpc_scan_next() returns -ECANCELED. */
int64_t hpc_scan_stop(int64_t handle);
/*
 * From now on, within a tenth of a second: at most so many threads work, the others rest (0: all);
 * so many stats and opens a second (0: as many as go); paused != 0: the threads end what they do
 * with the entry in hand, and ask for nothing more until it is 0 again. What was found goes on
 * being handed out. A directory on Lustre whose listing has begun keeps its thread. -EINVAL: out of
 * bounds.
 */
int64_t hpc_scan_control(int64_t handle, int64_t threads, int64_t metadata_ops, int64_t paused);
/* Copies struct hpc_scan_stats (as much as fits cap); returns bytes copied. Any time before free.
 */
int64_t hpc_scan_stats(int64_t handle, uint8_t *out, int64_t cap);
/* A byte for each exclude pattern, in their order, as many as fit cap: 1 if it has decided about no
 * name so far. Returns how many patterns there are. Any time before free. */
int64_t hpc_scan_idle_excludes(int64_t handle, uint8_t *out, int64_t cap);
/*
 * Stops, waits up to timeout_ms for the threads, frees. -EBUSY: a thread is still in the kernel (a
 * dead server); the handle stays valid, so call again, or leave it: what it holds is then lost
 * until the process ends.
 */
int64_t hpc_scan_free(int64_t handle, int64_t timeout_ms);

/* The symlink for which a root is refused with ELOOP: its path, as much as fits cap; returns its
 * length, 0: there is none now. */
int64_t hpc_root_link(const uint8_t *path, int64_t path_len, uint8_t *out, int64_t cap);
/* open(2) for a path of any length, O_CLOEXEC|O_NOFOLLOW added; flags as in open(2). Returns a
 * descriptor. */
int64_t hpc_open(const uint8_t *path, int64_t path_len, int64_t flags);
/* As hpc_open(), for many small files at once: requests are { u32 path_len; u32 max; path } each,
 * padded to 8; answers { i32 error; u32 length; content } each, padded to 8 (the last as far as cap
 * goes), in order, as many as fit cap; a file longer than max answers error = EFBIG with length 0,
 * one that is not a regular file EINVAL. Room for 8 + max bytes suffices for any answer. Returns
 * the number of requests answered; *used_out (u64) receives the bytes written. */
int64_t hpc_read_files(const uint8_t *requests, int64_t requests_len, uint8_t *out, int64_t cap,
                       uint8_t *used_out);
/*
 * Threads that open files which a scan handed out without their content, later, so that a
 * filesystem that does not answer holds up nobody else. A request is struct hpc_open_request and a
 * path; its answer comes through a pipe: struct hpc_open_answer, then hole_count times { u64
 * offset, u64 length }, then xattr_len bytes of xattr block. Answers come in any order.
 */
struct hpc_open_request {
    uint32_t id; /*  0 comes back in the answer */
    int32_t dir; /*  4 descriptor of the directory that the path is below of, no symlink is followed
                    there; -1: a root by its whole path, symlinks followed as the scan does */
    uint32_t flags;    /*  8 enum hpc_open_flag */
    uint32_t path_len; /* 12 */
    uint64_t dev;      /* 16 from here on as the scan saw it */
    uint64_t ino;      /* 24 */
    int64_t birth;     /* 32 */
    uint64_t size;     /* 40 */
    int64_t ctime_s;   /* 48 */
    uint32_t ctime_ns; /* 56 */
    uint32_t mode;     /* 60 */
};
enum hpc_open_flag {
    HPC_OPEN_CONTENT = 1,        /* a regular file, for reading */
    HPC_OPEN_HOLES = 2,          /* and where it has holes */
    HPC_OPEN_XATTRS = 4,         /* extended attributes, always */
    HPC_OPEN_XATTRS_NEW = 8,     /* ... where the entry has changed since */
    HPC_OPEN_SKIP_RELEASED = 16, /* EREMOTE instead of what HSM has released */
    HPC_OPEN_PROJECT =
        32,             /* with extended attributes: a server is asked for project id and flags */
    HPC_OPEN_ROOT = 64, /* alone, dir = -1: a directory, for the `dir` of others; the answer's fd
                           holds it (O_PATH), nothing is compared or told of it */
};
struct hpc_open_answer {
    uint32_t length; /*  0 of all of it */
    uint32_t id;     /*  4 */
    int32_t error;   /*  8 errno; ESTALE: another object has the name now */
    int32_t fd;      /* 12 -1: none */
    uint32_t
        changed; /* 16 1: the same object, but ctime, size or mode are others than the scan saw */
    uint32_t hole_count;  /* 20 */
    uint32_t xattr_len;   /* 24 */
    uint32_t xattr_error; /* 28 errno or 0 */
    uint8_t head[128]; /* 32 struct hpc_entry_head of the object as it is now, with no name and no
                          link */
};
#define HPC_OPENERS_MAX 64

/* > 0: a handle; *answers (i32) receives the end of the pipe to read from. */
int64_t hpc_openers_start(int64_t threads, int64_t min_hole, uint8_t *answers);
int64_t hpc_openers_ask(int64_t handle, const uint8_t *request, int64_t request_len);
/* Ends the threads when they have done what they are at; does not wait. The end of the pipe to read
 * from stays the caller's. */
int64_t hpc_openers_free(int64_t handle);

/*
 * Holes of at least min_hole bytes in the first `size` bytes of a file: { u64 offset, u64 length }
 * each to out, ascending; returns how many, 0 also where the filesystem does not tell. -E2BIG: more
 * than cap bytes hold; ask again with a larger min_hole. The file's offset stays.
 */
int64_t hpc_holes(int64_t fd, int64_t size, int64_t min_hole, uint8_t *out, int64_t cap);
/* Gives a pipe room for so many bytes, unless it has more. Returns its size now; -EPERM: more than
 * an ordinary user may have; -EBADF: no pipe. */
int64_t hpc_pipe_size(int64_t fd, int64_t bytes);
/* Lets go of a file's clean pages in the page cache; length 0: to the end. What is on its way
 * through a pipe stays. */
int64_t hpc_drop_cache(int64_t fd, int64_t offset, int64_t length);
/*
 * Moves up to `length` bytes from a descriptor to a pipe as D frames, without a copy into this
 * process. offset >= 0: of a file, whose own offset stays; -1: from where it is, of a pipe or a
 * socket. Waits while the output is full or nothing comes, whatever O_NONBLOCK says, and looks at
 * `stop` meanwhile; call it from a thread of its own. Returns the bytes moved: fewer than `length`
 * only at the end of the input, or where reading it failed with control.error (EINVAL, and nothing
 * moved: it cannot be spliced). < 0: the output failed, or -ECANCELED: stopped. Then a frame may be
 * cut off, and nothing more may be written. What is written to the file between the move and the
 * receiver's read may show, as in any read of a file that changes.
 */
struct hpc_stream_control {
    uint32_t stop;      /* 0 others set it to end the call */
    int32_t error;      /* 4 errno of the input */
    uint32_t waited_ms; /* 8 for room in the output */
};
int64_t hpc_stream(int64_t from, int64_t offset, int64_t length, int64_t to, uint8_t *control);
/* xxh3_64, seed 0, of count keys of 8 bytes; 8 bytes each to out. */
int64_t hpc_hash_inodes(const uint8_t *keys, int64_t count, uint8_t *out);

#pragma GCC visibility pop

#endif
