/* The page cache. Node has no posix_fadvise. */
#include "../hpc_scan.h"

#include <errno.h>
#include <fcntl.h>

int64_t hpc_drop_cache(int64_t fd, int64_t offset, int64_t length)
{
    if (offset < 0 || length < 0)
        return -EINVAL;
    return -posix_fadvise((int)fd, offset, length, POSIX_FADV_DONTNEED);
}
