#include "sweep.h"
#include "../limits.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

char sweep_state(pid_t pid)
{
    char path[40], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *name_end = strrchr(text, ')'); /* the name before it may hold anything */
    return name_end && name_end[1] == ' ' ? name_end[2] : 0;
}

/*
 * Worth a look at its environment: another process of our user, that can be killed now. To look
 * into one that waits in the kernel may be to wait for what it waits for.
 */
static bool candidate(int proc, const char *name)
{
    struct stat st;
    int pid = atoi(name);
    return pid > 0 && pid != getpid() && fstatat(proc, name, &st, 0) == 0 &&
           st.st_uid == geteuid() && sweep_state(pid) != 'D';
}

/* The environment that a process was started with, in `proc`. Zombies and the kernel's own threads
 * have none. */
static bool carries(int proc, const char *pid, const char *entry, char *buf)
{
    char name[32];
    ssize_t len = 0, n = 0;
    snprintf(name, sizeof name, "%.20s/environ", pid);
    int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && len < SWEEP_ENVIRON &&
           (n = read(fd, buf + len, (size_t)(SWEEP_ENVIRON - len))) > 0)
        len += n;
    if (fd >= 0)
        close(fd);
    size_t want = strlen(entry) + 1; /* with its NUL */
    for (char *at = buf;
         len >= (ssize_t)want && (at = memmem(at, (size_t)(buf + len - at), entry, want)); at++)
        if (at == buf || at[-1] == 0)
            return true;
    return false;
}

/* Through a descriptor of the process, where the kernel has them: its number may be another one's
 * by now. */
static bool end(int proc, const char *name, const char *entry, char *buf)
{
    pid_t pid = (pid_t)atoi(name);
    int fd = -1;
#ifdef SYS_pidfd_open
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
#endif
    bool found = carries(proc, name, entry, buf);
#ifdef SYS_pidfd_open
    if (found && fd >= 0)
        found = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
#endif
    if (found && fd < 0)
        found = kill(pid, SIGKILL) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

int sweep_kill(const char *entry)
{
    char *buf = malloc(SWEEP_ENVIRON);
    DIR *dir = buf ? opendir("/proc") : NULL;
    int all = 0;
    for (int round = 0, found = 1; dir && found > 0 && round < SWEEP_ROUNDS; round++) {
        found = 0;
        rewinddir(dir);
        for (struct dirent *d; (d = readdir(dir));)
            found += candidate(dirfd(dir), d->d_name) &&
                     carries(dirfd(dir), d->d_name, entry, buf) &&
                     end(dirfd(dir), d->d_name, entry, buf);
        all += found;
    }
    if (dir)
        closedir(dir);
    free(buf);
    return all;
}
