/*
 * The restore core: puts entries back under one directory. Shared by the shim
 * (hpc_restore_begin/write/end, one entry at a time) and by the archive restore (libhpcrestore:
 * hpc_restore_feed, a batch of frames per call).
 *
 * Every object is created relative to a directory descriptor below `base`; no symlink below `base`
 * is followed; missing parents are created 0700; hpc_restore_finish() makes those 0755 whose own
 * entry never came. Regular files are written under a temporary name in the same directory and
 * appear under their final name at hpc_restore_end(). Times are set in nanoseconds. What
 * directories are (owner, ACLs, mode, times) is applied by hpc_restore_finish(), from a list on
 * disk. One context serves one job; its own entry is for one thread, others for one each;
 * hpc_restore_cancel() may be called from any thread. No global state.
 */
#ifndef HPC_RESTORE_H
#define HPC_RESTORE_H

#include "../wire/hpc_entry.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hpc_restore;

enum hpc_replace {
    HPC_REPLACE_ALWAYS = 'a',
    HPC_REPLACE_NEWER = 'w',
    HPC_REPLACE_OLDER = 'o',
    HPC_REPLACE_NEVER = 'n'
};

enum hpc_restore_flag {
    HPC_RESTORE_IN_PLACE =
        1 << 0, /* no temporary name: write straight to the final one (the FD closes files late) */
    HPC_RESTORE_NAME_ATTRIBUTES = 1 << 1, /* flat API: attributes that could not be set are among
                                             the failures (HPC_RESTORE_OP_ATTRIBUTE) */
};

/* Result of hpc_restore_begin (>= 0) */
enum hpc_begin {
    HPC_BEGIN_DONE = 0 /* complete, no data wanted */,
    HPC_BEGIN_DATA = 1 /* write, then end */,
    HPC_BEGIN_SKIPPED = 2 /* replace rule */
};

/* base: directory, created if missing; work_dir: where the directory list is kept (NULL: base).
 * -errno in *error_out on NULL; -ELOOP: the way to the base has a symlink that others may have
 * chosen (../path/hpc_base.h; hpc_base_open() names it). */
struct hpc_restore *hpc_restore_new(const char *base, const char *work_dir,
                                    enum hpc_replace replace, unsigned flags, int *error_out);
/* keep != 0: nobody looked at extended attributes when the entries that follow were saved
 * (xattrs=no), so that directories that are there keep theirs, and their ACLs. Otherwise (at first)
 * such a directory gives up the ACLs, user.* and trusted.* that its entry lacks. */
void hpc_restore_keep_xattrs(struct hpc_restore *r, int keep);
/*
 * Makes regular files that have a layout: `layout` is that of the entry's head, which the backup
 * gave it. Opens what it made, or -errno; `flags` as for openat(2), O_CREAT, O_EXCL and O_NOFOLLOW
 * among them, must all be kept, for others may race for the name. Writers call it, several at once.
 */
struct hpc_create_ops {
    int (*create)(void *arg, int dir, const char *name, int flags, mode_t mode, uint32_t layout);
    void *arg;
};
/* Before the first entry; `ops` is copied. Without it, and for layout 0, a file is made by
 * openat(2): the default of its directory. */
void hpc_restore_on_create(struct hpc_restore *r, const struct hpc_create_ops *ops);
/* Before the first entry: `name` is a path that the backup was told to save. Symlinks at it and
 * above it are followed like those on the way to the base; the entry of a directory that is one
 * gives its attributes to the directory behind. Below it none is followed. -errno. */
int hpc_restore_root(struct hpc_restore *r, const char *name, size_t len);
/*
 * head, name (relative to base; leading and trailing '/'s ignored; "." and ".." components refused:
 * -EINVAL), link (target; for HPC_ENTRY_LINK the leader's name, relative to base as well). The type
 * comes from head->mode. A link whose leader failed is refused (-ENOENT), even if something else
 * bears the leader's name; one whose leader has not come is put aside until hpc_restore_finish(),
 * and HPC_BEGIN_DONE. -ELOOP: a parent is a symlink; -EISDIR: a directory that is not empty is in
 * the way; -ENODATA: a size but not HPC_ENTRY_HAS_DATA; -ESTALE: a parent, or the leader, is not
 * what was restored; -EEXIST: the leader's name bears another file that was kept; -ERANGE: a device
 * number that does not fit. An entry in progress is discarded first. A directory that exists is
 * kept, with its attributes only if the rule is `never`.
 */
int hpc_restore_begin(struct hpc_restore *r, const struct hpc_entry_head *head, const char *name,
                      size_t name_len, const char *link, size_t link_len);
/* Data of the entry that began last; offset from its start. 0 or -errno. len 0: the file reaches at
 * least to offset (a hole at its end). Zero blocks of a file that was sparse (head->blocks says so)
 * become holes. An error stays: the commit returns it. */
int hpc_restore_write(struct hpc_restore *r, uint64_t offset, const void *data, size_t len);
/*
 * The xattr block (docs/ptcomm.md, frame B) of the entry that began last, before its end; at most
 * one. A file keeps it until its end, a directory until the last pass, anything else gets it at
 * once; for an entry that was skipped or failed it is ignored. Attributes that cannot be set, that
 * are never written back (where an object lies on Lustre, Ceph, GPFS, btrfs, in an overlay), and a
 * block that is damaged, fail no entry: they are counted in attributes_failed and reported. -errno:
 * an entry that had only been waiting for its block (HPC_ENTRY_ATTRS, and no data) could not be
 * completed, and is gone.
 */
int hpc_restore_xattrs(struct hpc_restore *r, const uint8_t *block, size_t len);
/* Hears of attributes that could not be set: "owner", "mode", "times", or an xattr's name; error is
 * positive. The path is the entry's, below the base. After 100 they are only counted. */
typedef void (*hpc_restore_attribute)(void *context, const char *path, size_t path_len,
                                      const char *attribute, int error);
void hpc_restore_on_attribute(struct hpc_restore *r, hpc_restore_attribute callback, void *context);
/* Hears, within hpc_restore_finish() or hpc_restore_links(), of every hard link that had been put
 * aside and could not be made; error is positive. ENOENT: nothing bears the leader's name (`link`,
 * below the base); EEXIST: another file does; ESTALE: not the one that was restored. */
typedef void (*hpc_restore_failure)(void *context, const char *path, size_t path_len,
                                    const char *link, size_t link_len, int error);
void hpc_restore_on_failure(struct hpc_restore *r, hpc_restore_failure callback, void *context);
/* commit != 0: size, owner, xattrs and ACLs, mode, times, final name, inode flags. commit == 0: the
 * unfinished file is removed. 0 or -errno; owner/mode/time problems of non-root users do not fail
 * the entry: they are counted in the stats. HPC_BEGIN_SKIPPED, or -EISDIR: the file's own name
 * stays with what bears it; its content was taken for its other names. */
int hpc_restore_end(struct hpc_restore *r, int commit);
/* Descriptor of the entry that is being written, -1 if none (the FD asks for seeks). */
int hpc_restore_fd(const struct hpc_restore *r);
/* Makes the links that were put aside; no entry may follow. hpc_restore_finish() does it, too: for
 * a caller who has several jobs with directories in common, whose times must come after every link.
 */
void hpc_restore_links(struct hpc_restore *r);
/* Directory owners, ACLs, modes and times, deepest first, and inode flags of files with several
 * names. 0 or -errno of the first that could not be opened (all are tried); attributes that could
 * not be set are counted. -ECANCELED: cancelled; directories got theirs as far as two seconds go.
 */
int hpc_restore_finish(struct hpc_restore *r);
void hpc_restore_cancel(struct hpc_restore *r);
/* Also removes an unfinished file and the list. */
void hpc_restore_free(struct hpc_restore *r);

struct hpc_restore_stats { /* u64 each */
    uint64_t files, directories, symlinks, hardlinks, specials, bytes;
    uint64_t skipped;           /* by the replace rule */
    uint64_t failed;            /* entries that could not be restored */
    uint64_t attributes_failed; /* entries whose owner, xattrs, ACL, mode, times or flags could not
                                   be set in full */
    uint64_t xattrs;            /* extended attributes, ACLs and project ids set */
    uint64_t unfinished;     /* after hpc_restore_finish(): directories that a cancel left without
                                owner, mode and times */
    uint64_t owners_refused; /* among attributes_failed: the owner could not be set for want of
                                privileges (EPERM) */
};
void hpc_restore_get_stats(const struct hpc_restore *r, struct hpc_restore_stats *out);

/*
 * ---- entries of their own ----
 * hpc_restore_begin() and the like work on one entry that belongs to the context. Whoever writes
 * several at a time makes one of these for each thread; the rules are the same. All must be freed
 * before hpc_restore_finish(). The caller sees to it that names of one entry, and a hard link and
 * its leader, do not overtake each other.
 */
struct hpc_restore_entry;
struct hpc_restore_entry *hpc_entry_new(struct hpc_restore *r); /* NULL: no memory */
int hpc_entry_begin(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                    const char *name, size_t name_len, const char *link, size_t link_len);
/*
 * A directory that is not to be restored itself: if it has to be made because something below it
 * is, it gets what `head` and its xattr block say instead of 0755 and whatever else. One that is
 * there is left alone. Before or after what is below it; counted nowhere. 0 or -errno.
 */
int hpc_entry_parent(struct hpc_restore_entry *e, const struct hpc_entry_head *head,
                     const char *name, size_t name_len);
int hpc_entry_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len);
int hpc_entry_xattrs(struct hpc_restore_entry *e, const uint8_t *block, size_t len);
int hpc_entry_end(struct hpc_restore_entry *e, int commit);
int hpc_entry_fd(const struct hpc_restore_entry *e);
/* NULL does nothing. Also removes an unfinished file. */
void hpc_entry_free(struct hpc_restore_entry *e);

/* ---- flat API for foreign calls (libhpcrestore.so, flat.c); handles as in hpc_scan.h (0: -EINVAL)
 * ---- */
#ifdef HPC_RESTORE_LIBRARY
#pragma GCC visibility push(default)
#endif

/* Of a failed entry; the name and padding to a multiple of 8 follow. */
struct hpc_failure_head {
    uint32_t record_len;
    int32_t error; /* positive */
    uint32_t name_len;
    uint32_t op; /* enum hpc_restore_op: what was about to be done */
};
enum hpc_restore_op {
    HPC_RESTORE_OP_CREATE = 1, /* hpc_restore_begin() */
    HPC_RESTORE_OP_LINK = 2,  /* a hard link; `name` holds the entry's name, a NUL, and the leader's
                                 name; of one that was put aside both begin with a '/', the base */
    HPC_RESTORE_OP_WRITE = 3, /* data */
    HPC_RESTORE_OP_COMMIT = 4,    /* attributes and final name */
    HPC_RESTORE_OP_SOURCE = 5,    /* Z with an error, or a byte count that is not what came: EIO */
    HPC_RESTORE_OP_DISCARD = 6,   /* X: the caller wanted it so: EIO */
    HPC_RESTORE_OP_ATTRIBUTE = 7, /* no failed entry: one attribute of it; `name` holds the entry's
                                     name below the base, a NUL, and the attribute's */
};

#define HPC_RESTORE_ABI 1
int64_t hpc_restore_abi(void);
/* -ELOOP as hpc_restore_new(); hpc_restore_base_link() then says which symlink it was. */
int64_t hpc_restore_open(const uint8_t *base, int64_t base_len, const uint8_t *work_dir,
                         int64_t work_dir_len, int64_t replace, int64_t flags);
/* Looks at the way to `base` again: the path of the symlink that is not followed, as much as fits
 * cap. Its length, 0: there is none (any more), or -errno. */
int64_t hpc_restore_base_link(const uint8_t *base, int64_t base_len, uint8_t *out, int64_t cap);
int64_t hpc_restore_flat_keep_xattrs(int64_t handle, int64_t keep);
int64_t hpc_restore_flat_root(int64_t handle, const uint8_t *name, int64_t len);
/*
 * frames: hpc/1 frames (8-byte header + payload) of one or more entries: M, then B when
 * HPC_ENTRY_ATTRS (its last 8 bytes are a digest when M has HPC_ENTRY_DIGEST, and not looked at),
 * then D*, Z when HAS_DATA; an entry may span calls; a frame that is cut at the end is not consumed
 * (give it again, whole). With a hole map the D frames hold only what lies outside the holes. A Z
 * frame with an error, or one whose byte count differs from what came, discards the entry (EIO);
 * digests are the caller's business. A frame P is an M of a directory that is not to be restored
 * itself: hpc_entry_parent(). B may follow it, too. A frame with status 'X' and no payload discards
 * the entry in progress (the caller found it damaged); without one it does nothing. failures
 * receives, for entries that failed, a struct hpc_failure_head each and what follows it; one that
 * does not fit even into an empty buffer is only counted. *used_out (u64, always set) = bytes of
 * failures. Returns bytes of frames consumed (< len when failures is full: call again with the
 * rest) or -errno (-EBADMSG: not frames, or not in this order; the context can then only be closed;
 * -ECANCELED).
 */
int64_t hpc_restore_feed(int64_t handle, const uint8_t *frames, int64_t len, uint8_t *failures,
                         int64_t failures_cap, uint8_t *used_out);
/* What was not told yet, above all by hpc_restore_flat_finish(), as records of `failures` above;
 * returns bytes, 0 = that was all. */
int64_t hpc_restore_flat_failures(int64_t handle, uint8_t *failures, int64_t failures_cap);
/* Copies struct hpc_restore_stats (as much as fits cap); returns bytes copied. */
int64_t hpc_restore_flat_stats(int64_t handle, uint8_t *out, int64_t cap);
int64_t hpc_restore_flat_finish(int64_t handle);
int64_t hpc_restore_flat_cancel(int64_t handle);
int64_t hpc_restore_close(int64_t handle);

#ifdef HPC_RESTORE_LIBRARY
#pragma GCC visibility pop
#endif

#endif
