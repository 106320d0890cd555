#include "jail.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const uint8_t *input;
static size_t input_len;
static enum { IDLE, GIVEN } state;
static char folder[200];

_Noreturn void finding(const char *what)
{
    fprintf(stderr, "finding: %s\n", what);
    __builtin_trap();
}

static void thaw(int dir, const char *name)
{
    int flags = 0, fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
        perror("thaw");
    close(fd);
}

static void clear_below(int dir)
{
    DIR *list = fdopendir(dir);
    if (!list)
        finding("the jail cannot be listed");
    for (struct dirent *e; (e = readdir(list));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            unlinkat(dir, e->d_name, 0) == 0)
            continue;
        int sub = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0) {
            int none = 0;
            ioctl(sub, FS_IOC_SETFLAGS, &none);
            clear_below(sub);
        } else
            thaw(dir, e->d_name);
        if (unlinkat(dir, e->d_name, sub >= 0 ? AT_REMOVEDIR : 0) != 0)
            finding("something in the jail cannot be removed");
    }
    closedir(list);
}

void jail_clear(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), none = 0;
    if (dir < 0 && errno == ENOENT)
        return;
    if (dir < 0)
        finding("the jail cannot be opened");
    ioctl(dir, FS_IOC_SETFLAGS, &none);
    clear_below(dir);
    if (strcmp(path, "/") != 0 && rmdir(path) != 0)
        finding("a folder of the jail cannot be removed");
}

static void remove_folder(void)
{
    if (*folder)
        jail_clear(folder);
}

static void *prisoner(void *arg)
{
    (void)arg;
    if (unshare(CLONE_FS) != 0 || chroot(folder) != 0 || chdir("/") != 0) {
        perror("jail (chroot needs root)");
        _exit(1);
    }
    jail_prepare();
    pthread_mutex_lock(&lock);
    for (;;) {
        while (state != GIVEN)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        jailed(input, input_len);
        pthread_mutex_lock(&lock);
        state = IDLE;
        pthread_cond_broadcast(&changed);
    }
    return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    pthread_t thread;
    struct rlimit files;
    const char *base = getenv("FUZZ_JAIL");
    (void)argc, (void)argv;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max; /* jail_clear() holds one descriptor per level */
    setrlimit(RLIMIT_NOFILE, &files);
    snprintf(folder, sizeof folder, "%s/hpc-fuzz-XXXXXX", base ? base : "/dev/shm");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
    atexit(remove_folder);
    if (pthread_create(&thread, NULL, prisoner, NULL) != 0)
        exit(1);
    pthread_detach(thread);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    pthread_mutex_lock(&lock);
    input = bytes, input_len = len, state = GIVEN;
    pthread_cond_broadcast(&changed);
    while (state == GIVEN)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return 0;
}
