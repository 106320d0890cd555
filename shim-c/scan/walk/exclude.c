#include "exclude.h"
#include "../core/node.h"
#include "../core/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum token_kind { LITERAL, ANY, STAR, SET };

struct token {
    uint8_t kind;
    uint8_t byte; /* LITERAL */
    uint32_t set; /* SET: index */
};

struct component {
    bool any_depth;        /* two stars: any number of components */
    uint32_t first, count; /* tokens */
};

struct pattern {
    bool negated, dir_only, anchored;
    uint32_t first, count; /* components */
    _Atomic bool decided;  /* about some name */
};

struct excludes {
    uint32_t count, components, tokens, sets;
    bool anchored; /* one of them at least */
    struct pattern *pattern;
    struct component *component;
    struct token *token;
    uint8_t (*set)[32];
};

static void set_add(uint8_t *set, unsigned c)
{
    set[c / 8] = (uint8_t)(set[c / 8] | 1u << c % 8);
}

static bool set_has(const uint8_t *set, unsigned c)
{
    return set[c / 8] >> c % 8 & 1;
}

static bool between(unsigned c, unsigned first, unsigned last)
{
    return c >= first && c <= last;
}

/* The classes of POSIX in ASCII, whatever the locale. */
static bool in_class(const char *name, size_t len, unsigned c, bool *known)
{
    bool upper = between(c, 'A', 'Z'), lower = between(c, 'a', 'z'), digit = between(c, '0', '9');
    bool graph = between(c, 33, 126), alnum = upper || lower || digit;
    const struct {
        const char *name;
        bool is;
    } classes[] = {
        { "alnum", alnum },
        { "alpha", upper || lower },
        { "blank", c == ' ' || c == '\t' },
        { "cntrl", c < 32 || c == 127 },
        { "digit", digit },
        { "graph", graph },
        { "lower", lower },
        { "print", graph || c == ' ' },
        { "punct", graph && !alnum },
        { "space", c == ' ' || between(c, 9, 13) },
        { "upper", upper },
        { "xdigit", digit || between(c | 32, 'a', 'f') },
    };

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strlen(classes[i].name) == len && !memcmp(classes[i].name, name, len)) {
            *known = true;
            return classes[i].is;
        }
    *known = false;
    return false;
}

/* p stands behind '['. Returns where it goes on behind ']', NULL: malformed. */
static const uint8_t *compile_set(uint8_t *set, const uint8_t *p, const uint8_t *end)
{
    bool negated = p < end && (*p == '!' || *p == '^');
    int before = -1; /* what a '-' would begin from */

    p += negated;
    for (bool first = true;; first = false) {
        unsigned c;

        if (p == end)
            return NULL;
        c = *p++;
        if (c == ']' && !first)
            break;
        if (c == '[' && p < end && *p == ':') {
            const uint8_t *name = p + 1, *close = memchr(name, ']', (size_t)(end - name));
            bool known = true;

            if (!close)
                return NULL;
            if (close > name && close[-1] == ':') {
                for (unsigned i = 0; i < 256 && known; i++)
                    if (in_class((const char *)name, (size_t)(close - 1 - name), i, &known))
                        set_add(set, i);
                if (!known)
                    return NULL;
                p = close + 1;
                before = -1;
                continue;
            }
        }
        if (c == '-' && before >= 0 && p < end && *p != ']') {
            c = *p++;
            if (c == '\\') {
                if (p == end)
                    return NULL;
                c = *p++;
            }
            for (unsigned i = (unsigned)before; i <= c; i++)
                set_add(set, i);
            before = -1;
            continue;
        }
        if (c == '\\') {
            if (p == end)
                return NULL;
            c = *p++;
        }
        set_add(set, c);
        before = (int)c;
    }
    for (size_t i = 0; negated && i < 32; i++)
        set[i] = (uint8_t)~set[i];
    return p;
}

static int end_component(struct excludes *x, struct pattern *p, struct component *c)
{
    c->count = x->tokens - c->first;
    if (!c->count)
        return -EINVAL;
    c->any_depth = p->anchored && c->count > 1;
    for (uint32_t i = 0; i < c->count; i++)
        c->any_depth = c->any_depth && x->token[c->first + i].kind == STAR;
    return ++p->count > HPC_SCAN_MAX_COMPONENTS ? -EINVAL : 0;
}

static int compile(struct excludes *x, const uint8_t *at, size_t len)
{
    struct pattern *p = &x->pattern[x->count];
    const uint8_t *end = at + len;
    struct component *c;

    if (len > HPC_SCAN_MAX_PATTERN || memchr(at, 0, len))
        return -EINVAL;
    p->negated = at < end && *at == '!';
    at += p->negated;
    p->dir_only = at < end && end[-1] == '/';
    end -= p->dir_only;
    p->anchored = at < end && memchr(at, '/', (size_t)(end - at));
    at += at < end && *at == '/';
    p->first = x->components;
    c = &x->component[x->components++];
    c->first = x->tokens;
    while (at < end) {
        struct token *t = &x->token[x->tokens];
        uint8_t b = *at++;

        if (b == '\\') {
            if (at == end)
                return -EINVAL;
            b = *at++;
            t->kind = LITERAL;
            t->byte = b;
        } else if (b == '[') {
            t->kind = SET;
            t->set = x->sets++;
            at = compile_set(x->set[t->set], at, end);
            if (!at)
                return -EINVAL;
        } else {
            t->kind = b == '*' ? STAR : b == '?' ? ANY : LITERAL;
            t->byte = b;
        }
        if (b != '/') {
            x->tokens++;
            continue;
        }
        if (end_component(x, p, c))
            return -EINVAL;
        c = &x->component[x->components++];
        c->first = x->tokens;
    }
    x->count++;
    x->anchored |= p->anchored;
    return end_component(x, p, c);
}

void exclude_free(struct excludes *x)
{
    if (!x)
        return;
    free(x->pattern);
    free(x->component);
    free(x->token);
    free(x->set);
    free(x);
}

int exclude_new(struct excludes **out, const uint8_t *at, const uint8_t *end, uint32_t count)
{
    size_t bytes = (size_t)(end - at); /* never fewer than tokens, components or sets in it */
    struct excludes *x = calloc(1, sizeof *x);

    *out = x;
    if (!x)
        return -ENOMEM;
    x->pattern = calloc(count, sizeof *x->pattern);
    x->component = calloc(bytes, sizeof *x->component);
    x->token = calloc(bytes, sizeof *x->token);
    x->set = calloc(bytes, sizeof *x->set);
    if (!x->pattern || !x->component || !x->token || !x->set)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len;

        memcpy(&len, at, 4);
        if (compile(x, at + 4, len))
            return -EINVAL;
        at += 4 + len;
    }
    return 0;
}

static bool fits(const struct excludes *x, const struct token *t, uint8_t b)
{
    return t->kind == ANY || (t->kind == LITERAL && t->byte == b) ||
           (t->kind == SET && set_has(x->set[t->set], b));
}

/* Backing up to the last star suffices: what an earlier one could take, the last one can. */
static bool component_matches(const struct excludes *x, const struct component *c, const char *name,
                              size_t len)
{
    const struct token *t = x->token + c->first, *end = t + c->count, *star = NULL;
    size_t i = 0, from = 0;

    while (i < len) {
        if (t < end && t->kind == STAR) {
            star = ++t;
            from = i;
        } else if (t < end && fits(x, t, (uint8_t)name[i])) {
            t++;
            i++;
        } else if (star) {
            t = star;
            i = ++from;
        } else {
            return false;
        }
    }
    while (t < end && t->kind == STAR)
        t++;
    return t == end;
}

/* Any number of components may be none, but not at the end: "a / two stars" is what lies below a.
 */
static uint64_t skip_any_depth(const struct excludes *x, const struct pattern *p, uint64_t state)
{
    for (uint32_t i = 0; i + 1 < p->count; i++)
        if (state >> i & 1 && x->component[p->first + i].any_depth)
            state |= UINT64_C(1) << (i + 1);
    return state;
}

static uint64_t step(const struct excludes *x, const struct pattern *p, uint64_t state,
                     const char *name, size_t len)
{
    uint64_t next = 0;

    for (uint32_t i = 0; i < p->count && state >> i; i++) {
        const struct component *c = &x->component[p->first + i];

        if (!(state >> i & 1))
            continue;
        if (c->any_depth)
            next |= UINT64_C(1) << i;
        else if (i + 1 < p->count && component_matches(x, c, name, len))
            next |= UINT64_C(1) << (i + 1);
    }
    return skip_any_depth(x, p, next);
}

/* Where each pattern stands in this directory. False: out of memory. */
static bool enter(struct worker *w, const struct node *dir)
{
    const struct excludes *x = w->scan->excludes;
    const struct node **chain, *n = dir;
    uint32_t depth = dir->depth;

    if (!w->active && !(w->active = malloc(x->count * sizeof *w->active)))
        return false;
    chain = malloc(((size_t)depth + 1) * sizeof *chain);
    if (!chain)
        return false;
    for (uint32_t i = depth; i > 0; i--, n = n->parent)
        chain[i - 1] = n;
    for (uint32_t i = 0; i < x->count; i++) {
        const struct pattern *p = &x->pattern[i];
        uint64_t state = skip_any_depth(x, p, 1);

        for (uint32_t d = 0; p->anchored && d < depth && state; d++)
            state = step(x, p, state, chain[d]->name, chain[d]->name_len);
        w->active[i] = state;
    }
    free(chain);
    w->active_dir = dir->id;
    return true;
}

static bool matches(const struct excludes *x, const struct pattern *p, uint64_t state,
                    const char *name, size_t len)
{
    const struct component *last = &x->component[p->first + p->count - 1];

    return state >> (p->count - 1) & 1 &&
           (last->any_depth || component_matches(x, last, name, len));
}

/* By all threads, but written once: the line stays in every processor's cache. */
static void decide(struct pattern *p)
{
    if (!atomic_load_explicit(&p->decided, memory_order_relaxed))
        atomic_store_explicit(&p->decided, true, memory_order_relaxed);
}

int64_t exclude_idle(const struct excludes *x, uint8_t *out, size_t cap)
{
    for (uint32_t i = 0; x && i < x->count && i < cap; i++)
        out[i] = !atomic_load_explicit(&x->pattern[i].decided, memory_order_relaxed);
    return x ? x->count : 0;
}

enum verdict exclude_matches(struct worker *w, const struct node *dir, const char *name, size_t len,
                             enum is_dir is_dir)
{
    const struct excludes *x = w->scan->excludes;

    if (!x)
        return KEPT;
    if (w->active_dir != dir->id && !enter(w, dir)) {
        scan_fail(w, ENOMEM);
        return EXCLUDED;
    }
    for (uint32_t i = x->count; i-- > 0;) {
        struct pattern *p = &x->pattern[i];

        if ((p->dir_only && is_dir == NOT_DIR) || !matches(x, p, w->active[i], name, len))
            continue;
        if (p->dir_only && is_dir == MAYBE_DIR)
            return DEPENDS;
        decide(p);
        return p->negated ? KEPT : EXCLUDED;
    }
    return KEPT;
}
