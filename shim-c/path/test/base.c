/* The base of a job: which symlinks on the way to it are followed, which are named and refused, and
 * what is made. */
#include "../hpc_base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHECK(cond) ((cond) ? (void)0 : failed(__LINE__, #cond))
#define OTHER       12345

static char top[64];

__attribute__((noreturn)) static void failed(int line, const char *what)
{
    fprintf(stderr, "base.c:%d: %s: errno %d\n", line, what, errno);
    exit(1);
}

static const char *at(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static void directory(const char *name, mode_t mode, uid_t owner)
{
    CHECK(mkdir(at(name), 0700) == 0 && chown(at(name), owner, owner) == 0 &&
          chmod(at(name), mode) == 0);
}

static void link_to(const char *target, const char *name, uid_t owner)
{
    CHECK(symlink(target, at(name)) == 0 && lchown(at(name), owner, owner) == 0);
}

/* Opens `name` and says whether it is the directory `is`; or the error. */
static int opens(const char *name, const char *is)
{
    struct stat got, want;
    char *link;
    int fd = hpc_base_open(*name == '/' ? name : at(name), 0, &link);
    free(link);
    if (fd < 0)
        return fd;
    CHECK(fstat(fd, &got) == 0 && stat(at(is), &want) == 0);
    CHECK(got.st_ino == want.st_ino && got.st_dev == want.st_dev);
    close(fd);
    return 0;
}

/* Refused, and `link` is what is named. */
static void refused(const char *name, const char *link)
{
    char *said;
    CHECK(hpc_base_open(at(name), HPC_BASE_MAKE, &said) == -ELOOP);
    CHECK(said && strcmp(said, at(link)) == 0);
    free(said);
}

static void followed(void)
{
    directory("big", 0755, 0);
    directory("big/home", 0755, 0);
    directory("big/home/u", 0700, OTHER);
    link_to("big/home", "home", 0);
    link_to("./big/../big/home/u/", "u", 0);
    CHECK(opens("home", "big/home") == 0);
    CHECK(opens("home/u", "big/home/u") == 0);
    CHECK(opens("home//./u/", "big/home/u") == 0);
    CHECK(opens("u", "big/home/u") == 0);
    link_to(at("home"), "absolute", 0);
    CHECK(opens("absolute/u", "big/home/u") == 0);
    CHECK(opens("home/..", "big") == 0); /* the parent of what the link leads to */
    CHECK(opens("home/none", "") == -ENOENT);
    link_to("circle", "circle", 0);
    refused("circle", "circle");
    CHECK(close(open(at("file"), O_CREAT | O_WRONLY, 0600)) == 0);
    CHECK(opens("file", "") == -ENOTDIR && opens("file/x", "") == -ENOTDIR);
    CHECK(hpc_base_open("", 0, NULL) == -ENOENT);
}

/* What is no directory, and what /proc says. */
static void any_kind(void)
{
    struct stat st, want;
    char path[64];
    int fd, held = open(at("big/home"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK((fd = hpc_base_open(at("file"), HPC_BASE_ANY, NULL)) >= 0 && fstat(fd, &st) == 0 &&
          S_ISREG(st.st_mode));
    close(fd);
    CHECK(mkfifo(at("fifo"), 0600) == 0);
    link_to("fifo", "to-fifo", 0);
    CHECK((fd = hpc_base_open(at("to-fifo"), HPC_BASE_ANY, NULL)) >= 0 && fstat(fd, &st) == 0 &&
          S_ISFIFO(st.st_mode));
    close(fd);
    CHECK(hpc_base_open(at("to-fifo"), 0, NULL) == -ENOTDIR &&
          hpc_base_open(at("fifo/x"), HPC_BASE_ANY, NULL) == -ENOTDIR);
    link_to("file", "their-file", OTHER);
    CHECK(hpc_base_open(at("their-file"), HPC_BASE_ANY, NULL) == -ELOOP);
    CHECK(rename(at("big/home"), at("big/moved")) ==
          0); /* the link says where it was, perhaps, but leads to what is held */
    directory("big/home", 0755, 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d/u", held);
    CHECK((fd = hpc_base_open(path, 0, NULL)) >= 0 && fstat(fd, &st) == 0 &&
          stat(at("big/moved/u"), &want) == 0 && st.st_ino == want.st_ino);
    close(fd);
    CHECK(rmdir(at("big/home")) == 0 && rename(at("big/moved"), at("big/home")) == 0);
    close(held);
}

/* Others can choose where these lead. */
static void others_links(void)
{
    link_to("big/home", "theirs", OTHER); /* theirs, in root's directory: whoever made it chose */
    refused("theirs", "theirs");
    refused("theirs/u", "theirs");
    link_to("../..", "big/home/u/in-theirs",
            0); /* root's, in their directory: they may put another there */
    refused("home/u/in-theirs", "big/home/u/in-theirs");
    link_to("big/home/u/in-theirs", "by-way-of",
            0); /* root's link is followed, the one that it leads to is not */
    refused("by-way-of", "big/home/u/in-theirs");
    directory("big/home/u/roots", 0755, 0); /* root's in root's, but below what they can move */
    link_to("/", "big/home/u/roots/link", 0);
    refused("big/home/u/roots/link", "big/home/u/roots/link");
    CHECK(opens("big/home/u/roots", "big/home/u/roots") ==
          0); /* without a link there is nothing to choose */
    directory("big/home/u/roots/open", 0777, 0);
    CHECK(opens("big/home/u/roots/open/../../roots", "big/home/u/roots") == 0);
}

static void writable_directories(void)
{
    directory("group", 0775, 0);
    link_to("../big", "group/link", 0);
    refused("group/link", "group/link");
    CHECK(chmod(at("group"), 0757) == 0);
    refused("group/link", "group/link");
    CHECK(chmod(at("group"), 01777) ==
          0); /* sticky: they may move a link there that root made elsewhere */
    refused("group/link", "group/link");
    directory("group/roots", 0755, 0); /* but no directory of root's */
    link_to("../../big", "group/roots/link", 0);
    CHECK(opens("group/roots/link", "big") == 0);
    directory("group/theirs", 0755, OTHER);
    link_to("../../big", "group/theirs/link", 0);
    refused("group/theirs/link", "group/theirs/link");
    CHECK(chmod(at("group"), 0777) == 0);
    refused("group/roots/link", "group/roots/link");
    CHECK(chmod(at("group"), 0755) == 0);
    CHECK(opens("group/link", "big") == 0);
    /* u::rwx u:12345:rwx g::r-x m::rwx o::r-x; its mask is what the mode shows of the group */
    static const unsigned char acl[] = { 2,   0,   0,   0,   1,   0,    7,    0,   255, 255, 255,
                                         255, 2,   0,   7,   0,   0x39, 0x30, 0,   0,   4,   0,
                                         5,   0,   255, 255, 255, 255,  16,   0,   7,   0,   255,
                                         255, 255, 255, 32,  0,   5,    0,    255, 255, 255, 255 };
    if (setxattr(at("group"), "system.posix_acl_access", acl, sizeof acl, 0) == 0)
        refused("group/link", "group/link");
}

static void made(void)
{
    struct stat st;
    int fd = hpc_base_open(at("home/new/deep"), HPC_BASE_MAKE, NULL);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755);
    close(fd);
    CHECK(opens("big/home/new/deep", "home/new/deep") == 0);
    link_to("unmounted/data", "dangling", 0); /* what a link leads to is somebody else's to make */
    CHECK(hpc_base_open(at("dangling/x"), HPC_BASE_MAKE, NULL) == -ENOENT);
    CHECK(hpc_base_open(at("dangling"), HPC_BASE_MAKE, NULL) == -ENOENT &&
          access(at("unmounted"), F_OK) < 0);
    CHECK(opens("none", "") == -ENOENT && access(at("none"), F_OK) < 0);
}

static void relative(void)
{
    CHECK(chdir(at("big/home/u")) == 0);
    struct stat st, want;
    int fd = hpc_base_open("../../../home", 0, NULL);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && stat(at("home"), &want) == 0 &&
          st.st_ino == want.st_ino);
    close(fd);
    char *link;
    CHECK(hpc_base_open("in-theirs", 0, &link) == -ELOOP &&
          strcmp(link, at("big/home/u/in-theirs")) == 0);
    free(link);
    CHECK(mkdir(at("gone"), 0700) == 0 && chdir(at("gone")) == 0 && rmdir(at("gone")) == 0);
    fd = hpc_base_open(".", 0, NULL);
    CHECK(fd >= 0);
    close(fd);
    CHECK(hpc_base_open("x", HPC_BASE_MAKE, NULL) == -ENOENT);
    CHECK(chdir("/") == 0);
}

/* Deeper than any path that the kernel takes, and as somebody without privileges. */
static void deep_and_unprivileged(void)
{
    size_t len = strlen(top);
    char *path = malloc(len + 9000);
    CHECK(path);
    memcpy(path, top, len + 1);
    for (int i = 0; i < 60; i++)
        len += (size_t)sprintf(path + len, "/%0100d", i);
    int fd = hpc_base_open(path, HPC_BASE_MAKE, NULL);
    CHECK(fd >= 0);
    close(fd);
    free(path);
    CHECK(chmod(top, 0755) == 0 && symlink("u", at("big/home/to-u")) == 0);
    CHECK(seteuid(OTHER) == 0);
    CHECK(symlink("roots", at("big/home/u/own")) == 0);
    CHECK(opens("home/to-u/own", "big/home/u/roots") == 0); /* root's and one's own */
    CHECK(opens("theirs/u", "big/home/u") == 0);
    CHECK(seteuid(0) == 0 && lchown(at("big/home/u/own"), OTHER + 1, 0) == 0 &&
          seteuid(OTHER) == 0);
    refused("home/u/own", "big/home/u/own");
    CHECK(seteuid(0) == 0);
}

/* The owner of a directory exchanges what is in it, with links of his own and one of root's that he
 * was left with, while it is opened. */
static void exchanged(void)
{
    struct stat victim, st;
    directory("victim", 0700, 0);
    directory("theirs-too", 0755, OTHER);
    directory("theirs-too/base", 0755, OTHER);
    link_to(at("victim"), "theirs-too/own", OTHER);
    link_to(at("victim"), "theirs-too/roots", 0);
    CHECK(stat(at("victim"), &victim) == 0);
    pid_t attacker = fork();
    CHECK(attacker >= 0);
    if (attacker == 0) {
        int dir = open(at("theirs-too"), O_PATH | O_DIRECTORY);
        CHECK(setuid(OTHER) == 0);
        for (unsigned i = 0;; i++)
            CHECK(renameat2(dir, "base", dir, i & 2 ? "own" : "roots", RENAME_EXCHANGE) == 0);
    }
    unsigned opened = 0, stopped = 0;
    for (int i = 0; i < 200000 && (i < 2000 || !opened || !stopped); i++) {
        int fd = hpc_base_open(at("theirs-too/base"), HPC_BASE_MAKE, NULL);
        CHECK(fd >= 0 || fd == -ELOOP || fd == -ENOTDIR || fd == -ENOENT);
        opened += fd >= 0;
        stopped += fd == -ELOOP;
        if (fd < 0)
            continue;
        CHECK(fstat(fd, &st) == 0 && (st.st_ino != victim.st_ino || st.st_dev != victim.st_dev));
        close(fd);
    }
    CHECK(kill(attacker, SIGKILL) == 0 && waitpid(attacker, NULL, 0) == attacker);
    CHECK(opened && stopped);
}

int main(void)
{
    if (geteuid() != 0) {
        puts("base: skipped, because it gives files to others");
        return 0;
    }
    umask(022);
    strcpy(top, "/tmp/hpc-base-XXXXXX");
    CHECK(mkdtemp(top));
    followed();
    any_kind();
    others_links();
    writable_directories();
    made();
    relative();
    deep_and_unprivileged();
    exchanged();
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", top);
    CHECK(system(command) == 0);
    puts("base: ok");
    return 0;
}
