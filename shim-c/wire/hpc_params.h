/*
 * The plugin string of a FileSet, split into pairs:
 *
 *   podheitor-hpc: path=/a; path="/b;c"; shard=0/4
 *
 * Everything up to the first ':' is the plugin's name; without a ':' there are no pairs. Pairs are
 * split at ';'; blanks and newlines round a pair, and empty pairs, are ignored. key: letters,
 * digits, '-' and '_'. value: bytes as they stand up to ';', without the blanks behind them; or
 * "quoted", where \" and \\ stand for " and \ and everything else (newline and ';' too) for itself.
 * Keys may repeat and keep their order; which keys exist, and what their values mean, is the
 * backend's business.
 */
#ifndef HPC_PARAMS_H
#define HPC_PARAMS_H

#include <stddef.h>
#include <stdint.h>

struct hpc_pair {
    const uint8_t *key; /* key_len bytes of [A-Za-z0-9_-], not terminated */
    size_t key_len;
    const uint8_t *value; /* value_len bytes, unescaped, no NUL, not terminated */
    size_t value_len;
};

struct hpc_params {
    struct hpc_pair *pairs;
    size_t count;
    uint8_t *bytes; /* what the pairs point into */
};

/*
 * 0: out is filled (free it with hpc_params_free()); -EINVAL: error says what is wrong, at which
 * byte (from 1) of text and in which pair, always printable and terminated; -ENOMEM. After an error
 * out is empty and needs no free.
 */
int hpc_params_parse(const uint8_t *text, size_t len, struct hpc_params *out, char *error,
                     size_t error_cap);
void hpc_params_free(struct hpc_params *params);

#endif
