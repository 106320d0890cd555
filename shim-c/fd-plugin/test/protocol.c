#include "protocol.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char payload[MAX_PAYLOAD];
uint32_t payload_len;
struct job job = { .file_count = 100000 };
struct hpc_accounting sums;

void put(const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(1, at, len);
        if (n < 0 && errno != EINTR)
            exit(3);
        if (n > 0)
            at += n, len -= (size_t)n;
    }
}

void frame(char status, const void *bytes, size_t len)
{
    uint8_t header[HPC_FRAME_HEADER];
    hpc_frame_header(header, (uint8_t)status, (uint32_t)len);
    put(header, sizeof header);
    put(bytes, len);
}

void text(char status, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    line[n++] = '\n';
    frame(status, line, (size_t)n);
}

void abort_job(const char *why)
{
    text('A', "fake backend: %s", why);
    exit(1);
}

char next(void)
{
    char header[9] = { 0 };
    for (size_t have = 0; have < 8;) {
        ssize_t n = read(0, header + have, 8 - have);
        if (n <= 0)
            exit(4); /* the plugin is gone */
        have += (size_t)n;
    }
    payload_len = (uint32_t)strtoul(header + 1, NULL, 10);
    for (uint32_t have = 0; have < payload_len;) {
        ssize_t n = read(0, payload + have, payload_len - have);
        if (n <= 0)
            exit(4);
        have += (uint32_t)n;
    }
    payload[payload_len] = 0;
    if (header[7] != '\n')
        abort_job("no newline in the header");
    if (header[0] == 'C' && (payload_len == 0 || payload[--payload_len] != '\n'))
        abort_job("a command without its newline");
    if (header[0] == 'C')
        payload[payload_len] = 0;
    return header[0];
}

void expect(const char *command)
{
    if (next() != 'C' || strcmp(payload, command) != 0)
        abort_job(command);
}

static const char *value_of(const char *key)
{
    size_t len = strlen(key);
    return strncmp(payload, key, len) == 0 && payload[len] == '=' ? payload + len + 1 : NULL;
}

static void keep(char *out, size_t cap, const char *value)
{
    size_t len = strlen(value) < cap ? strlen(value) : cap - 1;
    memcpy(out, value, len);
    out[len] = 0;
}

/* A block of key=value up to F. */
void block(const char *name)
{
    const char *v;
    expect(name);
    for (char status; (status = next()) != 'F';) {
        if (status != 'C')
            abort_job("something but a command in a block");
        if ((v = value_of("scene")))
            keep(job.scene, sizeof job.scene, v);
        else if ((v = value_of("files")))
            job.file_count = strtoull(v, NULL, 10);
        else if ((v = value_of("Level")))
            keep(job.level, sizeof job.level, v);
        else if ((v = value_of("Since")))
            keep(job.since, sizeof job.since, v);
        else if ((v = value_of("Type")))
            keep(job.type, sizeof job.type, v);
        else if (value_of("Accurate"))
            job.accurate = true;
    }
    frame('F', NULL, 0);
}

size_t record(uint8_t *out, int kind, unsigned flags, const char *name, size_t name_len,
              const char *link, uint64_t size, uint64_t group, int64_t mtime)
{
    static const uint32_t type_bits[] = { 0,       S_IFREG, S_IFDIR, S_IFLNK,
                                          S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK };
    struct hpc_entry_head head = {
        .version = 1,
        .kind = (uint8_t)kind,
        .flags = (uint16_t)flags,
        .name_len = (uint32_t)name_len,
        .link_len = link ? (uint32_t)strlen(link) : 0,
        .nlink = group ? 2 : 1,
        .ino = 0xfedcba9876543210u,
        .dev = 0x1234567890ab,
        .size = size,
        .blocks = (size + 511) / 512,
        .mtime_s = mtime,
        .atime_s = -31536000,
        .ctime_s = 1700000001,
        .mtime_ns = 123456789,
        .atime_ns = 999999999,
        .ctime_ns = 5,
        .mode = type_bits[kind] | 0640,
        .uid = 4294967294u,
        .gid = 3000000000u,
        .rdev = kind == HPC_CHARDEV ? 0x103 : 0,
        .blksize = 4096,
        .link_group = group,
    };
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, name, name_len);
    if (link)
        memcpy(out + sizeof head + name_len, link, head.link_len);
    return sizeof head + name_len + head.link_len;
}

void entry(int kind, unsigned flags, const char *name, const char *link, uint64_t size,
           uint64_t group)
{
    static uint8_t out[MAX_PAYLOAD];
    if (*job.type == 'E')
        flags &= ~(unsigned)HPC_ENTRY_HAS_DATA;
    frame('M', out, record(out, kind, flags, name, strlen(name), link, size, group, 1700000000));
    sums.n[HPC_N_SCANNED]++, sums.n[HPC_N_EMITTED]++;
    sums.n[flags & HPC_ENTRY_LINK  ? HPC_N_HARDLINKS
           : kind == HPC_REGULAR   ? HPC_N_FILES
           : kind == HPC_DIRECTORY ? HPC_N_DIRECTORIES
           : kind == HPC_SYMLINK   ? HPC_N_SYMLINKS
                                   : HPC_N_SPECIALS]++;
}

void end_of_data(uint64_t bytes, int error)
{
    struct hpc_data_end end = { .bytes = bytes, .error = error };
    uint8_t out[sizeof(struct hpc_data_end)];
    memcpy(out, &end, sizeof end);
    frame('Z', out, sizeof out);
    sums.n[HPC_N_BYTES] += bytes;
}

/* size bytes in frames of at most `step`, each behind three empty ones, as large files come; byte i
 * is i * 7 + 3. */
void file(const char *name, uint64_t size, size_t step, unsigned flags, uint64_t group)
{
    static uint8_t out[HPC_FRAME_MAX];
    entry(HPC_REGULAR, HPC_ENTRY_HAS_DATA | flags, name, NULL, size, group);
    if (*job.type == 'E')
        return;
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < step ? (size_t)(size - at) : step;
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)((at + i) * 7 + 3);
        for (int i = 0; i < 3; i++)
            frame('D', NULL, 0);
        frame('D', out, n);
        at += n;
    }
    end_of_data(size, 0);
}

void accounting(int64_t lie_emitted, int64_t lie_scanned)
{
    uint8_t out[8 + 8 * HPC_COUNTERS];
    uint32_t version = 1, count = HPC_COUNTERS;
    sums.n[HPC_N_EMITTED] += (uint64_t)lie_emitted;
    sums.n[HPC_N_SCANNED] += (uint64_t)lie_scanned;
    memcpy(out, &version, 4);
    memcpy(out + 4, &count, 4);
    memcpy(out + 8, sums.n, sizeof sums.n);
    frame('U', out, sizeof out);
}

void finish(void)
{
    accounting(0, 0);
    frame('F', NULL, 0);
    expect("END");
    frame('F', NULL, 0);
    if (next() != 'T')
        exit(5);
}

/* A B frame of one attribute. */
void block_frame(const char *name, const char *value)
{
    static uint8_t out[MAX_PAYLOAD];
    uint16_t head[2] = { (uint16_t)strlen(name), 0 };
    uint32_t len = (uint32_t)strlen(value);
    memcpy(out, head, 4);
    memcpy(out + 4, &len, 4);
    memcpy(out + 8, name, head[0]);
    memcpy(out + 8 + head[0], value, len);
    frame('B', out, 8 + head[0] + len);
    sums.n[HPC_N_XATTR_BLOCKS]++;
}

size_t append(uint8_t *out, char status, const void *bytes, size_t len)
{
    hpc_frame_header(out, (uint8_t)status, (uint32_t)len);
    memcpy(out + HPC_FRAME_HEADER, bytes, len);
    return HPC_FRAME_HEADER + len;
}
