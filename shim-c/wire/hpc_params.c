#include "hpc_params.h"
#include "hpc_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const uint8_t *text;
    size_t len, at;
    size_t pair;    /* number of the pair, from 1 */
    size_t pair_at; /* where it begins */
    uint8_t *next;  /* free space in out->bytes: what is kept is never longer than the text */
    char *error;
    size_t error_cap;
};

static int is_blank(uint8_t b)
{
    return b == ' ' || b == '\t' || b == '\n' || b == '\r';
}

static int is_key(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
           b == '_';
}

/* The first bytes of the pair, printable, so that the operator finds it in the FileSet. */
static int fail(const struct parser *p, size_t at, const char *what)
{
    char excerpt[25];
    size_t n = 0;

    for (size_t i = p->pair_at; i < p->len && p->text[i] != ';' && n < sizeof excerpt - 1; i++)
        excerpt[n++] = (char)(p->text[i] >= 0x20 && p->text[i] < 0x7f ? p->text[i] : '?');
    excerpt[n] = 0;
    if (p->error_cap != 0)
        snprintf(p->error, p->error_cap, "plugin string, byte %zu, pair %zu ('%s'): %s", at + 1,
                 p->pair, excerpt, what);
    return -EINVAL;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->len && is_blank(p->text[p->at]))
        p->at++;
}

static int quoted_value(struct parser *p, struct hpc_pair *pair)
{
    size_t open = p->at++;

    pair->value = p->next;
    for (; p->at < p->len && p->text[p->at] != '"'; p->at++) {
        if (p->text[p->at] == '\\') {
            if (p->at + 1 >= p->len)
                break;
            if (p->text[p->at + 1] != '"' && p->text[p->at + 1] != '\\')
                return fail(p, p->at, "within quotes a \\ stands before \" or \\ only");
            p->at++;
        }
        if (p->text[p->at] == 0)
            return fail(p, p->at, "a NUL byte");
        *p->next++ = p->text[p->at];
    }
    if (p->at >= p->len || p->text[p->at] != '"')
        return fail(p, open, "the quote that opens here is never closed");
    p->at++;
    pair->value_len = (size_t)(p->next - pair->value);
    skip_blanks(p);
    if (p->at < p->len && p->text[p->at] != ';')
        return fail(p, p->at, "text behind the closing quote: put a ';' between pairs");
    return 0;
}

static int bare_value(struct parser *p, struct hpc_pair *pair)
{
    size_t start = p->at, end;

    if (p->at < p->len && (p->text[p->at] == ' ' || p->text[p->at] == '\t'))
        return fail(p, p->at, "a blank behind '=': remove it, or quote the value");
    while (p->at < p->len && p->text[p->at] != ';')
        p->at++;
    for (end = p->at; end > start && is_blank(p->text[end - 1]);)
        end--;
    for (size_t i = start; i < end; i++) {
        if (p->text[i] == 0)
            return fail(p, i, "a NUL byte");
        if (p->text[i] == '\n')
            return fail(p, i,
                        "a newline within the value: put a ';' between pairs, or quote the value");
        if (p->text[i] == '"')
            return fail(
                p, i,
                "a quote within the value: quote the whole value, and write \\\" for a quote");
    }
    pair->value = p->next;
    pair->value_len = end - start;
    memcpy(p->next, p->text + start, pair->value_len);
    p->next += pair->value_len;
    return 0;
}

static int one_pair(struct parser *p, struct hpc_pair *pair)
{
    int r;

    pair->key = p->next;
    while (p->at < p->len && is_key(p->text[p->at]))
        *p->next++ = p->text[p->at++];
    pair->key_len = (size_t)(p->next - pair->key);
    if (p->at >= p->len || p->text[p->at] != '=')
        return fail(p, p->at,
                    p->at < p->len && p->text[p->at] != ';' && !is_blank(p->text[p->at])
                        ? "a key has letters, digits, '-' and '_' only, and '=' follows it"
                        : "no '=': a pair is key=value, without blanks round the '='");
    if (pair->key_len == 0)
        return fail(p, p->at, "no key before '='");
    p->at++;
    r = p->at < p->len && p->text[p->at] == '"' ? quoted_value(p, pair) : bare_value(p, pair);
    if (r == 0 && pair->key_len + pair->value_len + 2 > HPC_FRAME_MAX)
        return fail(p, p->pair_at, "longer than 999,999 bytes");
    return r;
}

int hpc_params_parse(const uint8_t *text, size_t len, struct hpc_params *out, char *error,
                     size_t error_cap)
{
    const uint8_t *colon = len == 0 ? NULL : memchr(text, ':', len);
    struct parser p = {
        .text = text, .len = len, .at = len, .error = error, .error_cap = error_cap
    };
    size_t room = 1;
    int r = 0;

    *out = (struct hpc_params){ 0 };
    if (error_cap != 0)
        error[0] = 0;
    if (colon != NULL)
        p.at = (size_t)(colon - text) + 1;
    for (size_t i = p.at; i < len; i++)
        room += text[i] == ';';
    out->pairs = calloc(room, sizeof *out->pairs);
    out->bytes = malloc(len + 1);
    if (out->pairs == NULL || out->bytes == NULL) {
        hpc_params_free(out);
        return -ENOMEM;
    }
    p.next = out->bytes;

    for (; r == 0 && p.at < len; p.at++) {
        skip_blanks(&p);
        if (p.at >= len || text[p.at] == ';')
            continue;
        p.pair = out->count + 1;
        p.pair_at = p.at;
        r = one_pair(&p, &out->pairs[out->count]);
        if (r == 0)
            out->count++;
    }
    if (r != 0)
        hpc_params_free(out);
    return r;
}

void hpc_params_free(struct hpc_params *params)
{
    free(params->pairs);
    free(params->bytes);
    *params = (struct hpc_params){ 0 };
}
