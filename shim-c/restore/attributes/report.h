/* What is said of attributes that could not be set: one by one, up to a number. */
#pragma once

#include "../store/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct hpc_restore;

/* Attributes that could not be set are named one by one up to here, and only counted beyond:
 * without privileges it may be every file's owner. */
#define NAMED_ATTRIBUTES 100u

/* Something whose attributes are being set. */
struct target {
    int fd;
    const char *name; /* NULL: the object behind fd itself; else the name in directory fd, which
                         nobody else can change */
    bool path_only;   /* fd was opened with O_PATH */
    const struct bytes *path; /* for reports; NULL: that of */
    uint64_t record;          /* this record */
};
/* true when err is 0; else the attribute is reported. */
bool report_took(struct hpc_restore *r, const struct target *t, const char *attribute, int err);
