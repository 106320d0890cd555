#include "abi.h"

#define SAVE_13 \
    { \
        .size = 344, .fname = 8, .link = 32, .statp = 40, .type = 184, .flags = 192, \
        .no_read = 200, .portable = 201, .delta_seq = 328, .link_fi = 332, .end = 336 \
    }
#define RESTORE_11 \
    { \
        .size = 232, .type = 16, .link_fi = 24, .statp = 32, .ofname = 184, .olname = 192, \
        .where = 200, .replace = 216, .create_status = 220, .end = 228 \
    }
/* 13 put M_EVENTS in as 3: every number from M_FATAL on moved by one. A wrong table turns
 * information into fatal errors. */
#define MESSAGE_9 \
    { \
        .fatal = 3, .error = 4, .warning = 5, .info = 6, .saved = 7, .notsaved = 8, .skipped = 9, \
        .mount = 10, .restored = 13 \
    }
#define MESSAGE_13 \
    { \
        .fatal = 4, .error = 5, .warning = 6, .info = 7, .saved = 8, .notsaved = 9, .skipped = 10, \
        .mount = 11, .restored = 14 \
    }
#define VAR(WHERE, PREV, INDEX) \
    { \
        .job_id = 1, .job_name = 6, .accurate = 9, .file_seen = 10, .working_dir = 13, \
        .where = (WHERE), .prev_job_name = (PREV), .file_index = (INDEX) \
    }

static const struct abi releases[] = {
    {
        .version = 14,
        .release = "9.6",
        .encrypts_offsets = true,
        .fd_funcs_size = 144,
        .plugin_funcs_size = 128,
        .save = { .size = 240,
                  .fname = 8,
                  .link = 16,
                  .statp = 24,
                  .type = 168,
                  .flags = 176,
                  .no_read = 184,
                  .portable = 185,
                  .delta_seq = 200,
                  .link_fi = 232,
                  .end = 236 },
        .restore = { .size = 232,
                     .type = 12,
                     .link_fi = 20,
                     .statp = 32,
                     .ofname = 184,
                     .olname = 192,
                     .where = 200,
                     .replace = 216,
                     .create_status = 220,
                     .end = 228 },
        .message = MESSAGE_9,
        .var = VAR(14, 20, 23),
    },
    {
        .version = 21,
        .release = "11",
        .fd_funcs_size = 144,
        .plugin_funcs_size = 144,
        .save = { .size = 256,
                  .fname = 8,
                  .link = 32,
                  .statp = 40,
                  .type = 184,
                  .flags = 192,
                  .no_read = 200,
                  .portable = 201,
                  .delta_seq = 216,
                  .link_fi = 248,
                  .end = 252 },
        .restore = RESTORE_11,
        .message = MESSAGE_9,
        .var = VAR(14, 19, 22),
    },
    {
        .version = 22,
        .release = "13",
        .fd_funcs_size = 152,
        .plugin_funcs_size = 152,
        .save = SAVE_13,
        .restore = RESTORE_11,
        .message = MESSAGE_13,
        .var = VAR(15, 20, 23),
    },
    {
        .version = 23,
        .release = "15",
        .fd_funcs_size = 168,
        .plugin_funcs_size = 168,
        .save = SAVE_13,
        .restore = RESTORE_11,
        .message = MESSAGE_13,
        .var = VAR(15, 20, 23),
    },
};

const struct abi *abi_find(uint32_t version)
{
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (releases[i].version == version)
            return &releases[i];
    return NULL;
}
