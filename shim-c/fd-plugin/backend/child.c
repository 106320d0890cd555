#include "child.h"
#include "../limits.h"
#include "sweep.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

void child_init(struct child *child)
{
    *child = (struct child){ .in = -1, .out = -1, .err = -1 };
    pthread_mutex_init(&child->lock, NULL);
}

#define MARK "PODHEITOR_HPC_CHILD="

/* Everything else is dropped: NODE_OPTIONS or LD_PRELOAD would choose code that runs as root. */
static bool passes(const char *entry)
{
    static const char *const kept[] = { "PATH=", "LANG=", "LC_", "TZ=", "HOME=", "PODHEITOR_HPC_" };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strncmp(entry, kept[i], strlen(kept[i])) == 0)
            return strncmp(entry, MARK, strlen(MARK)) != 0;
    return false;
}

/* No other process has it: our number, and a time that passes between two calls. */
static void make_mark(struct child *child)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(child->mark, sizeof child->mark, MARK "%d.%lld.%09ld.%p", (int)getpid(),
             (long long)now.tv_sec, now.tv_nsec, (void *)child);
}

static char **scrubbed_environment(char *mark)
{
    size_t count = 0, used = 0;
    while (environ && environ[count])
        count++;
    char **out = calloc(count + 2, sizeof *out);
    if (out)
        out[used++] = mark;
    for (size_t i = 0; out && i < count; i++)
        if (passes(environ[i]))
            out[used++] = environ[i];
    return out;
}

/* From here to exec only async-signal-safe calls: the FD has other threads, whose locks the copy
 * may hold for ever. */
static void close_all_but(int keep)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u) == 0 &&
        syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u) == 0)
        return;
#endif
    struct rlimit limit = { .rlim_cur = 65536 };
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t end = limit.rlim_cur < 1048576 ? limit.rlim_cur : 1048576;
    for (int fd = 3; (rlim_t)fd < end; fd++)
        if (fd != keep)
            close(fd);
}

static void default_signals(void)
{
    struct sigaction standard = { .sa_handler = SIG_DFL };
    for (int sig = 1; sig < 65; sig++)
        sigaction(sig, &standard, NULL); /* the few that cannot be set answer EINVAL */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void become(const int std[3], int report, char *const argv[], char *const env[])
{
    /* First out of the way of 0..2 (the FD may run with those closed), then into place. */
    int failed = -1, high[3];
    setpgid(0, 0);
    default_signals();
    int keep = fcntl(report, F_DUPFD_CLOEXEC, 10);
    if (keep < 0)
        goto fail;
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(std[i], F_DUPFD, 3)) < 0)
            goto fail;
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], i) < 0)
            goto fail;
    close_all_but(keep);
    if (chdir("/") == 0)
        execve(argv[0], argv, env);
fail:
    failed = errno;
    ssize_t ignored = write(keep < 0 ? report : keep, &failed, sizeof failed);
    (void)ignored;
    _exit(127);
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int start(struct child *child, char *const argv[], char *const env[], int pipes[4][2])
{
    for (int i = 0; i < 4; i++)
        if (pipe2(pipes[i], O_CLOEXEC) != 0)
            return -errno;
    fcntl(pipes[1][1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer, larger reads; the default works too */
    const int std[3] = { pipes[0][0], pipes[1][1], pipes[2][1] };
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        become(std, pipes[3][1], argv, env);
    setpgid(pid, pid); /* both sides: whoever comes first */
    shut(&pipes[3][1]);
    int failed = 0;
    ssize_t n;
    do
        n = read(pipes[3][0], &failed, sizeof failed);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        waitpid(pid, NULL, 0);
        return failed > 0 ? -failed : -EIO;
    }
    child->in = pipes[0][1], child->out = pipes[1][0], child->err = pipes[2][0];
    pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
    fcntl(child->in, F_SETFL, O_NONBLOCK);
    fcntl(child->out, F_SETFL, O_NONBLOCK);
    fcntl(child->err, F_SETFL, O_NONBLOCK);
    pthread_mutex_lock(&child->lock);
    child->pid = pid;
    pthread_mutex_unlock(&child->lock);
    return 0;
}

int child_start(struct child *child, const struct conf *conf, const char *command)
{
    char *argv[4] = { conf->node ? conf->node : conf->backend,
                      conf->node ? conf->backend : (char *)(uintptr_t)command,
                      conf->node ? (char *)(uintptr_t)command : NULL, NULL };
    int pipes[4][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    make_mark(child);
    char **env = scrubbed_environment(child->mark);
    int rc = env ? start(child, argv, env, pipes) : -ENOMEM;
    for (int i = 0; i < 4; i++) {
        shut(&pipes[i][0]);
        shut(&pipes[i][1]);
    }
    free(env);
    return rc;
}

void child_terminate(struct child *child)
{
    pthread_mutex_lock(&child->lock);
    if (child->pid > 0) {
        kill(child->pid, SIGTERM);
        kill(child->pid, SIGCONT); /* a stopped process would not hear it */
    }
    pthread_mutex_unlock(&child->lock);
}

/* Looks without reaping first: while the zombie stands, its pid and group are nobody else's, and
 * stragglers can be killed. */
static bool try_reap(struct child *child)
{
    siginfo_t info = { 0 };
    if (child->pid <= 0)
        return true;
    int rc = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (rc == 0 && info.si_pid == 0)
        return false;
    pthread_mutex_lock(&child->lock);
    if (rc == 0) { /* else somebody reaped it, and the number may be another process's by now */
        kill(-child->pid, SIGKILL);
        while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
            ;
    }
    child->pid = 0;
    pthread_mutex_unlock(&child->lock);
    return true;
}

bool child_ended(const struct child *child)
{
    siginfo_t info = { 0 };
    return child->pid > 0 &&
           waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

bool child_wait(struct child *child, int limit_ms)
{
    for (int waited = 0; !try_reap(child); waited += 2) {
        if (waited >= limit_ms)
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    return true;
}

/* The one thing that outlives a job: numbers of processes that nobody else will reap. */
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t left[CHILDREN_LEFT];

void child_leave(struct child *child)
{
    pthread_mutex_lock(&left_lock);
    for (size_t i = 0; i < CHILDREN_LEFT && child->pid > 0; i++)
        if (left[i] == 0) {
            pthread_mutex_lock(&child->lock);
            left[i] = child->pid;
            child->pid = 0;
            pthread_mutex_unlock(&child->lock);
        }
    pthread_mutex_unlock(&left_lock);
}

void child_reap_left(void)
{
    pthread_mutex_lock(&left_lock);
    for (size_t i = 0; i < CHILDREN_LEFT; i++)
        if (left[i] > 0 && waitpid(left[i], NULL, WNOHANG) != 0) /* reaped, or not ours any more */
            left[i] = 0;
    pthread_mutex_unlock(&left_lock);
}

void child_close(struct child *child)
{
    shut(&child->in);
    shut(&child->out);
    shut(&child->err);
}

void child_sweep(struct child *child)
{
    if (*child->mark)
        sweep_kill(child->mark);
    *child->mark = 0;
}

void child_end(struct child *child, int limit_ms)
{
    shut(&child->in);
    if (limit_ms > 0 && child_wait(child, limit_ms))
        return;
    child_terminate(child);
    if (child_wait(child, limit_ms > 0 ? 500 : END_MILLISECONDS))
        return;
    child->killed = true;
    kill(-child->pid, SIGKILL);
    /* A process in an uninterruptible wait dies when the kernel lets it; the job does not wait for
     * that. */
    child_wait(child, END_MILLISECONDS);
}

void child_describe(const struct child *child, char *out, size_t cap)
{
    if (child->pid > 0)
        snprintf(out, cap, "does not end even after SIGKILL (process %d)", (int)child->pid);
    else if (child->killed)
        snprintf(out, cap, "did not end by itself and was killed");
    else if (WIFSIGNALED(child->status))
        snprintf(out, cap, "was killed by signal %d (%s)", WTERMSIG(child->status),
                 strsignal(WTERMSIG(child->status)));
    else
        snprintf(out, cap, "ended with exit code %d", WEXITSTATUS(child->status));
}
