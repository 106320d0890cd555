#include "conf.h"
#include "limits.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_NAME "podheitor-hpc-fd.conf"

static int conf_path(char *out, size_t cap)
{
    Dl_info self;
    if (!dladdr((const void *)conf_path, &self) || !self.dli_fname)
        return -1;
    const char *slash = strrchr(self.dli_fname, '/');
    int dir = slash ? (int)(slash - self.dli_fname) : 1;
    int n = snprintf(out, cap, "%.*s/" CONF_NAME, dir, slash ? self.dli_fname : ".");
    return n > 0 && (size_t)n < cap ? 0 : -1;
}

/* A program that anyone but root could change would run with the FD's rights. */
static int trusted(const struct stat *st, const char *path, char *error, size_t cap)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        snprintf(error, cap, "%s belongs to user %u; remedy: chown root '%s'", path, st->st_uid, path);
        return -1;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(error, cap, "%s can be changed by group or others (mode %04o); remedy: chmod go-w '%s'", path, st->st_mode & 07777, path);
        return -1;
    }
    return 0;
}

static int check_program(const char *conf, const char *key, const char *path, bool run, char *error, size_t cap)
{
    struct stat st;
    if (path[0] != '/') {
        snprintf(error, cap, "%s: %s = %s is not an absolute path", conf, key, path);
        return -1;
    }
    if (stat(path, &st) != 0) {
        snprintf(error, cap, "%s: %s = %s: %s; remedy: name an existing file there, or run 'podheitor-hpc plugin install'", conf, key, path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(st.st_mode) || (run && access(path, X_OK) != 0)) {
        snprintf(error, cap, "%s: %s = %s is not %s; remedy: name the right file, or chmod +x it", conf, key, path, S_ISREG(st.st_mode) ? "executable" : "a regular file");
        return -1;
    }
    return trusted(&st, path, error, cap);
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

static int parse_line(struct conf *conf, const char *path, int number, char *line, char *error, size_t cap)
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
        snprintf(error, cap, "%s line %d: stall-limit = %s is not a number of seconds from 1 to %d", path, number, value, STALL_SECONDS_MAX);
        return -1;
    }
    snprintf(error, cap, "%s line %d: unknown key '%s' (known: backend, node, stall-limit)", path, number, key);
    return -1;
}

static char *read_conf(const char *path, char *error, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(error, cap, "cannot read %s: %s; remedy: run 'podheitor-hpc plugin install'", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = NULL;
    if (!S_ISREG(st.st_mode) || st.st_size > CONF_MAX)
        snprintf(error, cap, "%s is not a configuration file; remedy: run 'podheitor-hpc plugin install'", path);
    else if (trusted(&st, path, error, cap) == 0) {
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
        snprintf(error, cap, "%s names no backend; remedy: add a line 'backend = /path/to/podheitor-hpc-backend.cjs'", path);
        return -1;
    }
    bool script = ends_with(conf->backend, ".cjs") || ends_with(conf->backend, ".js");
    if (!script) {
        free(conf->node);
        conf->node = NULL;
    } else if (!conf->node) {
        const char *usual = access("/usr/bin/node", X_OK) == 0 ? "/usr/bin/node" : "/usr/local/bin/node";
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
        snprintf(error, cap, "cannot tell where the plugin was loaded from; remedy: set 'Plugin Directory' to an absolute path");
        return -1;
    }
    char *text = read_conf(path, error, cap);
    if (!text)
        return -1;
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
    free(conf->backend);
    free(conf->node);
    *conf = (struct conf){ 0 };
}
