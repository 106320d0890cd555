/* What the files of the restore core share. Nothing here is part of the API. */
#ifndef HPC_RESTORE_INTERNAL_H
#define HPC_RESTORE_INTERNAL_H

#include "hpc_restore.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

/* A parent that had to be made before its own entry came: nobody but us may enter it, and the
 * sticky bit (meaningless on such a directory) tells the next restore that this one was
 * interrupted. */
#define HPC_PLACEHOLDER_MODE 01700u
/* What a placeholder becomes when its own entry never comes: the mode mkdir(1) would give with
 * umask 022. */
#define HPC_DEFAULT_DIR_MODE 0755u
/* Zero blocks of this size become holes in files that were sparse: the block size of every common
 * filesystem. */
#define HPC_SPARSE_BLOCK     4096u
/* Directories held open for the entries to come; the last pass holds as many levels. */
#define HPC_DIRS_KEPT        16u
#define HPC_LEVELS_KEPT      64u

/* Attributes that could not be set are named one by one up to here, and only counted beyond:
 * without privileges it may be every file's owner. */
#define HPC_NAMED_ATTRIBUTES    100u
/* How long a cancelled restore may go on with the attributes of directories: two seconds are what a
 * cancel may take in all. */
#define HPC_CANCELLED_FINISH_MS 1000

struct hpc_bytes { /* NUL-terminated, grows, never shrinks */
    char *data;
    size_t len, cap;
};
int hpc_bytes_reserve(struct hpc_bytes *b, size_t cap);
int hpc_bytes_set(struct hpc_bytes *b, const void *data, size_t len);

/* Which object it is, whatever name it bears. An inode number that was freed and given again
 * differs in the time of birth, where the filesystem keeps that. */
struct hpc_identity {
    uint64_t dev, ino;
    int64_t birth_s;
    uint32_t birth_ns, unused;
};
/* name NULL: the object behind fd (O_PATH will do); else the name in directory fd, not followed. */
int hpc_look(int fd, const char *name, struct statx *out);
struct hpc_identity hpc_identity_of(const struct statx *sx);
bool hpc_is_same(const struct hpc_identity *a, const struct hpc_identity *b);

/* ---- spool.c: an anonymous file for what must not be kept in memory ---- */
struct hpc_spool {
    int fd;
    uint64_t end;
};
int hpc_spool_open(struct hpc_spool *s, int dir);
int hpc_spool_read(const struct hpc_spool *s, void *data, size_t len, uint64_t at);
int hpc_spool_write(const struct hpc_spool *s, const void *data, size_t len, uint64_t at);
int hpc_spool_append(struct hpc_spool *s, const void *data, size_t len,
                     uint64_t *at); /* at is never 0 */

/* ---- table.c: from a key to a place in the spool. In memory up to 1 MiB, then in the spool itself
 * ---- */
struct hpc_key {
    uint64_t word[2];
};
struct hpc_slot {
    struct hpc_key key;
    uint64_t value; /* 0: free */
};
struct hpc_table {
    struct hpc_slot *memory; /* NULL: in the spool, from `at` on */
    uint64_t at;
    size_t capacity, count; /* capacity: a power of two */
};
/* Keyed with the job's secret: nobody can choose names whose keys are the same. */
struct hpc_key hpc_key_of(const uint64_t secret[2], uint64_t space, const void *bytes, size_t len);
int hpc_table_get(const struct hpc_table *t, const struct hpc_spool *s, const struct hpc_key *key,
                  uint64_t *value); /* 0: not there */
int hpc_table_put(struct hpc_table *t, struct hpc_spool *s, const struct hpc_key *key,
                  uint64_t value);

/* ---- attributes.c ---- */
struct hpc_attributes {
    int64_t mtime_s, atime_s;
    uint32_t mtime_ns, atime_ns, mode, uid, gid, unused;
};
void hpc_attributes_of(struct hpc_attributes *a, const struct hpc_entry_head *head);
/* Something whose attributes are being set. */
struct hpc_target {
    int fd;
    const char *name; /* NULL: the object behind fd itself; else the name in directory fd, which
                         nobody else can change */
    bool path_only;   /* fd was opened with O_PATH */
    const struct hpc_bytes *path; /* for reports; NULL: that of */
    uint64_t record;              /* this record */
};
/* An xattr block, and what must go unless the block has it. */
struct hpc_block {
    const char *data;
    size_t len;
    bool strip_acl, strip_default_acl;
    bool strip_others; /* user.* and trusted.* */
};
/* All in their order but the inode flags. block may be NULL. false: something could not be set,
 * which was reported; the rest was. */
bool hpc_apply(struct hpc_restore *r, const struct hpc_target *t, struct hpc_attributes *a,
               const struct hpc_block *block);
/* chmod of what an O_PATH descriptor holds. */
int hpc_chmod_held(int fd, mode_t mode);
/* true when err is 0; else the attribute is reported. */
bool hpc_took(struct hpc_restore *r, const struct hpc_target *t, const char *attribute, int err);

/* ---- xattrs.c ---- */
#define HPC_ACL_ACCESS  "system.posix_acl_access"
#define HPC_ACL_DEFAULT "system.posix_acl_default"
bool hpc_xattr_is_restored(const char *name);
bool hpc_block_is_sound(const void *block, size_t len);
/* Everything but the flags; t->name must be NULL. */
bool hpc_apply_block(struct hpc_restore *r, const struct hpc_target *t,
                     const struct hpc_block *block);
uint32_t hpc_block_flags(const struct hpc_block *block);
bool hpc_apply_flags(struct hpc_restore *r, const struct hpc_target *t, uint32_t flags);
/* Whether what is made in the directory inherits an ACL: 1, 0, or -errno when that cannot be told.
 */
int hpc_has_default_acl(int dir);

/* ---- records.c: every directory that was met, as a tree in the spool, and inode flags that have
 * to wait ---- */
enum hpc_record_kind {
    HPC_RECORD_PASSAGE,     /* on the way to something; not ours to change */
    HPC_RECORD_PARENT,      /* the same, but if we have to make it, it gets these attributes */
    HPC_RECORD_PLACEHOLDER, /* made by us, its entry has not come */
    HPC_RECORD_CREATED,     /* made by us */
    HPC_RECORD_ADOPTED,     /* was there; its entry came */
    HPC_RECORD_FLAGS, /* inode flags of a file with several names: an immutable one could not be
                         linked to */
};
struct hpc_body {
    struct hpc_identity id; /* PLACEHOLDER and beyond: which object is meant */
    uint64_t block;
    uint32_t block_len, kind, inode_flags;
    uint32_t keep_xattrs; /* ADOPTED: it keeps what its entry does not tell of */
    struct hpc_attributes attributes;
};
struct hpc_record {
    uint64_t parent, child, next; /* places in the spool; 0: none */
    struct hpc_body body;
    uint32_t name_len; /* the name follows */
    uint32_t live;     /* the last pass has something to do here or below */
};
int hpc_records_open(struct hpc_restore *r);
/* Place of the record of a directory, or 0. */
int hpc_record_find(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
                    uint64_t *at);
int hpc_record_add(struct hpc_restore *r, uint64_t parent, const char *name, size_t len,
                   const struct hpc_body *body, uint64_t *at);
int hpc_record_read(struct hpc_restore *r, uint64_t at, struct hpc_record *out);
int hpc_record_name(struct hpc_restore *r, uint64_t at, const struct hpc_record *record,
                    struct hpc_bytes *out);
int hpc_record_update(struct hpc_restore *r, uint64_t at, const struct hpc_body *body);
/* Of the directory path[0..len) below that of `from`; what is not there yet becomes a PASSAGE. */
int hpc_record_along(struct hpc_restore *r, uint64_t from, const char *path, size_t len,
                     uint64_t *at);
int hpc_record_path(struct hpc_restore *r, uint64_t at, struct hpc_bytes *out);
int hpc_record_attach(struct hpc_restore *r, uint64_t at, const void *block, size_t len);

/* ---- tree.c: directories below the base, without following any symlink ---- */
struct hpc_dir {
    int fd;    /* O_PATH */
    int stage; /* -1, or a directory in it that only we can enter, */
    char stage_name[40];
    uint64_t record;
    struct hpc_identity id;
    /* Nobody else can change which names are in it, or what new objects inherit from it: then names
     * are as good as descriptors. */
    atomic_bool alone;
    atomic_bool no_acls; /* its filesystem has none */
    uint32_t owner;      /* of what we make in it */
    size_t users;
    uint64_t used; /* when it was last asked for */
    struct hpc_bytes path;
};
/* Writes the normal form of a name ("a/b", no leading, trailing or double '/') to out; -EINVAL for
 * ".", ".." and NUL. */
int hpc_normalise(struct hpc_bytes *out, const char *name, size_t len);
/* Length of the directory part of a path in normal form: up to, not including, the last '/'. */
size_t hpc_dir_length(const char *path, size_t len);
/* The directory path[0..len), held until hpc_dir_put(). make: what is missing is made as
 * placeholders. -ELOOP: a component is a symlink; -ESTALE: it is not the directory that was made or
 * adopted under that name in this run. */
int hpc_dir_get(struct hpc_restore *r, const char *path, size_t len, bool make,
                struct hpc_dir **out);
void hpc_dir_put(struct hpc_restore *r, struct hpc_dir *dir);
/* Remembers a directory that was just made or adopted; takes the descriptor. */
int hpc_dir_keep(struct hpc_restore *r, int fd, const struct statx *sx, uint64_t record, bool ours,
                 const char *path, size_t len);
/* Makes a directory under a name that is free: its descriptor (O_PATH) and what it is. -EEXIST: the
 * name is not free any more. */
int hpc_dir_make(struct hpc_restore *r, struct hpc_dir *parent, const char *name, mode_t mode,
                 struct statx *out);
/* Where only we can change names: the directory itself, or one in it. -errno. */
int hpc_dir_stage(struct hpc_restore *r, struct hpc_dir *dir);
int hpc_tree_open(struct hpc_restore *r, int base);
/* Lets go of what is held and takes away what was made for our own use. No entry may be in
 * progress. */
void hpc_tree_rest(struct hpc_restore *r);
void hpc_tree_close(struct hpc_restore *r);
bool hpc_is_placeholder(uint32_t mode, uint32_t uid);

/* ---- roots.c: where the ordinary way met a symlink (-ELOOP) ---- */
struct hpc_roots {
    char *base;
    struct hpc_bytes *list; /* names below it */
    size_t count;
};
/* Descriptor (O_PATH) of the deepest directory that is there, at or above `path`, as far as the
 * name of a root goes; *used: bytes of `path` that it stands for. -ELOOP. */
int hpc_roots_open(const struct hpc_roots *roots, const char *path, size_t len, size_t *used);
/* The same, but all of it: -ELOOP if that is more than a root. */
int hpc_roots_whole(const struct hpc_roots *roots, const char *path, size_t len);
bool hpc_roots_has(const struct hpc_roots *roots, const struct hpc_bytes *path);
void hpc_roots_free(struct hpc_roots *roots);

/* ---- the job: what entries share ---- */
struct hpc_counters { /* struct hpc_restore_stats, for many threads */
    atomic_ullong files, directories, symlinks, hardlinks, specials, bytes, skipped, failed,
        attributes_failed, xattrs, unfinished, owners_refused;
};
struct hpc_grain {
    uint64_t dev;
    int64_t nanoseconds;
};
struct hpc_restore {
    struct hpc_dir *base;
    struct hpc_roots roots;
    enum hpc_replace replace;
    unsigned flags;
    uint64_t secret[2];
    atomic_bool cancelled, keep_xattrs;
    int64_t patience; /* milliseconds that the last pass goes on when cancelled */
    atomic_ullong temp_seed;
    struct hpc_counters stats;
    struct hpc_restore_entry *single; /* of hpc_restore_begin() and the like */

    pthread_mutex_t lock; /* guards what follows */
    struct hpc_dir *dirs[HPC_DIRS_KEPT];
    uint64_t clock;
    struct hpc_spool spool;
    struct hpc_table names;               /* records by parent and name */
    struct hpc_table leaders;             /* first names of files with several */
    uint64_t root;                        /* the base's record */
    uint64_t todo;                        /* records that the last pass has to do something about */
    uint64_t first_late, last_late, late; /* links whose leader has not come */
    uint64_t last_stash;                  /* files that are there for their other names only */
    struct hpc_grain grains[8];
    size_t grain_count;

    pthread_mutex_t reports; /* guards what follows */
    hpc_restore_attribute on_attribute;
    void *on_attribute_context;
    hpc_restore_failure on_failure;
    void *on_failure_context;
    uint64_t attributes_named;
};
void hpc_temp_name(struct hpc_restore *r, char out[40]);

/* ---- one entry, from its begin to its end ---- */
struct hpc_restore_entry {
    struct hpc_restore *job;
    enum hpc_entry_state {
        HPC_STATE_IDLE,
        HPC_STATE_FILE,
        HPC_STATE_DIRECTORY,
        HPC_STATE_NODE
    } state;
    struct hpc_entry_head head;
    struct hpc_bytes path, link, block;
    struct hpc_dir *parent; /* held; NULL: none */
    const char *name;       /* last component, within path */
    bool exists;
    struct stat st;  /* of what is there */
    uint64_t record; /* HPC_STATE_DIRECTORY */
    int held;        /* HPC_STATE_NODE: O_PATH, or -1 where its name is as good */
    bool counted;    /* among attributes_failed */
    /* HPC_STATE_FILE: */
    int fd;
    bool in_place, sparse, strip_acl, has_block;
    bool whole; /* without data: only its xattr block is still to come */
    /* Its own name is taken by something that stays: it keeps its temporary one until the end, for
     * its other names to be linked to. */
    bool stashed;
    int why_stashed;  /* what its end returns: HPC_BEGIN_SKIPPED or -errno */
    int error;        /* first write error: a commit returns it */
    uint64_t size;    /* as far as the file reaches */
    uint64_t written; /* as far as bytes were really written */
    uint64_t bytes;   /* bytes given */
    char temp[40];
};
void hpc_entry_close(struct hpc_restore_entry *e);
/* Lets go of its parent. */
void hpc_entry_rest(struct hpc_restore_entry *e);

/* ---- replace.c ---- */
/* Whether the entry may take the place of what exists, by rule; times are compared as the
 * filesystem keeps them. */
bool hpc_may_replace(struct hpc_restore_entry *e);
/* -1, 0 or 1: the entry's mtime compared with an existing object's in `dir`. */
int hpc_compare_times(struct hpc_restore *r, struct hpc_dir *dir, const struct hpc_entry_head *head,
                      int64_t seconds, int64_t nanoseconds);

/* ---- file.c ---- */
int hpc_file_open(struct hpc_restore_entry *e);
int hpc_file_write(struct hpc_restore_entry *e, uint64_t offset, const void *data, size_t len);
/* Attributes, size, final name. Not 0: nothing is there under its name; discard what is left. */
int hpc_file_commit(struct hpc_restore_entry *e);
void hpc_file_discard(struct hpc_restore_entry *e);

/* ---- objects.c: everything that is complete at once. 0, HPC_BEGIN_SKIPPED or -errno ---- */
int hpc_make_directory(struct hpc_restore_entry *e);
int hpc_make_node(struct hpc_restore_entry *e);
/* The xattr block of the node that was made last. */
bool hpc_give_node_block(struct hpc_restore_entry *e, const struct hpc_block *block);
/* The entry of a root that is a symlink now: the directory behind it is what gets the attributes.
 */
int hpc_adopt_root(struct hpc_restore_entry *e);
/* Notes what the base is, which is there already. */
int hpc_adopt_base(struct hpc_restore_entry *e);
/* Notes what a directory would be if we had to make it. */
int hpc_note_parent(struct hpc_restore_entry *e);

/* ---- links.c ---- */
enum hpc_leader_state {
    HPC_LEADER_UNKNOWN,
    HPC_LEADER_MADE,
    HPC_LEADER_FAILED,
    HPC_LEADER_KEPT /* what was there stays, by rule */
};
bool hpc_may_lead(const struct hpc_entry_head *head);
/* id: HPC_LEADER_MADE only. */
int hpc_leader_note(struct hpc_restore *r, const struct hpc_bytes *path,
                    enum hpc_leader_state state, const struct hpc_identity *id);
/* Its content lies under e->temp, beside where it would be. */
int hpc_leader_stash(struct hpc_restore_entry *e, const struct hpc_identity *id);
/* What is there is the file that the entry tells of, as far as type, size, time, owner and mode can
 * say. */
bool hpc_is_like(struct hpc_restore_entry *e, struct hpc_dir *dir, const struct statx *sx);
/* last: its leader will not come any more. */
int hpc_make_link(struct hpc_restore_entry *e, bool last);
/* Links that were put aside. */
void hpc_make_late_links(struct hpc_restore *r);
void hpc_remove_stashes(struct hpc_restore *r);

/* ---- entry.c ---- */
int hpc_entry_place(struct hpc_restore_entry *e);
int hpc_clear_way(struct hpc_restore_entry *e);

#endif
