/* Looking names up: what is found, what is refused, and an exchange of a directory with a symlink
 * while it goes on. */
#include "../hpc_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(cond) ((cond) ? (void)0 : failed(__LINE__, #cond))

static char base[64];

__attribute__((noreturn)) static void failed(int line, const char *what)
{
    fprintf(stderr, "path.c:%d: %s: errno %d\n", line, what, errno);
    exit(1);
}

static int open_is(int dir, const char *path, int flags, const char *content)
{
    char got[64] = { 0 };
    int fd = hpc_path_open(dir, path, strlen(path), flags);

    if (fd < 0)
        return fd;
    if (content)
        CHECK(read(fd, got, sizeof got - 1) >= 0 && !strcmp(got, content));
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    close(fd);
    return 0;
}

static int stat_of(int dir, const char *path, struct stat *st)
{
    return hpc_path_stat(dir, path, strlen(path), st);
}

static void put(int dir, const char *name, const char *content)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
}

static void names(int dir)
{
    char long_name[300];
    struct stat st, other;

    CHECK(open_is(dir, "in/deeper/file", O_RDONLY, "inside") == 0);
    CHECK(open_is(dir, "//in///deeper//file", O_RDONLY, "inside") == 0);
    CHECK(open_is(dir, "in/deeper/", O_RDONLY | O_DIRECTORY, NULL) == 0);
    CHECK(open_is(dir, "", O_RDONLY | O_DIRECTORY, NULL) == 0);
    CHECK(open_is(dir, "in/none", O_RDONLY, NULL) == -ENOENT);
    CHECK(open_is(dir, "in/deeper/file/x", O_RDONLY, NULL) == -ENOTDIR);
    CHECK(open_is(dir, "in/./deeper", O_RDONLY, NULL) == -EINVAL);
    CHECK(open_is(dir, "../x", O_RDONLY, NULL) == -EINVAL);
    CHECK(open_is(dir, "in/..", O_PATH, NULL) == -EINVAL);
    CHECK(open_is(dir, "new", O_WRONLY | O_CREAT, NULL) == -EINVAL);
    CHECK(hpc_path_open(dir, "in\0x", 4, O_PATH) == -EINVAL);
    CHECK(hpc_path_stat(dir, "i\0", 2, &st) == -EINVAL);
    memset(long_name, 'n', sizeof long_name);
    CHECK(hpc_path_open(dir, long_name, sizeof long_name, O_PATH) == -ENAMETOOLONG);
    CHECK(hpc_path_stat(dir, long_name, sizeof long_name, &st) == -ENAMETOOLONG);
    /* a length decides, not a NUL */
    CHECK(hpc_path_stat(dir, "in/deeper/fileX", 14, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(stat_of(dir, "", &st) == 0 && fstat(dir, &other) == 0 && st.st_ino == other.st_ino);
    CHECK(stat_of(dir, "/in", &st) == 0 && S_ISDIR(st.st_mode));
}

static void symlinks(int dir)
{
    const int kinds[] = { O_RDONLY, O_PATH, O_RDONLY | O_DIRECTORY, O_PATH | O_DIRECTORY };
    char name[HPC_PATH_NAME];
    struct stat st;
    int fd;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        CHECK(open_is(dir, "out/file", kinds[i], NULL) == -ELOOP);
        CHECK(open_is(dir, "in/self/deeper", kinds[i], NULL) == -ELOOP);
    }
    CHECK(open_is(dir, "out", O_RDONLY, NULL) == -ELOOP);
    CHECK(open_is(dir, "out", O_RDONLY | O_DIRECTORY, NULL) == -ELOOP);
    CHECK(open_is(dir, "out", O_PATH | O_DIRECTORY, NULL) == -ELOOP);
    CHECK(stat_of(dir, "out/file", &st) == -ELOOP);
    CHECK(stat_of(dir, "out", &st) == 0 && S_ISLNK(st.st_mode));
    fd = hpc_path_open(dir, "out", 3, O_PATH);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
    close(fd);
    CHECK(hpc_path_parent(dir, "out/file", 8, name) == -ELOOP);
    CHECK(hpc_path_parent(dir, "", 0, name) == -EINVAL &&
          hpc_path_parent(dir, "in/..", 5, name) == -EINVAL);
    fd = hpc_path_parent(dir, "in/deeper/file", 14, name);
    CHECK(fd >= 0 && !strcmp(name, "file") && fstatat(fd, name, &st, 0) == 0);
    close(fd);
    fd = hpc_path_parent(dir, "in/", 3, name);
    CHECK(fd >= 0 && !strcmp(name, "in"));
    close(fd);
}

static void regular_only(int dir)
{
    struct stat st;
    char got[8] = { 0 };
    int fd, writer;

    CHECK(hpc_path_open_regular(dir, "in/fifo", 7, O_RDONLY, &st) == -ENXIO &&
          S_ISFIFO(st.st_mode));
    writer = openat(dir, "in/fifo", O_WRONLY | O_NONBLOCK);
    CHECK(writer < 0 && errno == ENXIO); /* nobody has it open */
    CHECK(hpc_path_open_regular(dir, "in", 2, O_RDONLY, &st) == -ENXIO && S_ISDIR(st.st_mode));
    CHECK(hpc_path_open_regular(dir, "out", 3, O_RDONLY, &st) == -ENXIO && S_ISLNK(st.st_mode));
    CHECK(hpc_path_open_regular(dir, "out/file", 8, O_RDONLY, &st) == -ELOOP);
    CHECK(hpc_path_open_regular(dir, "none", 4, O_RDONLY, &st) == -ENOENT);
    fd = hpc_path_open_regular(dir, "in/deeper/file", 14, O_RDONLY | O_NOATIME, &st);
    CHECK(fd >= 0 && st.st_size == 6 && read(fd, got, 7) == 6 && !strcmp(got, "inside"));
    close(fd);
}

/* 30,000 bytes of names, made one below the other. */
static void long_path(int dir)
{
    static char path[200 * 151 + 8];
    char name[152];
    struct stat st;
    size_t len = 0;
    int at = dup(dir);

    memset(name, 'd', 150);
    name[150] = 0;
    for (int i = 0; i < 200; i++) {
        int next;

        CHECK(mkdirat(at, name, 0700) == 0);
        next = openat(at, name, O_PATH | O_DIRECTORY);
        CHECK(next >= 0);
        close(at);
        at = next;
        memcpy(path + len, name, 150);
        path[len + 150] = '/';
        len += 151;
    }
    put(at, "end", "deep");
    memcpy(path + len - 1, "/end", 4);
    CHECK(symlinkat(".", at, "loop") == 0);
    close(at);
    at = hpc_path_open(dir, path, len + 3, O_RDONLY);
    CHECK(at >= 0 && hpc_path_stat(dir, path, len + 3, &st) == 0 && st.st_size == 4);
    close(at);
    CHECK(hpc_path_open(dir, path, len + 2, O_RDONLY) == -ENOENT);
    CHECK(hpc_path_open(dir, path, 151 * 3, O_PATH) >= 0);
}

/* A user exchanges in/swap and a symlink out of the tree, as fast as he can. */
static void exchanged(int dir)
{
    struct stat st, secret;
    pid_t user;
    unsigned inside = 0, refused = 0;

    CHECK(mkdirat(dir, "in/swap", 0700) == 0 && symlinkat("../../outside", dir, "in/link") == 0);
    put(dir, "in/swap/file", "mine");
    CHECK(fstatat(dir, "../outside/file", &secret, 0) == 0);
    user = fork();
    CHECK(user >= 0);
    if (user == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
        for (;;)
            syscall(SYS_renameat2, dir, "in/swap", dir, "in/link", 2 /* RENAME_EXCHANGE */);
    for (int i = 0; i < 200000 && (i < 3000 || !inside || !refused); i++) {
        int fd = i % 3 == 0   ? hpc_path_open(dir, "in/swap/file", 12, O_RDONLY)
                 : i % 3 == 1 ? hpc_path_open_regular(dir, "in/swap/file", 12, O_RDONLY, &st)
                              : hpc_path_stat(dir, "in/swap/file", 12, &st);

        if (fd == -ELOOP || fd == -ENOTDIR || fd == -ENOENT) {
            refused++;
            continue;
        }
        CHECK(fd >= 0);
        inside++;
        if (i % 3 < 2) {
            CHECK(fstat(fd, &st) == 0);
            close(fd);
        }
        CHECK(st.st_ino != secret.st_ino);
    }
    kill(user, SIGKILL);
    waitpid(user, NULL, 0);
    CHECK(inside && refused);
}

/* As a sandbox of containers does it: unknown system calls are EPERM. */
static void in_a_sandbox(int dir)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437 /* openat2 */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
              prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
        names(dir);
        symlinks(dir);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A container without /proc, where that can be made. */
static void without_proc(int dir)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        if (syscall(SYS_unshare, 0x00020000 /* CLONE_NEWNS */) ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("none", "/proc", "tmpfs", 0, NULL)) {
            fprintf(stderr, "not root: /proc stays\n");
            _exit(0);
        }
        regular_only(dir);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    char command[128];
    int dir;

    snprintf(base, sizeof base, "/tmp/hpc-path-XXXXXX");
    CHECK(mkdtemp(base) && chdir(base) == 0);
    CHECK(mkdir("tree", 0700) == 0 && mkdir("outside", 0700) == 0);
    dir = open("tree", O_PATH | O_DIRECTORY);
    CHECK(dir >= 0 && mkdirat(dir, "in", 0700) == 0 && mkdirat(dir, "in/deeper", 0700) == 0);
    put(dir, "in/deeper/file", "inside");
    put(AT_FDCWD, "outside/file", "SECRET");
    CHECK(symlinkat("../outside", dir, "out") == 0 && symlinkat(".", dir, "in/self") == 0 &&
          mkfifoat(dir, "in/fifo", 0600) == 0);

    in_a_sandbox(dir);
    names(dir);
    symlinks(dir);
    regular_only(dir);
    without_proc(dir);
    long_path(dir);
    exchanged(dir);
    CHECK(open_is(AT_FDCWD, "tree/in/deeper/file", O_RDONLY, "inside") == 0);
    CHECK(open_is(AT_FDCWD, "tree/out/file", O_RDONLY, NULL) == -ELOOP);

    CHECK(chdir("/") == 0);
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command) == 0 ? 0 : 1;
}
