/* A test is a function in the table of main.c; it gets a fresh directory, and the first failed
 * check ends it. */
#ifndef HPC_RESTORE_TEST_H
#define HPC_RESTORE_TEST_H

#include "../attributes/report.h"
#include "../entry.h"
#include "../place/replace.h"
#include "../store/record.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char scratch[64]; /* the test's own directory, which is also the current one; `base` in it is
                            empty and 0777 */

void fail_at(const char *file, int line, const char *what, long long got, long long wanted);
void skip(const char *reason); /* does not return */
#define CHECK(x) \
    do { \
        if (!(x)) \
            fail_at(__FILE__, __LINE__, #x, 0, 1); \
    } while (0)
#define EQUAL(got, wanted) \
    do { \
        long long g_ = (long long)(got), w_ = (long long)(wanted); \
        if (g_ != w_) \
            fail_at(__FILE__, __LINE__, #got, g_, w_); \
    } while (0)

/* ---- the core ---- */
struct hpc_restore *open_core(enum hpc_replace replace, unsigned flags);
struct hpc_entry_head entry(uint32_t mode,
                            uint64_t size); /* uid and gid 1234, mtime 1000.5, atime 2000.25 */
int put(struct hpc_restore *r, struct hpc_entry_head head, const char *name, const char *link);
/* begin, one write, commit; the error of whichever failed, or HPC_BEGIN_SKIPPED. */
int put_file(struct hpc_restore *r, struct hpc_entry_head head, const char *name,
             const char *content);
struct hpc_restore_stats stats_of(const struct hpc_restore *r);

/* ---- what is on disk ---- */
void write_file(const char *path, const char *content);
void set_mtime(const char *path, long seconds, long nanoseconds);
struct stat stat_of(const char *path);
bool exists(const char *path);
void content_is(const char *path, const char *content);
/* Names that begin with ".podheitor-hpc" anywhere below path. */
int leftovers(const char *path);
int open_fds(void);

/* clang-format off: a line for each */
#define TESTS(X) \
    X(every_kind) \
    X(attributes_and_umask) \
    X(hard_links) \
    X(link_of_a_failed_leader) \
    X(sparse_files) \
    X(layouts) \
    X(bad_entries) \
    X(deep_paths) \
    X(planted_symlinks) \
    X(odd_names) \
    X(refused_names) \
    X(links_to_the_base) \
    X(links_at_roots) \
    X(others_links_at_roots) \
    X(missing_parents) \
    X(parents_under_a_umask) \
    X(no_descriptor_leaks) \
    X(replace_files) \
    X(replace_other_kinds) \
    X(replace_directories) \
    X(existing_link_is_not_written_through) \
    X(in_place) \
    X(interrupted) \
    X(cancelled) \
    X(last_pass_of_exchanged) \
    X(exchanged_parents) \
    X(exchanged_placeholder) \
    X(exchanged_objects) \
    X(default_acl_appears) \
    X(exchanged_leaders) \
    X(links_before_their_leader) \
    X(late_links_of_a_cancelled_restore) \
    X(missing_names_of_kept_files) \
    X(other_files_are_not_linked_to) \
    X(names_of_a_file_whose_place_is_taken) \
    X(comparison_of_a_cancelled_restore) \
    X(many_stashes) \
    X(as_somebody_else) \
    X(deep_chains) \
    X(cancelled_last_pass) \
    X(attributes_of_parents) \
    X(foreign_attributes) \
    X(times_as_the_filesystem_keeps_them) \
    X(empty_directories_give_way) \
    X(device_numbers_that_do_not_fit) \
    X(without_proc) \
    X(many_writers) \
    X(directory_attributes_last) \
    X(directories_in_any_order) \
    X(directory_list_is_small) \
    X(attributes_of_the_base) \
    X(without_root) \
    X(disk_full) \
    X(hostile_races) \
    X(xattrs_of_every_kind) \
    X(default_acls_do_not_leak) \
    X(inode_flags_last) \
    X(xattrs_never_written_back) \
    X(attributes_are_named) \
    X(cancelled_directories) \
    X(sparse_as_the_source) \
    X(feed_blocks) \
    X(feed_round) \
    X(feed_splits) \
    X(feed_failures) \
    X(feed_full_failures) \
    X(feed_holes) \
    X(feed_malformed) \
    X(feed_mutations)
/* clang-format on */
#define DECLARE(name) void name(void);
TESTS(DECLARE)
#undef DECLARE

#endif
