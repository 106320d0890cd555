#include "rules.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const ops[OP_COUNT] = {
    "getattr", "readdir",  "opendir", "open",    "read",     "write",    "create",   "mkdir",
    "unlink",  "rename",   "link",    "symlink", "readlink", "mknod",    "chmod",    "chown",
    "utimens", "truncate", "statfs",  "fsync",   "release",  "getxattr", "setxattr", "listxattr",
};

static const struct {
    const char *name;
    enum labfs_action action;
    enum { NOTHING, NUMBER, ERRNO, NAME } wants;
    bool once;
} actions[] = {
    { "error", ACT_ERROR, ERRNO, false },       { "delay", ACT_DELAY, NUMBER, false },
    { "delay-us", ACT_DELAY, NUMBER, false },   { "hang", ACT_HANG, NOTHING, false },
    { "short", ACT_SHORT, NUMBER, false },      { "append", ACT_APPEND, NUMBER, true },
    { "truncate", ACT_TRUNCATE, NUMBER, true }, { "unlink", ACT_UNLINK, NOTHING, true },
    { "replace", ACT_REPLACE, NAME, true },     { "exchange", ACT_EXCHANGE, NAME, true },
};

const char *labfs_op_name(enum labfs_op op)
{
    return ops[op];
}

static int fail(char *error, size_t cap, const char *what, const char *word)
{
    snprintf(error, cap, "%s '%s'", what, word ? word : "");
    return -EINVAL;
}

static bool number(const char *word, int64_t *out)
{
    char *end;
    errno = 0;
    *out = word && *word >= '0' && *word <= '9' ? strtoll(word, &end, 10) : -1;
    return *out >= 0 && errno == 0 && *end == 0;
}

static bool errno_of(const char *word, int64_t *out)
{
    if (number(word, out))
        return *out > 0 && *out < 4096;
    for (int e = 1; e < 200 && word; e++) {
        const char *name = strerrorname_np(e);
        if (name && strcmp(name, word) == 0)
            return *out = e, true;
    }
    return false;
}

static bool ops_of(char *word, uint32_t *out)
{
    char *rest = NULL;
    *out = 0;
    for (char *one = strtok_r(word, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        int op = 0;
        while (op < OP_COUNT && strcmp(ops[op], one) != 0)
            op++;
        if (op == OP_COUNT && strcmp(one, "all") != 0)
            return false;
        *out |= op == OP_COUNT ? (1u << OP_COUNT) - 1 : 1u << op;
    }
    return *out != 0;
}

static int words(struct labfs_rule *r, char *text, char *error, size_t cap)
{
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    size_t i = 0;
    if (!word || !ops_of(word, &r->ops))
        return fail(error, cap, "no operation", word);
    word = strtok_r(NULL, " ", &rest);
    while (i < sizeof actions / sizeof *actions && (!word || strcmp(actions[i].name, word) != 0))
        i++;
    if (i == sizeof actions / sizeof *actions)
        return fail(error, cap, "no action", word);
    r->action = actions[i].action;
    r->times = actions[i].once;
    word = actions[i].wants == NOTHING ? NULL : strtok_r(NULL, " ", &rest);
    if ((actions[i].wants == NUMBER && !number(word, &r->number)) ||
        (actions[i].wants == ERRNO && !errno_of(word, &r->number)) ||
        (actions[i].wants == NAME && !word))
        return fail(error, cap, "not what this action wants:", word);
    if (strcmp(actions[i].name, "delay") == 0 &&
        __builtin_mul_overflow(r->number, 1000, &r->number))
        return fail(error, cap, "too long:", word);
    if (actions[i].wants == NAME && !(r->other = strdup(word)))
        return -ENOMEM;
    while ((word = strtok_r(NULL, " ", &rest))) {
        int64_t n;
        const char *value = strtok_r(NULL, " ", &rest);
        if (!number(value, &n))
            return fail(error, cap, "no number behind", word);
        if (strcmp(word, "offset") == 0)
            r->offset = (uint64_t)n;
        else if (strcmp(word, "after") == 0)
            r->after = (uint64_t)n;
        else if (strcmp(word, "times") == 0)
            r->times = (uint64_t)n;
        else
            return fail(error, cap, "unknown word", word);
    }
    return 0;
}

int labfs_rule_parse(struct labfs_rule *rule, const char *line, char *error, size_t error_cap)
{
    *rule = (struct labfs_rule){ 0 };
    const char *colon = strstr(line, " : ");
    if (!colon || colon[3] != '/')
        return fail(error, error_cap, "no ' : /path' in", line);
    char *text = strndup(line, (size_t)(colon - line));
    rule->path = strdup(colon + 3);
    int rc = text && rule->path ? words(rule, text, error, error_cap) : -ENOMEM;
    free(text);
    if (rc != 0)
        labfs_rule_free(rule);
    return rc;
}

void labfs_rule_free(struct labfs_rule *rule)
{
    free(rule->path);
    free(rule->other);
    *rule = (struct labfs_rule){ 0 };
}

bool labfs_rule_takes(struct labfs_rule *rule, enum labfs_op op, const char *path, uint64_t end)
{
    if (!(rule->ops & 1u << op) || end < rule->offset ||
        (rule->times > 0 && rule->hits >= rule->times) ||
        fnmatch(rule->path, path, FNM_NOESCAPE) != 0)
        return false;
    if (rule->seen++ < rule->after)
        return false;
    rule->hits++;
    return true;
}
