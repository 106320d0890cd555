/* What the files of the restore core share. Nothing here is part of the API. */
#ifndef HPC_RESTORE_INTERNAL_H
#define HPC_RESTORE_INTERNAL_H

#include "hpc_restore.h"
#include <errno.h>
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

/* Attributes that could not be set are named one by one up to here, and only counted beyond: without privileges it may be every file's owner. */
#define HPC_NAMED_ATTRIBUTES 100u
/* How long a cancelled restore may go on with the attributes of directories: a cancel is expected to work within seconds. */
#define HPC_CANCELLED_FINISH_SECONDS 2

struct hpc_bytes {  /* NUL-terminated, grows, never shrinks */
    char *data;
    size_t len, cap;
};
int hpc_bytes_reserve(struct hpc_bytes *b, size_t cap);

/* ---- tree.c: directories below the base, without following any symlink ---- */
struct hpc_dirlist;
enum hpc_acl { HPC_ACL_UNKNOWN, HPC_ACL_NONE, HPC_ACL_DEFAULT /* what is made in it inherits an ACL */ };
struct hpc_roots {
    char *base;
    struct hpc_bytes *list;  /* names below it */
    size_t count;
};
struct hpc_tree {
    int base;         /* O_PATH */
    struct hpc_roots roots;
    enum hpc_acl acl; /* of the base */
    bool no_openat2;  /* the kernel, or a seccomp filter, refuses it: go component by component */
};
struct hpc_dircache {  /* the directory that was used last */
    struct hpc_bytes path;
    int fd;
    enum hpc_acl acl;
};
/* Writes the normal form of a name ("a/b", no leading, trailing or double '/') to out; -EINVAL for ".", ".." and NUL. */
int hpc_normalise(struct hpc_bytes *out, const char *name, size_t len);
/* Descriptor (O_PATH, owned by the cache or the tree) of directory path[0..len), normal form. made: missing directories are made
 * as placeholders and listed there; NULL: -ENOENT. -ELOOP when a component is a symlink. */
int hpc_tree_dir(struct hpc_tree *t, struct hpc_dircache *cache, const char *path, size_t len, struct hpc_dirlist *made);
/* openat(2) of one component as a directory, O_NOFOLLOW: -ELOOP for a symlink. */
int hpc_open_dir(int parent, const char *name, int flags);
bool hpc_is_placeholder(const struct stat *st);

/* ---- roots.c: where the ordinary way met a symlink (-ELOOP) ---- */
/* Descriptor (O_PATH) of the deepest directory that is there, at or above `path`, as far as the name of a root goes; *used: bytes of `path` that it stands for. -ELOOP. */
int hpc_roots_open(const struct hpc_roots *roots, const char *path, size_t len, size_t *used);
bool hpc_roots_has(const struct hpc_roots *roots, const struct hpc_bytes *path);
/* The entry of a root that is a symlink now: the directory behind it is what gets the attributes. */
int hpc_roots_adopt(struct hpc_restore *r, const struct hpc_entry_head *head);
void hpc_roots_free(struct hpc_roots *roots);
void hpc_dircache_free(struct hpc_dircache *cache);

/* ---- attributes.c ---- */
struct hpc_attributes {
    int64_t mtime_s, atime_s;
    uint32_t mtime_ns, atime_ns, mode, uid, gid;
};
void hpc_attributes_of(struct hpc_attributes *a, const struct hpc_entry_head *head);
/* name NULL: the object behind fd itself; else the name in directory fd, not followed. 0 or -errno. */
int hpc_set_owner(int fd, const char *name, struct hpc_attributes *a);  /* takes setuid and setgid out of a->mode where they would be another's */
int hpc_set_mode(int fd, const char *name, const struct hpc_attributes *a);
int hpc_set_times(int fd, const char *name, const struct hpc_attributes *a);
/* Something whose attributes are being set. */
struct hpc_target {
    int fd;
    const char *name;  /* NULL: the object behind fd itself; else the name in directory fd, not followed */
    bool path_only;    /* fd was opened with O_PATH */
    const char *path;  /* for reports */
    size_t path_len;
};
/* An xattr block, and whether ACLs that came by inheritance must go unless the block has its own. */
struct hpc_block {
    const char *data;
    size_t len;
    bool strip_acl, strip_default_acl;
};
/* All in their order but the inode flags. block may be NULL. false: something could not be set, which was reported; the rest was. */
bool hpc_apply(struct hpc_restore *r, const struct hpc_target *t, struct hpc_attributes *a, const struct hpc_block *block);

/* ---- xattrs.c ---- */
bool hpc_xattr_is_restored(const char *name);
bool hpc_block_is_sound(const void *block, size_t len);
/* Everything but the flags; t->name must be NULL. */
bool hpc_apply_block(struct hpc_restore *r, const struct hpc_target *t, const struct hpc_block *block);
uint32_t hpc_block_flags(const struct hpc_block *block);
bool hpc_apply_flags(struct hpc_restore *r, const struct hpc_target *t, uint32_t flags);
/* Whether new objects in the directory `parent` (the base, or what r->parents holds) inherit an ACL. */
bool hpc_has_default_acl(struct hpc_restore *r, int parent);
/* true when err is 0; else the attribute is reported. */
bool hpc_took(struct hpc_restore *r, const struct hpc_target *t, const char *attribute, int err);

/* ---- dirlist.c: what the last pass has to do, on disk; memory grows with depth only ---- */
struct hpc_chain {
    uint64_t first, last;  /* file offset + 1; 0 = none */
};
struct hpc_dirlist {
    int fd;
    uint64_t end;
    uint64_t last;         /* offset of the record that was added last */
    struct hpc_chain *chains;  /* [0] placeholders, [1 + depth] what lies at that depth */
    size_t chain_count;
};
enum hpc_todo_kind {
    HPC_TODO_PLACEHOLDER,  /* a parent whose entry had not come */
    HPC_TODO_CREATED,      /* a directory that we made */
    HPC_TODO_ADOPTED,      /* a directory that was there */
    HPC_TODO_FLAGS,        /* inode flags of a file with several names: an immutable one could not be linked to */
};
struct hpc_todo {
    enum hpc_todo_kind kind;
    uint32_t inode_flags;     /* HPC_TODO_FLAGS: these, of */
    uint64_t ino, dev;        /* this inode */
    struct hpc_attributes attributes;
    const char *path, *block; /* path is terminated; both valid within the visit */
    size_t path_len, block_len;
};
typedef int (*hpc_dirlist_visit)(void *context, const struct hpc_todo *todo);
int hpc_dirlist_open(struct hpc_dirlist *l, int dir);
int hpc_dirlist_add(struct hpc_dirlist *l, const struct hpc_todo *todo);
/* Gives the xattr block of what was added last. */
int hpc_dirlist_attach(struct hpc_dirlist *l, const void *block, size_t len);
/* Visits one chain, oldest first, until visit() is not 0. */
int hpc_dirlist_each(struct hpc_dirlist *l, size_t chain, hpc_dirlist_visit visit, void *context);
void hpc_dirlist_free(struct hpc_dirlist *l);

/* ---- the job and its entry ---- */
struct hpc_file {  /* the regular file being written */
    int fd;        /* -1: none */
    int parent;    /* borrowed from parents */
    const char *name;  /* last component, within path */
    bool in_place, sparse;
    bool whole;    /* without data: only its xattr block is still to come */
    bool strip_acl;
    bool has_block;
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
    struct hpc_bytes path, leader, target, block;
    struct hpc_file file;
    enum hpc_last { HPC_LAST_NONE, HPC_LAST_FILE, HPC_LAST_DIRECTORY, HPC_LAST_NODE } last;  /* what began last: whose xattr block may come */
    struct hpc_entry_head last_head;  /* HPC_LAST_NODE */
    int last_parent;
    bool last_counted;                /* among attributes_failed */
    hpc_restore_attribute on_attribute;
    void *on_attribute_context;
    uint64_t attributes_named;
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

/* ---- file.c ---- */
/* pwrite(2) of all of it: 0 or -errno, -ENOSPC where the kernel takes nothing. */
int hpc_pwrite_all(int fd, const void *data, size_t len, uint64_t offset);
int hpc_file_open(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head);
/* Attributes, size, final name. Not 0: nothing is there under its name; discard what is left. */
int hpc_file_commit(struct hpc_restore *r);
void hpc_file_discard(struct hpc_file *f);

/* ---- objects.c: everything that is complete at once. 0, HPC_BEGIN_SKIPPED or -errno ---- */
void hpc_temp_name(struct hpc_restore *r, char out[40]);
bool hpc_may_replace(enum hpc_replace rule, const struct hpc_entry_head *head, const struct stat *existing);
int hpc_make_directory(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head);
int hpc_make_node(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head, const char *target);
/* Notes the directory r->path for the last pass. */
int hpc_finish_later(struct hpc_restore *r, enum hpc_todo_kind kind, const struct hpc_entry_head *head);
/* The xattr block of the object that began last and was complete at once. */
bool hpc_give_node_block(struct hpc_restore *r, const struct hpc_block *block);
int hpc_make_link(struct hpc_restore *r, const struct hpc_place *p, const struct hpc_entry_head *head);

/* ---- groups.c ---- */
void hpc_group_failed(struct hpc_restore *r, uint64_t group);
bool hpc_group_has_failed(const struct hpc_restore *r, uint64_t group);

#endif
