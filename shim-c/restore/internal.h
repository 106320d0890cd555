/* What the files of the restore core share. Nothing here is part of the API. */
#ifndef HPC_RESTORE_INTERNAL_H
#define HPC_RESTORE_INTERNAL_H

#include "hpc_restore.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

/* A parent that had to be made before its own entry came: nobody but us may enter it, and the sticky bit
 * (meaningless on such a directory) tells it from a directory whose entry has been seen. */
#define HPC_PLACEHOLDER_MODE 01700u
/* What a placeholder becomes when its own entry never comes: the mode mkdir(1) would give with umask 022. */
#define HPC_DEFAULT_DIR_MODE 0755u
/* One openat2() per this many bytes of path; PATH_MAX is 4096 with the NUL. */
#define HPC_PATH_CHUNK 4095u
/* Inodes whose content could not be restored and whose other names may still come. Beyond this many every later hard
 * link is refused: 1 MiB of memory is the limit, and a restore with so many failures has failed. */
#define HPC_FAILED_GROUPS 65536u
/* Zero blocks of this size become holes in files that were sparse: the block size of every common filesystem. */
#define HPC_SPARSE_BLOCK 4096u

struct hpc_bytes {  /* NUL-terminated, grows, never shrinks */
    char *data;
    size_t len, cap;
};
int hpc_bytes_reserve(struct hpc_bytes *b, size_t cap);

/* ---- tree.c: directories below the base, without following any symlink ---- */
struct hpc_dirlist;
struct hpc_tree {
    int base;         /* O_PATH */
    bool no_openat2;  /* the kernel, or a seccomp filter, refuses it: go component by component */
};
struct hpc_dircache {  /* the directory that was used last */
    struct hpc_bytes path;
    int fd;
};
/* Writes the normal form of a name ("a/b", no leading, trailing or double '/') to out; -EINVAL for ".", ".." and NUL. */
int hpc_normalise(struct hpc_bytes *out, const char *name, size_t len);
/* Descriptor (O_PATH, owned by the cache or the tree) of directory path[0..len), normal form. made: missing directories are made
 * as placeholders and listed there; NULL: -ENOENT. -ELOOP when a component is a symlink. */
int hpc_tree_dir(struct hpc_tree *t, struct hpc_dircache *cache, const char *path, size_t len, struct hpc_dirlist *made);
/* openat(2) of one component as a directory, O_NOFOLLOW: -ELOOP for a symlink. */
int hpc_open_dir(int parent, const char *name, int flags);
bool hpc_is_placeholder(const struct stat *st);
void hpc_dircache_free(struct hpc_dircache *cache);

/* ---- attributes.c ---- */
struct hpc_attributes {
    int64_t mtime_s, atime_s;
    uint32_t mtime_ns, atime_ns, mode, uid, gid;
};
void hpc_attributes_of(struct hpc_attributes *a, const struct hpc_entry_head *head);
/* Owner, then mode (chown clears setuid), then times. false: something could not be set; the rest was. */
bool hpc_apply_to_fd(int fd, const struct hpc_attributes *a);
bool hpc_apply_to_name(int parent, const char *name, const struct hpc_attributes *a);

/* ---- dirlist.c: directories to be finished, on disk; memory grows with depth only ---- */
struct hpc_chain {
    uint64_t first, last;  /* file offset + 1; 0 = none */
};
struct hpc_dirlist {
    int fd;
    uint64_t end;
    struct hpc_chain *chains;  /* [0] placeholders, [1 + depth] directories at that depth */
    size_t chain_count;
};
typedef int (*hpc_dirlist_visit)(void *context, const struct hpc_attributes *a, const char *path, size_t len);
int hpc_dirlist_open(struct hpc_dirlist *l, int dir);
int hpc_dirlist_add(struct hpc_dirlist *l, const struct hpc_attributes *a, const char *path, size_t len);
int hpc_dirlist_add_placeholder(struct hpc_dirlist *l, const char *path, size_t len);
/* Visits one chain, oldest first, until visit() is not 0. */
int hpc_dirlist_each(struct hpc_dirlist *l, size_t chain, hpc_dirlist_visit visit, void *context);
void hpc_dirlist_free(struct hpc_dirlist *l);

/* ---- restore.c ---- */
struct hpc_file {  /* the regular file being written */
    int fd;        /* -1: none */
    int parent;    /* borrowed from parents */
    const char *name;  /* last component, within path */
    bool in_place, sparse;
    int error;     /* first write error: a commit returns it */
    uint64_t size;     /* as far as the file reaches */
    uint64_t written;  /* as far as bytes were really written */
    uint64_t bytes;    /* bytes given */
    char temp[40];
    struct hpc_entry_head head;
};

struct hpc_restore {
    struct hpc_tree tree;
    struct hpc_dircache parents, leaders;
    struct hpc_dirlist dirs;
    enum hpc_replace replace;
    unsigned flags;
    atomic_bool cancelled;
    uint64_t temp_seed;
    struct hpc_bytes path, leader, target;
    struct hpc_file file;
    struct hpc_restore_stats stats;
    uint64_t *failed_groups;  /* open addressing, 0 = free; made at the first failure */
    size_t failed_count;
};

/* Where an entry goes. */
struct hpc_place {
    int parent;
    const char *name;
    bool exists;
    struct stat st;  /* of what is there */
};
void hpc_temp_name(struct hpc_restore *r, char out[40]);

/* ---- objects.c: everything that is complete at once. 0, HPC_BEGIN_SKIPPED or -errno ---- */
bool hpc_may_replace(enum hpc_replace rule, const struct hpc_entry_head *head, const struct stat *existing);
int hpc_make_directory(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head);
int hpc_make_node(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head, const char *target);
int hpc_make_link(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head);

/* ---- groups.c ---- */
void hpc_group_failed(struct hpc_restore *r, uint64_t group);
bool hpc_group_has_failed(const struct hpc_restore *r, uint64_t group);

#endif
