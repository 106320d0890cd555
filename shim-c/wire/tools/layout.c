/*
 * Prints packages/hpc-wire/src/layout.ts: what the headers of shim-c say about bytes that C and
 * TypeScript share. `make layout` (or `npm run layout`) writes that file, `make check` compares.
 *
 * Nothing can be forgotten. A struct whose fields here leave a gap, or do not reach its end, is
 * refused when this runs; an enum of which a value is missing does not compile (-Wswitch: each is a
 * switch that falls through all of its values).
 */
#include "../frames.h"
#include "../hpc_entry.h"
#include "../hpc_frame.h"
#include "../hpc_record.h"
#include "../hpc_xattr.h"

#include "../../path/hpc_look.h"
#include "../../restore/hpc_restore.h"
#include "../../scan/hpc_scan.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

/* ---- names: name_len is nameLen, and HPC_N_NAME_LEN is, too ---- */

static const char *camel(const char *c_name)
{
    static char out[64];
    size_t n = 0;

    for (size_t i = 0; c_name[i] && n < sizeof out - 1; i++)
        if (c_name[i] != '_')
            out[n++] = (char)(i > 0 && c_name[i - 1] == '_' ? toupper(c_name[i])
                                                            : tolower(c_name[i]));
    out[n] = '\0';
    return out;
}

/* ---- structs: offsets of their fields ---- */

static size_t covered;

static void field(const char *name, size_t offset, size_t size, const char *type)
{
    if (offset != covered) {
        fprintf(stderr, "layout.c: field %s begins at %zu, the one before ends at %zu\n", name,
                offset, covered);
        exit(1);
    }
    covered += size;
    printf("  %s: %zu, // %s\n", camel(name), offset, type);
}

static void end_struct(const char *c_name, const char *ts_name, size_t size)
{
    if (covered != size) {
        fprintf(stderr, "layout.c: the fields of %s end at %zu of %zu\n", c_name, covered, size);
        exit(1);
    }
    covered = 0;
    printf("} as const;\nexport const %s_BYTES = %zu;\n", ts_name, size);
}

/* clang-format off */
#define TYPE_OF(value) \
    _Generic((value), uint8_t: "u8", uint16_t: "u16", uint32_t: "u32", uint64_t: "u64", \
             int32_t: "i32", int64_t: "i64", default: "bytes")
/* clang-format on */
#define STRUCT(type, ts_name, fields) \
    do { \
        struct type at; \
        printf("\n/** Offsets in `struct " #type "`. */\nexport const " ts_name " = {\n"); \
        fields; \
        end_struct(#type, ts_name, sizeof at); \
    } while (0)
#define F(name) \
    field(#name, (size_t)((char *)&at.name - (char *)&at), sizeof at.name, TYPE_OF(at.name));

/* clang-format off */

static void structs(void)
{
    STRUCT(hpc_entry_head, "ENTRY_HEAD",
        F(version) F(kind) F(flags) F(name_len) F(link_len) F(nlink) F(ino) F(dev) F(size)
        F(blocks) F(mtime_s) F(atime_s) F(ctime_s) F(mtime_ns) F(atime_ns) F(ctime_ns) F(mode)
        F(uid) F(gid) F(rdev) F(blksize) F(layout) F(link_group) F(hole_count) F(reserved));
    STRUCT(hpc_hole, "HOLE", F(offset) F(length));
    STRUCT(hpc_xattr_head, "XATTR_HEAD", F(name_len) F(flags) F(value_len));
    STRUCT(hpc_data_end, "DATA_END", F(bytes) F(error) F(flags) F(digest));
    STRUCT(hpc_record_prefix, "RECORD_PREFIX",
        F(record_len) F(type) F(xattr_error) F(error) F(content_len) F(ino_hash) F(body_len)
        F(xattr_len) F(birth));
    STRUCT(hpc_record_error, "RECORD_ERROR", F(op) F(name_len));
    STRUCT(hpc_frames_call, "FRAMES_CALL",
        F(flags) F(own_count) F(time_ms) F(used) F(at) F(dir_at) F(stop) F(files) F(directories)
        F(symlinks) F(specials) F(xattr_blocks) F(bytes) F(written));
    STRUCT(hpc_scan_options, "SCAN_OPTIONS",
        F(version) F(threads) F(inline_bytes) F(flags) F(shard_index) F(shard_count) F(since_s)
        F(ring_entries) F(ring_bytes) F(path_count) F(metadata_ops));
    STRUCT(hpc_scan_stats, "SCAN_STATS",
        F(scanned) F(handed_out) F(filtered_shard) F(filtered_older) F(vanished) F(failed)
        F(dirs_listed) F(dirs_vanished) F(dirs_failed) F(content_bytes) F(pending_peak)
        F(fds_peak) F(filtered_excluded) F(dirs_pruned_marker) F(dirs_pruned_filesystem)
        F(xattr_failed) F(asked_ahead) F(back_offs) F(threads_least) F(threads_now)
        F(waited_ns) F(throttled_ns) F(receiver_ns));
    STRUCT(hpc_open_request, "OPEN_REQUEST",
        F(id) F(dir) F(flags) F(path_len) F(dev) F(ino) F(birth) F(size) F(ctime_s) F(ctime_ns)
        F(mode));
    STRUCT(hpc_open_answer, "OPEN_ANSWER",
        F(length) F(id) F(error) F(fd) F(changed) F(hole_count) F(xattr_len) F(xattr_error)
        F(head));
    STRUCT(hpc_stream_control, "STREAM_CONTROL", F(stop) F(error) F(waited_ms));
    STRUCT(hpc_restore_stats, "RESTORE_STATS",
        F(files) F(directories) F(symlinks) F(hardlinks) F(specials) F(bytes) F(skipped)
        F(failed) F(attributes_failed) F(xattrs) F(unfinished) F(owners_refused));
    STRUCT(hpc_failure_head, "FAILURE_HEAD", F(record_len) F(error) F(name_len) F(op));
    STRUCT(hpc_look, "LOOK",
        F(dev) F(ino) F(mode) F(nlink) F(uid) F(gid) F(rdev) F(size) F(blocks) F(mtime_s)
        F(mtime_ns) F(ctime_s) F(ctime_ns));
}
/* clang-format on */

/* ---- enums: their values ---- */

static void value(const char *c_name, const char *prefix, long long number)
{
    printf("  %s: %lld,\n", c_name + strlen(prefix), number);
}

#define ENUM(type, first, prefix_text, ts_name, values) \
    do { \
        static const char prefix[] = prefix_text; \
        enum type at = first; \
        printf("\n/** `enum " #type "`. */\nexport const " ts_name " = {\n"); \
        switch (at) { \
            values \
        } \
        printf("} as const;\nexport type " ts_name " = (typeof " ts_name ")[keyof typeof " ts_name \
               "];\n"); \
    } while (0)
#define V(name) \
    case name: value(#name, prefix, name);

/* clang-format off */
static void enums(void)
{
    ENUM(hpc_kind, HPC_REGULAR, "HPC_", "EntryKind",
        V(HPC_REGULAR) V(HPC_DIRECTORY) V(HPC_SYMLINK) V(HPC_FIFO) V(HPC_CHARDEV) V(HPC_BLOCKDEV)
        V(HPC_SOCKET));
    ENUM(hpc_entry_flag, HPC_ENTRY_HAS_DATA, "HPC_ENTRY_", "EntryFlag",
        V(HPC_ENTRY_HAS_DATA) V(HPC_ENTRY_LINK) V(HPC_ENTRY_LEADER) V(HPC_ENTRY_LAST_LINK)
        V(HPC_ENTRY_DIGEST) V(HPC_ENTRY_OLDER) V(HPC_ENTRY_ATTRS));
    ENUM(hpc_data_end_flag, HPC_DATA_END_DIGEST, "HPC_DATA_END_", "DataEndFlag",
        V(HPC_DATA_END_DIGEST));
    ENUM(hpc_record_type, HPC_REC_DIR, "HPC_REC_", "RecordType",
        V(HPC_REC_DIR) V(HPC_REC_ENTRY) V(HPC_REC_ERROR));
    ENUM(hpc_scan_op, HPC_OP_STAT, "HPC_OP_", "ScanOp",
        V(HPC_OP_STAT) V(HPC_OP_OPENDIR) V(HPC_OP_READDIR));
    ENUM(hpc_frames_flag, HPC_FRAMES_CONTENT, "HPC_FRAMES_", "FramesFlag",
        V(HPC_FRAMES_CONTENT) V(HPC_FRAMES_DIGESTS));
    ENUM(hpc_frames_stop, HPC_FRAMES_END, "HPC_FRAMES_", "FramesStop",
        V(HPC_FRAMES_END) V(HPC_FRAMES_OTHER) V(HPC_FRAMES_FULL) V(HPC_FRAMES_MORE));
    ENUM(hpc_scan_flag, HPC_SCAN_SERIAL_DIRS, "HPC_SCAN_", "ScanFlag",
        V(HPC_SCAN_SERIAL_DIRS) V(HPC_SCAN_KEEP_OLDER) V(HPC_SCAN_XATTRS)
        V(HPC_SCAN_ONE_FILESYSTEM) V(HPC_SCAN_BACK_OFF) V(HPC_SCAN_READ_AHEAD)
        V(HPC_SCAN_SKIP_RELEASED) V(HPC_SCAN_PROJECTS) V(HPC_SCAN_PROJECTS_ALL) V(HPC_SCAN_MDTS));
    ENUM(hpc_open_flag, HPC_OPEN_CONTENT, "HPC_OPEN_", "OpenFlag",
        V(HPC_OPEN_CONTENT) V(HPC_OPEN_HOLES) V(HPC_OPEN_XATTRS) V(HPC_OPEN_XATTRS_NEW)
        V(HPC_OPEN_SKIP_RELEASED) V(HPC_OPEN_PROJECT) V(HPC_OPEN_ROOT));
    ENUM(hpc_replace, HPC_REPLACE_ALWAYS, "HPC_REPLACE_", "ReplaceRule",
        V(HPC_REPLACE_ALWAYS) V(HPC_REPLACE_NEWER) V(HPC_REPLACE_OLDER) V(HPC_REPLACE_NEVER));
    ENUM(hpc_restore_flag, HPC_RESTORE_IN_PLACE, "HPC_RESTORE_", "RestoreFlag",
        V(HPC_RESTORE_IN_PLACE) V(HPC_RESTORE_NAME_ATTRIBUTES));
    ENUM(hpc_restore_op, HPC_RESTORE_OP_CREATE, "HPC_RESTORE_OP_", "RestoreOp",
        V(HPC_RESTORE_OP_CREATE) V(HPC_RESTORE_OP_LINK) V(HPC_RESTORE_OP_WRITE)
        V(HPC_RESTORE_OP_COMMIT) V(HPC_RESTORE_OP_SOURCE) V(HPC_RESTORE_OP_DISCARD)
        V(HPC_RESTORE_OP_ATTRIBUTE));
}
/* clang-format on */

/* The counters of a U frame are a list: the index is the position. */
#undef V
#define V(name) \
    case name: printf("  \"%s\",\n", camel(#name + strlen("HPC_N_")));

/* clang-format off */
static void counters(void)
{
    enum hpc_counter at = HPC_N_SCANNED;

    printf("\n/** `enum hpc_counter`: the counters of a U frame in the order of the wire. */\n"
           "export const COUNTERS = [\n");
    switch (at) {
        V(HPC_N_SCANNED)
        V(HPC_N_EMITTED) V(HPC_N_FILTERED_SHARD) V(HPC_N_FILTERED_SINCE) V(HPC_N_FILTERED_UNCHANGED)
            V(HPC_N_FILTERED_SOCKETS) V(HPC_N_FILTERED_DIALECT) V(HPC_N_FILTERED_OTHER)
                V(HPC_N_VANISHED) V(HPC_N_FAILED) V(HPC_N_UNLISTED_DIRECTORIES) V(HPC_N_FILES)
                    V(HPC_N_DIRECTORIES) V(HPC_N_SYMLINKS) V(HPC_N_HARDLINKS) V(HPC_N_SPECIALS)
                        V(HPC_N_BYTES) V(HPC_N_LISTED_DIRECTORIES) V(HPC_N_RESTORED)
                            V(HPC_N_SKIPPED) V(HPC_N_XATTR_BLOCKS) V(HPC_N_XATTRS_FAILED)
                                V(HPC_N_PRUNED_DIRECTORIES) V(HPC_N_HOLE_BYTES) V(HPC_N_CHANGED)
                                    V(HPC_N_TORN) case HPC_COUNTERS : break;
    }
    printf("] as const;\n");
}
/* clang-format on */

/* ---- numbers and names ---- */

#define NUMBER(name) printf("export const %s = %lld;\n", #name + strlen("HPC_"), (long long)(name))
#define TEXT(name)   printf("export const %s = \"%s\";\n", #name + strlen("HPC_"), name)

static void letters(const char *ts_name, const char *text)
{
    printf("export const %s = [\n", ts_name);
    for (size_t i = 0; text[i]; i++)
        printf("  \"%c\",\n", text[i]);
    printf("] as const;\n");
}

static void numbers(void)
{
    NUMBER(HPC_ENTRY_VERSION);
    NUMBER(HPC_ENTRY_FLAGS);
    NUMBER(HPC_FRAME_HEADER);
    NUMBER(HPC_FRAME_MAX);
    NUMBER(HPC_XATTR_NAME);
    NUMBER(HPC_XATTR_BLOCK);
    NUMBER(HPC_HOLES_MAX);
    NUMBER(HPC_CHECK_ENTRIES);
    NUMBER(HPC_CHECK_UNANSWERED);
    NUMBER(HPC_COUNTERS_LEAST);
    NUMBER(HPC_RECORD_ALIGN);
    NUMBER(HPC_CONTENT_NONE);
    NUMBER(HPC_FRAMES_NO_DIR);
    NUMBER(HPC_SCAN_ABI);
    NUMBER(HPC_SCAN_MAX_THREADS);
    NUMBER(HPC_SCAN_MAX_PATH);
    NUMBER(HPC_SCAN_MAX_INLINE);
    NUMBER(HPC_SCAN_MIN_CAP);
    NUMBER(HPC_SCAN_MAX_PATTERN);
    NUMBER(HPC_SCAN_MAX_COMPONENTS);
    NUMBER(HPC_RESTORE_ABI);
    printf("\n/** What an xattr block holds beside what the kernel has. */\n");
    TEXT(HPC_XATTR_FLAGS);
    TEXT(HPC_XATTR_PROJECT);
    printf("\n/** Status bytes of frames; and of those, the ones that never carry a payload. */\n");
    letters("FRAME_STATUSES", HPC_FRAME_STATUSES);
    letters("FRAME_SIGNALS", HPC_FRAME_SIGNALS);
}

static void modes(void)
{
    printf("\n/** The type bits of st_mode, and what they are for each kind. */\n"
           "export const S_IFMT = 0o%o;\nexport const ModeType = {\n",
           S_IFMT);
#define MODE(kind, type) printf("  " #kind ": 0o%o,\n", type)
    MODE(REGULAR, S_IFREG);
    MODE(DIRECTORY, S_IFDIR);
    MODE(SYMLINK, S_IFLNK);
    MODE(FIFO, S_IFIFO);
    MODE(CHARDEV, S_IFCHR);
    MODE(BLOCKDEV, S_IFBLK);
    MODE(SOCKET, S_IFSOCK);
    printf("} as const;\n");
}

int main(void)
{
    printf("// Generated from the headers of shim-c by shim-c/wire/tools/layout.c: `npm run "
           "layout` writes "
           "it anew.\n// Integers are little endian; a comment says how wide each is.\n\n");
    numbers();
    modes();
    enums();
    counters();
    structs();
    return 0;
}
