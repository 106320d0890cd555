/* The plugin-string splitter: whatever it accepts can be written down again, quoted, and is split
 * into the same pairs. */
#include "../wire/hpc_params.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t quote(uint8_t *out, const struct hpc_params *params)
{
    size_t n = 2;
    memcpy(out, "x:", 2);
    for (size_t i = 0; i < params->count; i++) {
        const struct hpc_pair *p = &params->pairs[i];
        memcpy(out + n, p->key, p->key_len);
        n += p->key_len;
        memcpy(out + n, "=\"", 2);
        n += 2;
        for (size_t j = 0; j < p->value_len; j++) {
            if (p->value[j] == '"' || p->value[j] == '\\')
                out[n++] = '\\';
            out[n++] = p->value[j];
        }
        memcpy(out + n, "\";", 2);
        n += 2;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct hpc_params params, again;
    char error[200];
    size_t cap = len > 0 ? 1 + bytes[0] % sizeof error : 1;
    int rc = hpc_params_parse(bytes, len, &params, error, cap);
    if (rc != 0) {
        size_t n = strnlen(error, cap);
        if (n == cap || params.count != 0)
            __builtin_trap();
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)error[i] < 0x20 || (unsigned char)error[i] > 0x7e)
                __builtin_trap();
        return 0;
    }
    uint8_t *text = malloc(2 * len + 8 * params.count + 8);
    size_t n = quote(text, &params);
    if (hpc_params_parse(text, n, &again, error, sizeof error) != 0 || again.count != params.count)
        __builtin_trap();
    for (size_t i = 0; i < params.count; i++) {
        const struct hpc_pair *a = &params.pairs[i], *b = &again.pairs[i];
        if (a->key_len != b->key_len || a->value_len != b->value_len ||
            memcmp(a->key, b->key, a->key_len) != 0 ||
            (a->value_len > 0 && memcmp(a->value, b->value, a->value_len) != 0) ||
            memchr(a->value, 0, a->value_len))
            __builtin_trap();
    }
    hpc_params_free(&again);
    hpc_params_free(&params);
    free(text);
    return 0;
}
