#include "name.h"
#include "../job.h"
#include "../store/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int name_normalise(struct bytes *out, const char *name, size_t len)
{
    int err = bytes_reserve(out, len + 1);
    if (err)
        return err;
    if (memchr(name, 0, len))
        return -EINVAL;
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        const char *slash = memchr(name + at, '/', len - at);
        size_t n = slash ? (size_t)(slash - name) - at : len - at;
        const char *component = name + at;
        at += n + 1;
        if (n == 0)
            continue;
        if (component[0] == '.' && (n == 1 || (n == 2 && component[1] == '.')))
            return -EINVAL;
        if (used)
            out->data[used++] = '/';
        memcpy(out->data + used, component, n);
        used += n;
    }
    out->data[used] = 0;
    out->len = used;
    return 0;
}

size_t name_dir_length(const char *path, size_t len)
{
    const char *slash = memrchr(path, '/', len);
    return slash ? (size_t)(slash - path) : 0;
}

void name_temporary(struct hpc_restore *r, char out[40])
{
    snprintf(out, 40, ".podheitor-hpc.%016llx",
             (unsigned long long)atomic_fetch_add(&r->temp_seed, 1));
}
