#include "conf.h"
#include "../limits.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_NAME    "podheitor-hpc-fd.conf"
#define SYMLINKS_MAX 40 /* as many as the kernel follows */

static int conf_path(char *out, size_t cap)
{
    Dl_info self;
    if (!dladdr((const void *)conf_path, &self) || !self.dli_fname)
        return -1;
    /* Absolute, so that every directory above can be looked at. */
    char *self_path = *self.dli_fname == '/' ? strdup(self.dli_fname)
                                             : realpath(self.dli_fname, NULL);
    const char *slash = self_path ? strrchr(self_path, '/') : NULL;
    int n = slash ? snprintf(out, cap, "%.*s/" CONF_NAME, (int)(slash - self_path), self_path) : -1;
    free(self_path);
    return n > 0 && (size_t)n < cap ? 0 : -1;
}

/* A program that anyone but root could change would run with the FD's rights. */
static int trusted(const struct stat *st, const char *path, char *error, size_t cap)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        snprintf(error, cap, "%s belongs to user %u; remedy: chown root '%s'", path, st->st_uid,
                 path);
        return -1;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(error, cap,
                 "%s can be changed by group or others (mode %04o); remedy: chmod go-w '%s'", path,
                 st->st_mode & 07777, path);
        return -1;
    }
    return 0;
}

/* In a directory that others may change, a file can be exchanged whoever owns it; where the sticky
 * bit is set, only by its owner. */
static int trusted_directory(const struct stat *st, const char *path, char *error, size_t cap)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        snprintf(error, cap,
                 "the directory %s belongs to user %u, who could exchange what is in it; remedy: "
                 "chown root '%s', or install elsewhere",
                 path, st->st_uid, path);
        return -1;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH) && !(st->st_mode & S_ISVTX)) {
        snprintf(error, cap,
                 "the directory %s can be changed by group or others (mode %04o); remedy: chmod "
                 "go-w '%s', or install elsewhere",
                 path, st->st_mode & 07777, path);
        return -1;
    }
    return 0;
}

/* Looks at the directories on the way to `path` as far as its first symlink, whose resolution it
 * writes to `next` (1); 0: all were good; -1. */
static int trusted_as_far(const char *path, char *next, char *error, size_t cap)
{
    char way[PATH_MAX], target[PATH_MAX];
    struct stat st;
    size_t len = strlen(path);
    for (size_t at = 0; at <= len; at++) {
        if (at > 0 && path[at] != '/' && path[at] != 0)
            continue;
        size_t n = at == 0 ? 1 : at; /* "/" itself is the first of them */
        memcpy(way, path, n);
        way[n] = 0;
        if (lstat(way, &st) != 0)
            return 0; /* what is missing, the caller says */
        if (S_ISDIR(st.st_mode) && trusted_directory(&st, way, error, cap) != 0)
            return -1;
        if (!S_ISLNK(st.st_mode))
            continue;
        if (st.st_uid != 0 && st.st_uid != geteuid()) {
            snprintf(error, cap,
                     "the symbolic link %s belongs to user %u; remedy: name the file itself", way,
                     st.st_uid);
            return -1;
        }
        ssize_t got = readlink(way, target, sizeof target - 1);
        if (got <= 0)
            return 0;
        target[got] = 0;
        size_t dir = *target == '/' ? 0 : (size_t)(strrchr(way, '/') - way) + 1;
        if (dir + (size_t)got + len - at >= PATH_MAX) {
            snprintf(error, cap, "%s: %s", path, strerror(ENAMETOOLONG));
            return -1;
        }
        memcpy(next, way, dir);
        memcpy(next + dir, target, (size_t)got);
        memcpy(next + dir + got, path + at, len - at + 1);
        return 1;
    }
    return 0;
}

/* Every directory on the way to an absolute path, those that symlinks lead through as well. */
static int trusted_way(const char *path, char *error, size_t cap)
{
    char now[PATH_MAX], next[PATH_MAX];
    if (snprintf(next, sizeof next, "%s", path) >= (int)sizeof next) {
        snprintf(error, cap, "%.100s...: %s", path, strerror(ENAMETOOLONG));
        return -1;
    }
    for (int links = 0; links < SYMLINKS_MAX; links++) {
        memcpy(now, next, sizeof now);
        int rc = trusted_as_far(now, next, error, cap);
        if (rc <= 0)
            return rc;
    }
    snprintf(error, cap, "%s: %s", path, strerror(ELOOP));
    return -1;
}

static int check_program(const char *conf, const char *key, const char *path, bool run, char *error,
                         size_t cap)
{
    struct stat st;
    if (path[0] != '/') {
        snprintf(error, cap, "%s: %s = %s is not an absolute path", conf, key, path);
        return -1;
    }
    if (stat(path, &st) != 0) {
        snprintf(error, cap,
                 "%s: %s = %s: %s; remedy: name an existing file there, or run 'podheitor-hpc "
                 "plugin install'",
                 conf, key, path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode) || (run && access(path, X_OK) != 0)) {
        snprintf(error, cap, "%s: %s = %s is not %s; remedy: name the right file, or chmod +x it",
                 conf, key, path, S_ISREG(st.st_mode) ? "executable" : "a regular file");
        return -1;
    }
    return trusted(&st, path, error, cap) != 0 ? -1 : trusted_way(path, error, cap);
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = 0;
    return text;
}

static int set(char **field, const char *value)
{
    free(*field);
    return (*field = strdup(value)) ? 0 : -1;
}

static int parse_line(struct conf *conf, const char *path, int number, char *line, char *error,
                      size_t cap)
{
    line = trim(line);
    if (!*line || *line == '#')
        return 0;
    char *equals = strchr(line, '=');
    if (!equals) {
        snprintf(error, cap, "%s line %d: '%s' is not 'key = value'", path, number, line);
        return -1;
    }
    *equals = 0;
    const char *key = trim(line), *value = trim(equals + 1);
    if (strcmp(key, "backend") == 0)
        return set(&conf->backend, value);
    if (strcmp(key, "node") == 0)
        return set(&conf->node, value);
    if (strcmp(key, "stall-limit") == 0) {
        char *end;
        long seconds = strtol(value, &end, 10);
        if (*value && !*end && seconds >= 1 && seconds <= STALL_SECONDS_MAX) {
            conf->stall_seconds = (int)seconds;
            return 0;
        }
        snprintf(error, cap, "%s line %d: stall-limit = %s is not a number of seconds from 1 to %d",
                 path, number, value, STALL_SECONDS_MAX);
        return -1;
    }
    if (strcmp(key, "holes") == 0) {
        conf->holes = strcmp(value, "skip") == 0   ? HOLES_SKIP
                      : strcmp(value, "send") == 0 ? HOLES_SEND
                                                   : HOLES_BY_RELEASE;
        if (conf->holes == HOLES_BY_RELEASE)
            snprintf(error, cap, "%s line %d: holes = %s is neither skip nor send", path, number,
                     value);
        return conf->holes == HOLES_BY_RELEASE ? -1 : 0;
    }
    snprintf(error, cap, "%s line %d: unknown key '%s' (known: backend, node, stall-limit, holes)",
             path, number, key);
    return -1;
}

static char *read_conf(const char *path, char *error, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(error, cap, "cannot read %s: %s; remedy: run 'podheitor-hpc plugin install'", path,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = NULL;
    if (!S_ISREG(st.st_mode) || st.st_size > CONF_MAX)
        snprintf(error, cap,
                 "%s is not a configuration file; remedy: run 'podheitor-hpc plugin install'",
                 path);
    else if (trusted(&st, path, error, cap) == 0 && trusted_way(path, error, cap) == 0) {
        text = calloc(1, CONF_MAX + 1);
        if (!text || read(fd, text, CONF_MAX) < 0) {
            snprintf(error, cap, "cannot read %s: %s", path, strerror(errno));
            free(text);
            text = NULL;
        }
    }
    close(fd);
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static int settle(struct conf *conf, const char *path, char *error, size_t cap)
{
    if (!conf->backend) {
        snprintf(error, cap,
                 "%s names no backend; remedy: add a line 'backend = "
                 "/path/to/podheitor-hpc-backend.cjs'",
                 path);
        return -1;
    }
    bool script = ends_with(conf->backend, ".cjs") || ends_with(conf->backend, ".js");
    if (!script) {
        free(conf->node);
        conf->node = NULL;
    } else if (!conf->node) {
        const char *usual = access("/usr/bin/node", X_OK) == 0 ? "/usr/bin/node"
                                                               : "/usr/local/bin/node";
        if (set(&conf->node, usual) != 0)
            return -1;
    }
    if (script && check_program(path, "node", conf->node, true, error, cap) != 0)
        return -1;
    return check_program(path, "backend", conf->backend, !script, error, cap);
}

int conf_load(struct conf *conf, char *error, size_t cap)
{
    char path[4096];
    *conf = (struct conf){ .stall_seconds = STALL_SECONDS };
    snprintf(error, cap, "out of memory");
    if (conf_path(path, sizeof path) != 0) {
        snprintf(error, cap,
                 "cannot tell where the plugin was loaded from; remedy: set 'Plugin Directory' to "
                 "an absolute path");
        return -1;
    }
    char *text = read_conf(path, error, cap);
    if (!text)
        return -1;
    conf->directory = strndup(path, (size_t)(strrchr(path, '/') - path));
    int rc = 0, number = 1;
    for (char *line = text, *next; line && rc == 0; line = next, number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        rc = parse_line(conf, path, number, line, error, cap);
    }
    free(text);
    return rc == 0 ? settle(conf, path, error, cap) : rc;
}

void conf_free(struct conf *conf)
{
    free(conf->directory);
    free(conf->backend);
    free(conf->node);
    *conf = (struct conf){ 0 };
}
