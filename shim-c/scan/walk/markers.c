#include "markers.h"
#include "../../path/hpc_path.h"
#include "../core/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char cachedir_tag[] = "CACHEDIR.TAG";
static const char signature[] = "Signature: 8a477f597d28d172789f06886806bc55";

void markers_free(char **markers)
{
    for (char **m = markers; m && *m; m++)
        free(*m);
    free(markers);
}

/* count times { u32 length; bytes }, whose lengths are checked. */
int markers_new(char ***out, const uint8_t *at, const uint8_t *end, uint32_t count)
{
    char **markers = calloc((size_t)count + 1, sizeof *markers);

    *out = markers;
    if (!markers)
        return -ENOMEM;
    for (uint32_t i = 0; i < count && at < end; i++) {
        uint32_t len;

        memcpy(&len, at, 4);
        at += 4;
        if (!len || len > NAME_MAX || memchr(at, 0, len) || memchr(at, '/', len) ||
            (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.'))))
            return -EINVAL;
        markers[i] = strndup((const char *)at, len);
        if (!markers[i])
            return -ENOMEM;
        at += len;
    }
    return 0;
}

static bool has_signature(int dirfd)
{
    uint8_t head[sizeof signature - 1];
    struct stat st;
    int fd, path_fd = openat(dirfd, cachedir_tag, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool is;

    if (path_fd < 0)
        return false;
    /* what is no regular file is not opened: a fifo would wake who waits there */
    fd = !fstat(path_fd, &st) && S_ISREG(st.st_mode)
             ? hpc_path_reopen(path_fd, dirfd, cachedir_tag, O_RDONLY | O_NONBLOCK | O_NOCTTY, &st)
             : -1;
    close(path_fd);
    if (fd < 0)
        return false;
    is = fds_read_to_end(fd, head, sizeof head, 0) == sizeof head &&
         !memcmp(head, signature, sizeof head);
    close(fd);
    return is;
}

/* A marker that cannot be asked for counts as not there: better too much in a backup than too
 * little. */
bool markers_found(char *const *markers, int dirfd)
{
    struct stat st;

    for (; markers && *markers; markers++) {
        if (!strcmp(*markers, cachedir_tag)) {
            if (has_signature(dirfd))
                return true;
        } else if (!fstatat(dirfd, *markers, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) {
            return true;
        }
    }
    return false;
}
