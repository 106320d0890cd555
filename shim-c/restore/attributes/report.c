#include "report.h"
#include "../job.h"
#include "../store/bytes.h"
#include "../store/record.h"

#include <stdlib.h>

bool report_took(struct hpc_restore *r, const struct target *t, const char *attribute, int err)
{
    struct bytes built = { 0 };
    const struct bytes *path = t->path;
    if (err == 0)
        return true;
    pthread_mutex_lock(&r->reports);
    bool named = r->attributes_named++ < NAMED_ATTRIBUTES && r->on_attribute;
    pthread_mutex_unlock(&r->reports);
    if (!named)
        return false;
    if (!path) {
        pthread_mutex_lock(&r->lock);
        if (record_path(r, t->record, &built) < 0)
            built.len = 0;
        pthread_mutex_unlock(&r->lock);
        path = &built;
    }
    pthread_mutex_lock(&r->reports);
    r->on_attribute(r->on_attribute_context, path->len ? path->data : "", path->len, attribute,
                    -err);
    pthread_mutex_unlock(&r->reports);
    free(built.data);
    return false;
}
