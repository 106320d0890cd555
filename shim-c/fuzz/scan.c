/*
 * The scan's options, then the scan itself over a small tree in the jail: every batch must be whole
 * records, and the sums must be right. First byte: the rest is an options buffer as it stands
 * (even), or lists of texts that get right lengths (odd); with its second bit set, ordinary entries
 * are taken as frames.
 */
#include "../scan/hpc_scan.h"
#include "../wire/frames.h"
#include "../wire/hpc_entry.h"
#include "jail.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint8_t *batch, *frames;

static void file(const char *name, const char *content)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content, strlen(content)) < 0)
        finding("the jail cannot be made");
    close(fd);
}

void jail_prepare(void)
{
    static const char *const folders[] = { "/a",       "/a/b",   "/a/b/c",       "/a/b/c/[x]", "/m",
                                           "/m/below", "/cache", "/cache/below", "/*" };
    batch = malloc(HPC_SCAN_MIN_CAP);
    frames = malloc(HPC_SCAN_MIN_CAP);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mkdir(folders[i], 0755) != 0)
            finding("the jail cannot be made");
    file("/a/file", "hello");
    file("/a/b/file.o", "");
    file("/a/b/c/.hidden", "x");
    file("/a/b/c/[x]/\xff\n!#", "y");
    file("/m/.nobackup", "");
    file("/m/below/file", "");
    file("/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    file("/cache/below/file", "");
    setxattr("/a/file", "user.x", "y", 1, 0); /* where the filesystem has them */
    setxattr("/a/b", "trusted.x", "y", 1, 0);
    if (link("/a/file", "/a/b/linked") != 0 || symlink("b/c", "/a/to") != 0 ||
        mkfifo("/a/fifo", 0600) != 0)
        finding("the jail cannot be made");
}

/* Returns how many entries there are. */
static uint64_t records(int64_t len)
{
    struct hpc_record_prefix p;
    uint64_t entries = 0;
    for (int64_t at = 0; at < len; at += p.record_len) {
        if (len - at < (int64_t)sizeof p)
            finding("half a record");
        memcpy(&p, batch + at, sizeof p);
        if (p.record_len % 8 || p.record_len < sizeof p + p.body_len ||
            (int64_t)p.record_len > len - at)
            finding("a record's length");
        if (p.type < HPC_REC_DIR || p.type > HPC_REC_ERROR)
            finding("a record's type");
        if (p.type == HPC_REC_ENTRY) {
            struct hpc_entry_head head;
            entries++;
            memcpy(&head, batch + at + sizeof p, sizeof head);
            uint64_t body = sizeof head + head.name_len + (uint64_t)head.link_len +
                            (p.content_len == HPC_CONTENT_NONE ? 0 : p.content_len);
            body += p.xattr_len;
            if (p.body_len < sizeof head || body != p.body_len)
                finding("a record's body");
        }
    }
    return entries;
}

/* Ordinary entries as frames; returns how many. What comes then is left to hpc_scan_next(). */
static uint64_t framed(int64_t handle)
{
    uint64_t entries = 0;
    struct hpc_frames_call c;
    do {
        c = (struct hpc_frames_call){ .flags = HPC_FRAMES_CONTENT | HPC_FRAMES_DIGESTS,
                                      .time_ms = 1000 };
        int64_t used = hpc_scan_frames(handle, -1, frames, HPC_SCAN_MIN_CAP, (uint8_t *)&c,
                                       sizeof c);
        if (used < 0)
            finding("the scan does not end");
        if (used > HPC_SCAN_MIN_CAP)
            finding("frames of more than there is room for");
        uint64_t some = (uint64_t)c.files + c.directories + c.symlinks + c.specials;
        if ((used == 0) != (some == 0))
            finding("frames without entries, or entries without frames");
        entries += some;
    } while (c.stop == HPC_FRAMES_FULL || c.stop == HPC_FRAMES_MORE);
    return entries;
}

static void scan(const uint8_t *options, size_t len, bool by_frames)
{
    struct hpc_scan_stats stats = { 0 };
    uint64_t entries = 0;
    int64_t handle = hpc_scan_start(options, (int64_t)len), n;
    if (handle < 0)
        return;
    do {
        entries += by_frames ? framed(handle) : 0;
        n = hpc_scan_next(handle, batch, HPC_SCAN_MIN_CAP, 1000);
        entries += n > 0 ? records(n) : 0;
    } while (n > 0 || n == -11);
    if (n != 0)
        finding("the scan does not end");
    hpc_scan_stats(handle, (uint8_t *)&stats, sizeof stats);
    uint64_t sum = stats.handed_out + stats.filtered_shard + stats.filtered_older + stats.vanished +
                   stats.failed;
    sum += stats.filtered_excluded;
    if (stats.scanned != sum || stats.handed_out != entries)
        finding("the sums do not add up");
    if (hpc_scan_free(handle, 5000) != 0)
        finding("a thread does not end");
}

/* Texts split at NUL, each with its length before it, up to a byte 1 or the end. */
static size_t texts(uint8_t *out, const uint8_t **at, const uint8_t *end, uint32_t *count)
{
    size_t used = 0;
    *count = 0;
    while (*at < end && **at != 1) {
        const uint8_t *stop = *at;
        while (stop<end && * stop> 1)
            stop++;
        uint32_t n = (uint32_t)(stop - *at);
        memcpy(out + used, &n, 4);
        memcpy(out + used + 4, *at, n);
        used += 4 + n;
        (*count)++;
        *at = stop < end && *stop == 0 ? stop + 1 : stop;
    }
    if (*at < end)
        (*at)++;
    return used;
}

void jailed(const uint8_t *bytes, size_t len)
{
    struct hpc_scan_options o = { .version = HPC_SCAN_ABI };
    if (len < 1 || len < (bytes[0] % 2 == 0 ? 1 + sizeof o : 9))
        return;
    uint8_t *buf = malloc(sizeof o + 8 + 5 * len);
    if (bytes[0] % 2 == 0) {
        memcpy(buf, bytes + 1, len - 1);
        memcpy(&o, buf, sizeof o);
        if (o.threads > 4 && o.threads <= 512) /* threads are slow to start, and all alike */
            o.threads = 1 + o.threads % 4;
        if (o.metadata_ops) /* or the tree takes longer than there is time */
            o.metadata_ops |= 1u << 16;
        memcpy(buf, &o, sizeof o);
        scan(buf, len - 1, bytes[0] & 2);
    } else {
        const uint8_t *at = bytes + 9, *end = bytes + len;
        o.threads = 1 + bytes[1] % 3;
        o.inline_bytes = bytes[2] * 64u;
        o.flags = bytes[3];
        o.shard_count = bytes[4] % 4;
        o.shard_index = o.shard_count > 1 ? bytes[5] % o.shard_count : 0;
        o.since_s = bytes[6] % 2 ? INT64_MIN : (int64_t)bytes[6] << 24;
        o.ring_entries = 1 + bytes[7];
        o.ring_bytes = 1 + bytes[8] * 1024u;
        size_t used = sizeof o + texts(buf + sizeof o, &at, end, &o.path_count);
        for (int list = 0; list < 2; list++) {
            uint32_t count;
            size_t n = texts(buf + used + 4, &at, end, &count);
            memcpy(buf + used, &count, 4);
            used += 4 + n;
        }
        memcpy(buf, &o, sizeof o);
        scan(buf, used, bytes[0] & 2);
    }
    free(buf);
}
