/* The pipe that the output goes through. Node has no fcntl. */
#include "../hpc_scan.h"

#include <errno.h>
#include <fcntl.h>

int64_t hpc_pipe_size(int64_t fd, int64_t bytes)
{
    int size = fcntl((int)fd, F_GETPIPE_SZ);

    if (size >= 0 && size < bytes)
        size = fcntl((int)fd, F_SETPIPE_SZ, (int)bytes);
    return size < 0 ? -errno : size;
}
