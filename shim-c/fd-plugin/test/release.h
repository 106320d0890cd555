/* Where things are in the packets of one release, by offsetof from layouts.h. */
#ifndef TEST_RELEASE_H
#define TEST_RELEASE_H

#include "layouts.h"

struct release {
    uint32_t version, funcs_size, plugin_funcs_size;
    struct {
        size_t size, fname, link, statp, type, flags, no_read, portable, cmd, link_fi, end;
    } save;
    struct {
        size_t size, stream, type, file_index, link_fi, statp, ofname, olname, where, replace,
            create_status, end;
    } restore;
    int fatal, error, warning, info, notsaved;
    int job_id, job_name, accurate, file_seen, working_dir, where, prev_job, file_index, level,
        type, since;
};

const struct release *release_of(uint32_t version);

#endif
