/* The rules in force, those who wait for a release, and the control file's text. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX 256

int faults_root = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct {
    struct labfs_rule rule;
    char *line;
} rules[RULES_MAX];
static size_t rule_count;
static unsigned hanging;
static uint64_t generation; /* of releases */

static void drop_rules(bool only_hangs)
{
    size_t kept = 0;
    for (size_t i = 0; i < rule_count; i++) {
        if (only_hangs && rules[i].rule.action != ACT_HANG) {
            rules[kept++] = rules[i];
            continue;
        }
        labfs_rule_free(&rules[i].rule);
        free(rules[i].line);
    }
    rule_count = kept;
}

static int command(const char *line)
{
    char error[200];
    struct labfs_rule rule;
    int rc = 0;
    if (*line == 0 || *line == '#')
        return 0;
    pthread_mutex_lock(&lock);
    if (strcmp(line, "clear") == 0)
        drop_rules(false);
    else if (strcmp(line, "release") == 0) {
        drop_rules(true);
        generation++;
        pthread_cond_broadcast(&released);
    } else if (rule_count == RULES_MAX)
        rc = -ENOSPC;
    else if ((rc = labfs_rule_parse(&rule, line, error, sizeof error)) == 0) {
        rules[rule_count].rule = rule;
        rules[rule_count++].line = strdup(line);
    } else
        fprintf(stderr, "labfs: %s\n", error);
    pthread_mutex_unlock(&lock);
    return rc;
}

int faults_control_write(const char *bytes, size_t len)
{
    char *text = strndup(bytes, len), *rest = NULL;
    int rc = text ? 0 : -ENOMEM;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && rc == 0;
         line = strtok_r(NULL, "\n", &rest))
        rc = command(line);
    free(text);
    return rc < 0 ? rc : (int)len;
}

int faults_control_read(char *out, size_t size, off_t offset)
{
    static char text[FAULTS_ANSWER_MAX];
    size_t used = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < rule_count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%llu %s\n",
                                 (unsigned long long)rules[i].rule.hits, rules[i].line);
    if (used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, "hanging %u\n", hanging);
    if (used > sizeof text)
        used = sizeof text;
    size_t n = (size_t)offset < used ? used - (size_t)offset : 0;
    if (n > size)
        n = size;
    memcpy(out, text + offset, n);
    pthread_mutex_unlock(&lock);
    return (int)n;
}

int change_size(const char *path, bool append, int64_t n)
{
    struct stat st;
    int fd = openat(faults_root, below(path), O_WRONLY | O_CLOEXEC), rc = fd < 0 ? -errno : 0;
    if (rc == 0 && append && (rc = fstat(fd, &st)) == 0)
        n += st.st_size;
    if (rc == 0 && ftruncate(fd, n) != 0)
        rc = -errno;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Holds the lock. */
static void wait_for_release(void)
{
    hanging++;
    for (uint64_t now = generation; generation == now;)
        pthread_cond_wait(&released, &lock);
    hanging--;
}

/* Holds the lock. */
static int apply(const struct labfs_rule *r, const char *path, size_t *limit, int64_t *delay)
{
    struct stat st;
    switch (r->action) {
    case ACT_ERROR: return (int)-r->number;
    case ACT_DELAY: *delay += r->number; return 0;
    case ACT_SHORT: *limit = (size_t)r->number < *limit ? (size_t)r->number : *limit; return 0;
    case ACT_APPEND: return change_size(path, true, r->number);
    case ACT_TRUNCATE: return change_size(path, false, r->number);
    case ACT_UNLINK:
        return fstatat(faults_root, below(path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                       unlinkat(faults_root, below(path), S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) ==
                           0
                   ? 0
                   : -errno;
    case ACT_REPLACE:
        return renameat(faults_root, below(r->other), faults_root, below(path)) == 0 ? 0 : -errno;
    case ACT_EXCHANGE:
        return renameat2(faults_root, below(r->other), faults_root, below(path), RENAME_EXCHANGE) ==
                       0
                   ? 0
                   : -errno;
    case ACT_HANG: wait_for_release(); break;
    }
    return 0;
}

void faults_hang(void)
{
    pthread_mutex_lock(&lock);
    wait_for_release();
    pthread_mutex_unlock(&lock);
}

int faults_apply(enum labfs_op op, const char *path, uint64_t end, size_t *limit)
{
    int rc = 0;
    int64_t delay = 0;
    if (!path)
        return 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < rule_count && rc == 0; i++)
        if (labfs_rule_takes(&rules[i].rule, op, path, end)) {
            bool hangs = rules[i].rule.action == ACT_HANG; /* its rule is gone when it goes on */
            rc = apply(&rules[i].rule, path, limit, &delay);
            if (hangs)
                break;
        }
    pthread_mutex_unlock(&lock);
    if (delay > 0)
        nanosleep(
            &(struct timespec){ .tv_sec = delay / 1000000, .tv_nsec = delay % 1000000 * 1000 },
            NULL);
    return rc;
}
