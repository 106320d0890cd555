#include "release.h"

#define SAVE(S) \
    .save = { sizeof(S),         offsetof(S, fname),  offsetof(S, link),    offsetof(S, statp), \
              offsetof(S, type), offsetof(S, flags),  offsetof(S, no_read), offsetof(S, portable), \
              offsetof(S, cmd),  offsetof(S, LinkFI), offsetof(S, pkt_end) }
#define RESTORE(S) \
    .restore = { sizeof(S), \
                 offsetof(S, stream), \
                 offsetof(S, type), \
                 offsetof(S, file_index), \
                 offsetof(S, LinkFI), \
                 offsetof(S, statp), \
                 offsetof(S, ofname), \
                 offsetof(S, olname), \
                 offsetof(S, where), \
                 offsetof(S, replace), \
                 offsetof(S, create_status), \
                 offsetof(S, pkt_end) }
#define SAYS(P) \
    .fatal = P##_FATAL, .error = P##_ERROR, .warning = P##_WARNING, .info = P##_INFO, \
    .notsaved = P##_NOTSAVED
#define KNOWS(P) \
    .job_id = P##_JobId, .job_name = P##_JobName, .accurate = P##_Accurate, \
    .file_seen = P##_FileSeen, .working_dir = P##_WorkingDir, .where = P##_Where, \
    .prev_job = P##_PrevJobName, .file_index = P##_FileIndex, .level = P##_Level, \
    .type = P##_Type, .since = P##_SinceTime

static const struct release releases[] = {
    { .version = 14,
      .funcs_size = 144,
      .plugin_funcs_size = 128,
      SAVE(struct save_14),
      RESTORE(struct restore_14),
      SAYS(OLD),
      KNOWS(V14) },
    { .version = 21,
      .funcs_size = 144,
      .plugin_funcs_size = 144,
      SAVE(struct save_21),
      RESTORE(struct restore_21),
      SAYS(OLD),
      KNOWS(V21) },
    { .version = 22,
      .funcs_size = 152,
      .plugin_funcs_size = 152,
      SAVE(struct save_22),
      RESTORE(struct restore_21),
      SAYS(NEW),
      KNOWS(V22) },
    { .version = 23,
      .funcs_size = 168,
      .plugin_funcs_size = 168,
      SAVE(struct save_23),
      RESTORE(struct restore_21),
      SAYS(NEW),
      KNOWS(V22) },
};

const struct release *release_of(uint32_t version)
{
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (releases[i].version == version)
            return &releases[i];
    return NULL;
}
