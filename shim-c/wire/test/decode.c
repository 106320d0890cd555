/*
 * What the C decoders make of bytes, as text, so that another implementation can be compared with
 * them. stdin: cases of { u8 kind, u32 length little endian, bytes }; stdout: one line per case:
 * "bad", or the fields. kind: f frame (also "more"), M entry, B xattr block, Z data end, K check
 * batch, U accounting, p plugin string (its message when bad).
 */
#include "../hpc_frame.h"
#include "../hpc_params.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hex(const uint8_t *bytes, size_t len)
{
    putchar(' ');
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    if (len == 0)
        putchar('-');
}

static void print_entry(const struct hpc_entry *e)
{
    const struct hpc_entry_head *h = &e->head;
    uint64_t offset, length;

    printf(" %u %u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, h->kind, h->flags, h->nlink,
           h->ino, h->dev, h->size, h->blocks);
    printf(" %" PRId64 ".%u %" PRId64 ".%u %" PRId64 ".%u", h->mtime_s, h->mtime_ns, h->atime_s,
           h->atime_ns, h->ctime_s, h->ctime_ns);
    printf(" %o %u %u %" PRIu64 " %u %u %" PRIu64, h->mode, h->uid, h->gid, h->rdev, h->blksize,
           h->layout, h->link_group);
    hex(e->name, h->name_len);
    hex(e->link, h->link_len);
    for (uint32_t i = 0; i < h->hole_count; i++) {
        hpc_entry_hole(e, i, &offset, &length);
        printf(" %" PRIu64 "+%" PRIu64, offset, length);
    }
    if (e->has_digest)
        printf(" #%" PRIx64, e->digest);
}

static void frame(const uint8_t *bytes, size_t len)
{
    struct hpc_frame f;
    size_t used;
    int r = hpc_frame_parse(bytes, len, &f, &used);

    if (r == 1) {
        printf("frame %c %zu", f.status, used);
        hex(f.payload, f.len);
    } else {
        printf(r == 0 ? "more" : "bad");
    }
}

static void entry(const uint8_t *bytes, size_t len)
{
    struct hpc_entry e;

    if (hpc_entry_decode(bytes, len, &e) == 0) {
        printf("entry");
        print_entry(&e);
    } else {
        printf("bad");
    }
}

static void xattrs(const uint8_t *bytes, size_t len)
{
    struct hpc_xattr x;
    size_t at = 0;
    int r;

    while ((r = hpc_xattr_next(bytes, len, &at, &x)) == 1)
        continue;
    if (r != 0) {
        printf("bad");
        return;
    }
    printf("xattrs");
    for (at = 0; hpc_xattr_next(bytes, len, &at, &x) == 1;) {
        hex(x.name, x.name_len);
        hex(x.value, x.value_len);
    }
}

static void data_end(const uint8_t *bytes, size_t len)
{
    struct hpc_data_end end;

    if (hpc_data_end_decode(bytes, len, &end) == 0)
        printf("end %" PRIu64 " %d %u %" PRIx64, end.bytes, end.error, end.flags, end.digest);
    else
        printf("bad");
}

static void check(const uint8_t *bytes, size_t len)
{
    struct hpc_check c;
    struct hpc_entry e;
    int r = hpc_check_begin(bytes, len, &c);

    /* Twice: the verdict on the whole batch comes first. */
    while (r == 0 && (r = hpc_check_next(&c, &e)) == 1)
        r = 0;
    if (r != 0 || c.left != 0 || c.rest != 0) {
        printf("bad");
        return;
    }
    hpc_check_begin(bytes, len, &c);
    printf("check %u %u", c.batch, c.count);
    while (hpc_check_next(&c, &e) == 1) {
        printf(" |");
        print_entry(&e);
    }
}

static void accounting(const uint8_t *bytes, size_t len)
{
    struct hpc_accounting a;

    if (hpc_accounting_decode(bytes, len, &a) != 0) {
        printf("bad");
        return;
    }
    printf("accounting %d", hpc_accounting_balanced(&a));
    for (int i = 0; i < HPC_COUNTERS; i++)
        printf(" %" PRIu64, a.n[i]);
}

static void plugin_string(const uint8_t *bytes, size_t len)
{
    struct hpc_params params;
    char error[256];

    if (hpc_params_parse(bytes, len, &params, error, sizeof error) != 0) {
        printf("bad %s", error);
        return;
    }
    printf("params");
    for (size_t i = 0; i < params.count; i++) {
        hex(params.pairs[i].key, params.pairs[i].key_len);
        hex(params.pairs[i].value, params.pairs[i].value_len);
    }
    hpc_params_free(&params);
}

int main(void)
{
    uint8_t head[5];

    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        uint32_t len;
        uint8_t *bytes;

        memcpy(&len, head + 1, 4);
        bytes = malloc(len ? len : 1); /* exact size: a sanitizer sees a read past the end */
        if (bytes == NULL || fread(bytes, 1, len, stdin) != len)
            return 2;
        switch (head[0]) {
        case 'f': frame(bytes, len); break;
        case 'M': entry(bytes, len); break;
        case 'B': xattrs(bytes, len); break;
        case 'Z': data_end(bytes, len); break;
        case 'K': check(bytes, len); break;
        case 'U': accounting(bytes, len); break;
        case 'p': plugin_string(bytes, len); break;
        default: return 2;
        }
        putchar('\n');
        free(bytes);
    }
    return 0;
}
