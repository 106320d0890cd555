#include "ahead.h"
#include "../core/clock.h"
#include "../core/fds.h"
#include "../core/scan.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* How often this thread gave its processor away to wait for something, as for a disk; that others
 * took it from it is not in this. */
static int64_t sleeps(void)
{
    struct rusage r;

    return getrusage(RUSAGE_THREAD, &r) ? 0 : r.ru_nvcsw;
}

int64_t ahead_begin(struct worker *w)
{
    bool timed = w->scan->options.flags & HPC_SCAN_READ_AHEAD && w->reads++ % AHEAD_SAMPLE == 0;

    if (!timed)
        return 0;
    if (w->slow_reads > 0)
        w->sleeps = sleeps();
    return clock_now();
}

/* Where reads are slow again soon after the last ones, because little is in the page cache, there
 * are more of them. */
static void ask_more(struct worker *w)
{
    bool again = w->ahead_step && w->since_ahead <= AHEAD_SOON;

    w->ahead_step = !again                            ? AHEAD_NAMES_MIN
                    : w->ahead_step < AHEAD_NAMES_MAX ? w->ahead_step * 4
                                                      : AHEAD_NAMES_MAX;
    w->ahead_names = w->ahead_step;
    w->since_ahead = 0;
}

void ahead_end(struct worker *w, int64_t begin, uint64_t size)
{
    bool slow;

    if (!begin)
        return;
    slow = clock_now() - begin > AHEAD_SLOW_NS + (int64_t)size;
    if (slow && w->slow_reads > 0)
        slow = sleeps() - w->sleeps >= AHEAD_SLEEPS;
    w->slow_reads = slow ? w->slow_reads + 1 : 0;
    if (w->ahead_names > 0)
        return;
    if (w->slow_reads >= AHEAD_SLOW_READS)
        ask_more(w);
    else
        w->since_ahead++;
}

bool ahead_ask(struct worker *w, int dirfd, const char *name)
{
    const struct hpc_scan_options *o = &w->scan->options;
    int fd = fds_count(
        w->scan, openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat st;

    if (fd < 0) { /* entries_visit() says why; what cannot be read, or not now, is not tried in vain
                     time and again */
        w->ahead_names = w->ahead_step = 0;
        return false;
    }
    w->ahead_names--;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= o->inline_bytes) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
        scan_count(w, ASKED_AHEAD, 1);
    }
    fds_close(w->scan, fd);
    return true;
}
