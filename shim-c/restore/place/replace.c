#include "replace.h"
#include "../entry.h"
#include "name.h"

#include <fcntl.h>
#include <unistd.h>

/* What becomes of a time on this filesystem: set and read once. */
static int64_t measure(struct hpc_restore *r, struct dir *dir)
{
    const struct timespec odd[2] = { { 1000000001, 123456789 }, { 1000000001, 123456789 } };
    char name[40];
    struct stat st;
    int64_t grain = 1;
    name_temporary(r, name);
    int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return grain;
    if (futimens(fd, odd) == 0 && fstat(fd, &st) == 0) {
        if (st.st_mtim.tv_sec != odd->tv_sec)
            grain = 2000000000;
        else
            while (grain < 1000000000 && st.st_mtim.tv_nsec != odd->tv_nsec / grain * grain)
                grain *= 10;
    }
    close(fd);
    unlinkat(dir->fd, name, 0);
    return grain;
}

static int64_t grain_of(struct hpc_restore *r, struct dir *dir)
{
    int64_t grain = 0;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->grain_count && !grain; i++)
        if (r->grains[i].dev == dir->id.dev)
            grain = r->grains[i].nanoseconds;
    pthread_mutex_unlock(&r->lock);
    if (grain)
        return grain;
    grain = measure(r, dir);
    pthread_mutex_lock(&r->lock);
    size_t most = sizeof r->grains / sizeof *r->grains;
    r->grains[r->grain_count < most ? r->grain_count++ : 0] = (struct grain){
        .dev = dir->id.dev, .nanoseconds = grain
    };
    pthread_mutex_unlock(&r->lock);
    return grain;
}

static int compare(int64_t a_s, int64_t a_ns, int64_t b_s, int64_t b_ns)
{
    return a_s != b_s ? (a_s > b_s ? 1 : -1) : (a_ns > b_ns) - (a_ns < b_ns);
}

int replace_compare_times(struct hpc_restore *r, struct dir *dir, const struct hpc_entry_head *head,
                          int64_t seconds, int64_t nanoseconds)
{
    int64_t s = head->mtime_s, ns = head->mtime_ns, apart;
    int plain = compare(s, ns, seconds, nanoseconds);
    /* Further apart than any filesystem's grain, or the same: nothing to find out. */
    if (plain == 0 || __builtin_sub_overflow(s, seconds, &apart) || apart > 2 || apart < -2)
        return plain;
    int64_t grain = grain_of(r, dir);
    if (grain >= 1000000000) {
        int64_t g = grain / 1000000000;
        s -= ((s % g) + g) % g;
        ns = 0;
    } else {
        ns -= ns % grain;
    }
    return compare(s, ns, seconds, nanoseconds);
}

bool replace_allowed(struct hpc_restore_entry *e)
{
    enum hpc_replace rule = e->job->replace;
    if (rule == HPC_REPLACE_ALWAYS)
        return true;
    if (rule == HPC_REPLACE_NEVER)
        return false;
    int newer = replace_compare_times(e->job, e->parent, &e->head, e->st.st_mtim.tv_sec,
                                      e->st.st_mtim.tv_nsec);
    return rule == HPC_REPLACE_NEWER ? newer > 0 : newer < 0;
}
