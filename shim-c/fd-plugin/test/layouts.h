/*
 * The packets of each release as C structs, declared a second time and in another form than
 * ../abi.c (there: offsets), so that a slip in either shows. The totals are what the headers of
 * those releases give on x86-64.
 */
#ifndef TEST_LAYOUTS_H
#define TEST_LAYOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct save_14 {
    int32_t pkt_size;
    char *fname, *link;
    struct stat statp;
    int32_t type;
    uint64_t flags;
    bool no_read, portable, accurate_found;
    char *cmd;
    uint32_t delta_seq;
    char *object_name, *object;
    int32_t object_len, index;
    int32_t LinkFI;
    int32_t pkt_end;
};

struct save_21 {
    int32_t pkt_size;
    char *fname, *snap_fname;
    uint32_t plugin_mode;
    char *link;
    struct stat statp;
    int32_t type;
    uint64_t flags;
    bool no_read, portable, accurate_found, do_dedup;
    char *cmd;
    uint32_t delta_seq;
    char *object_name, *object;
    int32_t object_len, index;
    int32_t LinkFI;
    int32_t pkt_end;
};

struct restore_obj {
    char *object_name, *object;
    int32_t object_len, index, object_compression;
};
struct plugin_obj {
    char *path, *plugin_name, *category, *type, *name, *source, *uuid;
    uint64_t size;
    int32_t status;
    uint32_t count;
};

struct save_22 {
    int32_t pkt_size;
    char *fname, *snap_fname;
    uint32_t plugin_mode;
    char *link;
    struct stat statp;
    int32_t type;
    uint64_t flags;
    bool no_read, portable, accurate_found, do_dedup;
    char *cmd;
    struct restore_obj restore_obj;
    struct plugin_obj plugin_obj;
    void *plug_meta;
    uint32_t delta_seq;
    int32_t LinkFI;
    int32_t pkt_end;
};

struct save_23 {
    int32_t pkt_size;
    char *fname, *snap_fname;
    uint32_t plugin_mode;
    char *link;
    struct stat statp;
    int32_t type;
    uint64_t flags;
    bool no_read, portable, accurate_found, do_dedup, stat_update;
    char *cmd;
    struct restore_obj restore_obj;
    struct plugin_obj plugin_obj;
    void *plug_meta;
    uint32_t delta_seq;
    int32_t LinkFI;
    int32_t pkt_end;
};

struct restore_14 {
    int32_t pkt_size;
    int32_t stream, data_stream, type, file_index, LinkFI;
    uint32_t uid;
    struct stat statp;
    const char *attrEx, *ofname, *olname, *where, *RegexWhere;
    int replace, create_status;
    uint32_t delta_seq;
    int32_t pkt_end;
};

struct restore_21 {
    int32_t pkt_size;
    uint32_t plugin_mode;
    int32_t stream, data_stream, type, file_index, LinkFI;
    uint32_t uid;
    struct stat statp;
    const char *attrEx, *ofname, *olname, *where, *RegexWhere;
    int replace, create_status;
    uint32_t delta_seq;
    int32_t pkt_end;
};

_Static_assert(sizeof(struct save_14) == 240 && sizeof(struct save_21) == 256,
               "save_pkt of 9.6 and 11");
_Static_assert(sizeof(struct save_22) == 344 && sizeof(struct save_23) == 344,
               "save_pkt of 13 and 15");
_Static_assert(sizeof(struct restore_14) == 232 && sizeof(struct restore_21) == 232, "restore_pkt");

/* Job message types: up to 11, and since 13. */
enum {
    OLD_ABORT = 1,
    OLD_DEBUG,
    OLD_FATAL,
    OLD_ERROR,
    OLD_WARNING,
    OLD_INFO,
    OLD_SAVED,
    OLD_NOTSAVED,
    OLD_SKIPPED,
    OLD_MOUNT
};
enum {
    NEW_ABORT = 1,
    NEW_DEBUG,
    NEW_EVENTS,
    NEW_FATAL,
    NEW_ERROR,
    NEW_WARNING,
    NEW_INFO,
    NEW_SAVED,
    NEW_NOTSAVED,
    NEW_SKIPPED,
    NEW_MOUNT
};

/* Variables that can be asked for, in the order in which each release counts them. */
enum {
    V14_JobId = 1,
    V14_FDName,
    V14_Level,
    V14_Type,
    V14_Client,
    V14_JobName,
    V14_JobStatus,
    V14_SinceTime,
    V14_Accurate,
    V14_FileSeen,
    V14_Vss,
    V14_VssHandle,
    V14_WorkingDir,
    V14_Where,
    V14_RegexWhere,
    V14_ExePath,
    V14_Version,
    V14_DistName,
    V14_xxx,
    V14_PrevJobName,
    V14_PrefixLinks,
    V14_Interactive,
    V14_FileIndex,
    V14_Replace
};
enum {
    V21_JobId = 1,
    V21_FDName,
    V21_Level,
    V21_Type,
    V21_Client,
    V21_JobName,
    V21_JobStatus,
    V21_SinceTime,
    V21_Accurate,
    V21_FileSeen,
    V21_Vss,
    V21_VssHandle,
    V21_WorkingDir,
    V21_Where,
    V21_RegexWhere,
    V21_ExePath,
    V21_Version,
    V21_DistName,
    V21_PrevJobName,
    V21_PrefixLinks,
    V21_Interactive,
    V21_FileIndex,
    V21_Replace
};
enum {
    V22_JobId = 1,
    V22_FDName,
    V22_Level,
    V22_Type,
    V22_Client,
    V22_JobName,
    V22_JobStatus,
    V22_SinceTime,
    V22_Accurate,
    V22_FileSeen,
    V22_Vss,
    V22_VssHandle,
    V22_WorkingDir,
    V22_PluginDir,
    V22_Where,
    V22_RegexWhere,
    V22_ExePath,
    V22_Version,
    V22_DistName,
    V22_PrevJobName,
    V22_PrefixLinks,
    V22_Interactive,
    V22_FileIndex,
    V22_Replace
};

#endif
