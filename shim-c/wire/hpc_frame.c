#include "hpc_frame.h"

#include <errno.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "records are copied as they lie: little endian hosts only");

static uint32_t u32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* ---- frames ---- */

static int is_status(uint8_t byte)
{
    return byte != 0 && strchr(HPC_FRAME_STATUSES, byte) != NULL;
}

static int is_signal(uint8_t status)
{
    return strchr(HPC_FRAME_SIGNALS, status) != NULL;
}

int hpc_frame_parse_header(const uint8_t *buf, size_t len, struct hpc_frame *out)
{
    size_t have = len < HPC_FRAME_HEADER ? len : HPC_FRAME_HEADER;
    uint32_t payload = 0;

    /* Byte by byte, so that a backend that prints text is found out by its first byte, not by its
     * eighth. */
    for (size_t i = 0; i < have; i++) {
        uint8_t byte = buf[i];
        if (i == 0) {
            if (!is_status(byte))
                return -EBADMSG;
        } else if (i < HPC_FRAME_HEADER - 1) {
            if (byte < '0' || byte > '9' || (byte != '0' && is_signal(buf[0])))
                return -EBADMSG;
            payload = payload * 10 + (uint32_t)(byte - '0');
        } else if (byte != '\n') {
            return -EBADMSG;
        }
    }
    if (len < HPC_FRAME_HEADER)
        return 0;
    *out = (struct hpc_frame){ .status = buf[0], .len = payload, .payload = NULL };
    return 1;
}

int hpc_frame_parse(const uint8_t *buf, size_t len, struct hpc_frame *out, size_t *consumed)
{
    struct hpc_frame frame;
    int r = hpc_frame_parse_header(buf, len, &frame);

    if (r != 1)
        return r;
    if (len - HPC_FRAME_HEADER < frame.len)
        return 0;
    frame.payload = buf + HPC_FRAME_HEADER;
    *out = frame;
    *consumed = HPC_FRAME_HEADER + (size_t)frame.len;
    return 1;
}

/* ---- entry records ---- */

static int flags_make_sense(const struct hpc_entry_head *h)
{
    uint32_t link = h->flags & HPC_ENTRY_LINK;
    uint32_t leader = h->flags & HPC_ENTRY_LEADER;

    if (h->flags & ~HPC_ENTRY_FLAGS)
        return 0;
    if ((h->flags & HPC_ENTRY_HAS_DATA) && (h->kind != HPC_REGULAR || link))
        return 0;
    if ((h->flags & HPC_ENTRY_ATTRS) && link) /* they came with the leader */
        return 0;
    if ((link || leader) && h->link_group == 0)
        return 0;
    if (link && (leader || h->kind == HPC_DIRECTORY))
        return 0;
    if ((h->flags & HPC_ENTRY_LAST_LINK) && !link)
        return 0;
    if (h->hole_count != 0 && (h->kind != HPC_REGULAR || link))
        return 0;
    return (h->link_len != 0) == (link || h->kind == HPC_SYMLINK);
}

void hpc_entry_hole(const struct hpc_entry *entry, uint32_t index, uint64_t *offset,
                    uint64_t *length)
{
    const uint8_t *hole = entry->holes + 16 * (size_t)index;
    *offset = u64_at(hole);
    *length = u64_at(hole + 8);
}

static int holes_ascend(const struct hpc_entry *entry)
{
    uint64_t end = 0, offset, length;

    for (uint32_t i = 0; i < entry->head.hole_count; i++) {
        hpc_entry_hole(entry, i, &offset, &length);
        if (length == 0 || offset < end || offset > INT64_MAX || length > INT64_MAX - offset)
            return 0;
        end = offset + length;
    }
    return 1;
}

int hpc_entry_decode(const uint8_t *payload, size_t len, struct hpc_entry *out)
{
    struct hpc_entry e = { 0 };
    uint64_t need;

    if (len < HPC_ENTRY_HEAD)
        return -EBADMSG;
    memcpy(&e.head, payload, HPC_ENTRY_HEAD);
    if (e.head.version != HPC_ENTRY_VERSION || e.head.reserved != 0)
        return -EBADMSG;
    if (e.head.kind == 0 || hpc_kind_of_mode(e.head.mode) != e.head.kind ||
        !flags_make_sense(&e.head))
        return -EBADMSG;

    /* 64-bit sum of 32-bit lengths: it cannot wrap. */
    e.has_digest = (e.head.flags & HPC_ENTRY_DIGEST) != 0;
    need = HPC_ENTRY_HEAD + (uint64_t)e.head.name_len + e.head.link_len +
           16 * (uint64_t)e.head.hole_count + (e.has_digest ? 8 : 0);
    if (need != len || e.head.name_len == 0)
        return -EBADMSG;

    e.name = payload + HPC_ENTRY_HEAD;
    e.link = e.name + e.head.name_len;
    e.holes = e.link + e.head.link_len;
    if (memchr(e.name, 0, (size_t)e.head.name_len + e.head.link_len) != NULL || !holes_ascend(&e))
        return -EBADMSG;
    if (e.has_digest)
        e.digest = u64_at(payload + len - 8);
    *out = e;
    return 0;
}

/* ---- the other hpc/1 payloads ---- */

int hpc_xattr_next(const uint8_t *block, size_t len, size_t *at, struct hpc_xattr *out)
{
    const uint8_t *p = block + *at;
    size_t rest = len - *at;
    struct hpc_xattr_head head;
    struct hpc_xattr x;

    if (rest == 0)
        return 0;
    if (rest < sizeof head)
        return -EBADMSG;
    memcpy(&head, p, sizeof head);
    if (head.flags != 0)
        return -EBADMSG;
    x.name_len = head.name_len;
    x.value_len = head.value_len;
    rest -= sizeof head;
    if (x.name_len == 0 || x.name_len > HPC_XATTR_NAME || x.name_len > rest ||
        x.value_len > rest - x.name_len)
        return -EBADMSG;
    x.name = p + sizeof(struct hpc_xattr_head);
    x.value = x.name + x.name_len;
    if (memchr(x.name, 0, x.name_len) != NULL)
        return -EBADMSG;
    *at += sizeof(struct hpc_xattr_head) + (size_t)x.name_len + x.value_len;
    *out = x;
    return 1;
}

int hpc_data_end_decode(const uint8_t *payload, size_t len, struct hpc_data_end *out)
{
    struct hpc_data_end end;

    if (len != sizeof end)
        return -EBADMSG;
    memcpy(&end, payload, sizeof end);
    if (end.error < 0 || (end.flags & ~(uint32_t)HPC_DATA_END_DIGEST))
        return -EBADMSG;
    *out = end;
    return 0;
}

int hpc_check_begin(const uint8_t *payload, size_t len, struct hpc_check *out)
{
    uint32_t count;

    if (len < 8)
        return -EBADMSG;
    count = u32_at(payload + 4);
    if (count == 0 || count > HPC_CHECK_ENTRIES)
        return -EBADMSG;
    *out = (struct hpc_check){
        .batch = u32_at(payload), .count = count, .at = payload + 8, .rest = len - 8, .left = count
    };
    return 0;
}

int hpc_check_next(struct hpc_check *check, struct hpc_entry *out)
{
    uint32_t record;

    if (check->left == 0)
        return check->rest == 0 ? 0 : -EBADMSG;
    if (check->rest < 4)
        return -EBADMSG;
    record = u32_at(check->at);
    if (record > check->rest - 4 || hpc_entry_decode(check->at + 4, record, out) != 0)
        return -EBADMSG;
    if (out->head.flags & (HPC_ENTRY_HAS_DATA | HPC_ENTRY_ATTRS))
        return -EBADMSG;
    check->at += 4 + (size_t)record;
    check->rest -= 4 + (size_t)record;
    check->left--;
    return 1;
}

int hpc_check_answer(uint8_t *out, size_t cap, uint32_t batch, uint32_t count,
                     const uint8_t *wanted)
{
    size_t bytes = ((size_t)count + 7) / 8;

    if (count == 0 || count > HPC_CHECK_ENTRIES || cap < 8 + bytes)
        return -EINVAL;
    memcpy(out, &batch, 4);
    memcpy(out + 4, &count, 4);
    memcpy(out + 8, wanted, bytes);
    if (count % 8 != 0)
        out[8 + bytes - 1] &= (uint8_t)((1u << (count % 8)) - 1);
    return (int)(8 + bytes);
}

int hpc_accounting_decode(const uint8_t *payload, size_t len, struct hpc_accounting *out)
{
    uint32_t count;

    if (len < 8 || u32_at(payload) != 1)
        return -EBADMSG;
    count = u32_at(payload + 4);
    if (count < HPC_COUNTERS_LEAST || len != 8 + 8 * (uint64_t)count)
        return -EBADMSG;
    *out = (struct hpc_accounting){ 0 };
    memcpy(out->n, payload + 8, 8 * (size_t)(count < HPC_COUNTERS ? count : HPC_COUNTERS));
    return 0;
}

int hpc_accounting_balanced(const struct hpc_accounting *a)
{
    const uint64_t *n = a->n;
    uint64_t filtered = n[HPC_N_FILTERED_SHARD] + n[HPC_N_FILTERED_SINCE] +
                        n[HPC_N_FILTERED_UNCHANGED] + n[HPC_N_FILTERED_SOCKETS] +
                        n[HPC_N_FILTERED_DIALECT] + n[HPC_N_FILTERED_OTHER];
    uint64_t kinds = n[HPC_N_FILES] + n[HPC_N_DIRECTORIES] + n[HPC_N_SYMLINKS] +
                     n[HPC_N_HARDLINKS] + n[HPC_N_SPECIALS];

    return n[HPC_N_SCANNED] == n[HPC_N_EMITTED] + filtered + n[HPC_N_VANISHED] + n[HPC_N_FAILED] &&
           n[HPC_N_EMITTED] == kinds;
}
