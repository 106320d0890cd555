/*
 * hpc_restore_feed(): frames into a folder of the jail. The first byte says whether the rest is
 * frames as they stand, or pieces { status, u16 length, bytes } that get a right header, so that
 * the mutations reach the core. Nothing may appear outside the base.
 */
#include "../restore/hpc_restore.h"
#include "../wire/hpc_frame.h"
#include "jail.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES_MAX = 1 << 17 };
static uint8_t frames[FRAMES_MAX];

/* An M whose lengths and kind fit, most of the time: what would be refused at once teaches the
 * fuzzer nothing. */
static size_t mend_entry(uint8_t *at, size_t len)
{
    static const uint32_t type_bits[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO,
                                          S_IFCHR, S_IFBLK, S_IFSOCK };
    struct hpc_entry_head head;
    if (len < sizeof head + 2)
        return len;
    memcpy(&head, at, sizeof head);
    size_t text = len - sizeof head;
    unsigned kind = head.kind % 7;
    head.version = HPC_ENTRY_VERSION;
    head.kind = (uint8_t)(kind + 1);
    head.mode = type_bits[kind] | (head.mode & 07777);
    head.reserved = 0;
    head.flags &= (uint16_t)~HPC_ENTRY_DIGEST;
    if (head.kind != HPC_REGULAR || head.flags & HPC_ENTRY_LINK)
        head.flags &= (uint16_t)~HPC_ENTRY_HAS_DATA, head.hole_count = 0;
    if (head.hole_count > text / 32)
        head.hole_count = 0;
    text -= 16 * (size_t)head.hole_count;
    if (head.kind == HPC_DIRECTORY)
        head.flags &= (uint16_t)~HPC_ENTRY_LINK;
    bool link = head.kind == HPC_SYMLINK || head.flags & HPC_ENTRY_LINK;
    head.name_len = link ? 1 + head.name_len % (uint32_t)(text - 1) : (uint32_t)text;
    head.link_len = (uint32_t)text - head.name_len;
    memcpy(at, &head, sizeof head);
    for (size_t i = sizeof head; i < sizeof head + text; i++)
        if (at[i] == 0)
            at[i] = 'a';
    return len;
}

/* A block of one or two attributes whose lengths fit; the first byte chooses the names. */
static size_t mend_xattrs(uint8_t *at, size_t len)
{
    static const char *const names[] = {
        "user.a",
        "security.capability",
        "system.posix_acl_access",
        "system.posix_acl_default",
        "trusted.x",
        "podheitor.flags",
        "podheitor.project",
        "lustre.lov",
        "user.podheitor",
        "security.selinux",
        "system.nfs4_acl",
        "podheitor.other",
        "btrfs.x",
        "trusted.overlay.x",
        "user.",
        "x",
    };
    uint8_t out[2048];
    size_t used = 0;
    if (len < 12)
        return len;
    for (int i = 0; i < 2; i++) {
        const char *name = names[i == 0 ? at[0] % 16 : at[0] >> 4];
        size_t value = i == 0 ? at[1] % (len - 1) : len - 2 - at[1] % (len - 1);
        uint16_t name_len = (uint16_t)strlen(name), zero = 0;
        uint32_t value_len = (uint32_t)(value > 4 && strncmp(name, "podheitor.", 10) == 0 &&
                                                at[1] & 1
                                            ? 4
                                            : value);
        if (used + 8 + name_len + value_len > sizeof out || value_len > len - 2)
            break;
        memcpy(out + used, &name_len, 2);
        memcpy(out + used + 2, &zero, 2);
        memcpy(out + used + 4, &value_len, 4);
        memcpy(out + used + 8, name, name_len);
        memcpy(out + used + 8 + name_len, at + 2, value_len);
        used += 8 + name_len + value_len;
    }
    memcpy(at, out, used);
    return used;
}

static size_t assemble(const uint8_t *bytes, size_t len)
{
    static const char statuses[] = "MMMDDZXB";
    size_t used = 0;
    uint64_t data = 0;
    bool attrs = false;
    while (len >= 3) {
        char status = attrs && bytes[0] < 224
                          ? 'B'
                          : statuses[bytes[0] % 8]; /* what was announced comes, most of the time */
        attrs = false;
        size_t n = (size_t)(bytes[1] | bytes[2] << 8) % 1024;
        bytes += 3, len -= 3;
        if (n > len)
            n = len;
        if (used + HPC_FRAME_HEADER + n + 256 > sizeof frames)
            break;
        uint8_t *at = frames + used + HPC_FRAME_HEADER;
        memcpy(at, bytes, n);
        bytes += n, len -= n;
        if (status == 'M')
            mend_entry(at, n), data = 0, attrs = n >= 4 && (at[2] & HPC_ENTRY_ATTRS);
        else if (status == 'B')
            n = mend_xattrs(at, n);
        else if (status == 'D')
            data += n;
        else if (status == 'X')
            n = 0;
        else if (status == 'Z') {
            struct hpc_data_end end = { .bytes = data, .error = n % 16 == 1 ? 5 : 0 };
            memcpy(at, &end, sizeof end);
            n = sizeof(struct hpc_data_end);
        }
        hpc_frame_header(frames + used, (uint8_t)status, (uint32_t)n);
        used += HPC_FRAME_HEADER + n;
    }
    return used;
}

void jail_prepare(void)
{
    if (mkdir("/outside", 0755) != 0 || mkdir("/base", 0755) != 0 ||
        mkdir("/base/old", 0755) != 0 || mkdir("/work", 0755) != 0 ||
        symlink("../outside", "/base/out") != 0 || mknod("/base/old/file", S_IFREG | 0644, 0) != 0)
        finding("the jail cannot be made");
}

static void look_outside(void)
{
    struct stat st;
    if (stat("/outside", &st) != 0 || st.st_nlink != 2 || rmdir("/outside") != 0 ||
        rmdir("/work") != 0)
        finding("something was written outside the base, or left in the work folder");
    jail_clear("/base");
    if (stat("/", &st) != 0 || st.st_nlink != 2)
        finding("something was written beside the base");
}

void jailed(const uint8_t *bytes, size_t len)
{
    static const char rules[] = "awon";
    uint8_t failures[4096];
    uint64_t used, stats[64];
    if (len < 2)
        return;
    uint8_t how = bytes[0], cut = bytes[1];
    size_t n = len - 2;
    if (how & 0x80)
        n = assemble(bytes + 2, n);
    else
        memcpy(frames, bytes + 2, n = n < sizeof frames ? n : sizeof frames);
    int64_t handle = hpc_restore_open((const uint8_t *)"/base", 5, (const uint8_t *)"/work",
                                      how & 4 ? 5 : 0, rules[how & 3],
                                      how & 8 ? HPC_RESTORE_IN_PLACE : 0);
    if (handle < 0)
        finding("hpc_restore_open");
    /* In pieces, with little room for failures: both must make no difference but more calls. */
    size_t step = 1 + cut * 16u, given = 0;
    for (size_t at = 0, stuck = 0; at < n && stuck < 2;) {
        given = given < at + step ? at + step : given + step;
        if (given > n)
            given = n;
        uint8_t *copy = malloc(given - at);
        memcpy(copy, frames + at, given - at);
        int64_t rc = hpc_restore_feed(handle, copy, (int64_t)(given - at), failures,
                                      cut & 1 ? 64 : (int64_t)sizeof failures, (uint8_t *)&used);
        free(copy);
        if (rc < 0)
            break;
        if (rc > (int64_t)(given - at) || used > sizeof failures)
            finding("more consumed than given");
        at += (size_t)rc;
        stuck = rc == 0 && given == n ? stuck + 1 : 0;
    }
    if (how & 0x10)
        hpc_restore_flat_cancel(handle);
    if (!(how & 0x20))
        hpc_restore_flat_finish(handle);
    hpc_restore_flat_stats(handle, (uint8_t *)stats, sizeof stats);
    hpc_restore_close(handle);
    look_outside();
    jail_prepare();
}
