/*
 * What C does with pipes, for benchmarks:
 * - pipelimit write BYTES: writes so many bytes, 256 KiB at a time: what a pipe takes.
 * - pipelimit send BYTES PROGRAM …: becomes PROGRAM, whose standard input is a Unix socket that
 *   brings so many bytes.
 * - pipelimit relay: standard input to standard output as D frames, by read and write.
 * - pipelimit drain: reads standard input, a mebibyte at a time, and forgets it.
 * - pipelimit check BYTES: reads D frames, and fails unless they hold exactly what `send` sends.
 */
#include "../../wire/hpc_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define BLOCK (256u * 1024u)

/* The payload is 64 bytes behind the start of a page: within 32, what is copied from or to whole
 * pages may take three times as long. */
static uint8_t pages[64 + BLOCK] __attribute__((aligned(4096)));
static uint8_t *const block = pages + 64 - HPC_FRAME_HEADER;

/* Byte i of what is sent; the period is no divisor of any block. */
static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i % 251);
}

static void fail(const char *what)
{
    fprintf(stderr, "pipelimit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            fail("write");
        if (n > 0)
            bytes += n, len -= (size_t)n;
    }
}

static size_t read_some(uint8_t *to, size_t len)
{
    ssize_t n;

    while ((n = read(0, to, len)) < 0)
        if (errno != EINTR)
            fail("read");
    return (size_t)n;
}

/* Of a pattern that was written out once, so that only the first lap costs more than the writing.
 */
static void write_pattern(int fd, uint64_t bytes)
{
    enum { PERIODS = 251 * 1024 };
    static uint8_t lap[2 * PERIODS];

    for (size_t i = 0; i < sizeof lap; i++)
        lap[i] = pattern(i);
    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = bytes - done < PERIODS ? bytes - done : PERIODS;
        write_all(fd, lap + done % 251, (size_t)n);
        done += n;
    }
}

static void relay(void)
{
    size_t n;

    while ((n = read_some(block + HPC_FRAME_HEADER, BLOCK)) > 0) {
        hpc_frame_header(block, 'D', (uint32_t)n);
        write_all(1, block, HPC_FRAME_HEADER + n);
    }
}

static void drain(void)
{
    static uint8_t forgotten[1 << 20] __attribute__((aligned(4096)));

    while (read_some(forgotten, sizeof forgotten) > 0)
        ;
}

static void check(uint64_t bytes)
{
    uint64_t seen = 0, left = 0;
    size_t have = 0, n;
    char header[HPC_FRAME_HEADER + 1] = { 0 };

    while ((n = read_some(block, BLOCK)) > 0)
        for (size_t i = 0; i < n;) {
            if (left == 0) {
                header[have++] = (char)block[i++];
                if (have < HPC_FRAME_HEADER)
                    continue;
                if (header[0] != 'D' || header[7] != '\n') {
                    fprintf(stderr, "pipelimit: no frame after %llu bytes\n",
                            (unsigned long long)seen);
                    exit(1);
                }
                left = strtoull(header + 1, NULL, 10);
                have = 0;
                continue;
            }
            if (block[i++] != pattern(seen++)) {
                fprintf(stderr, "pipelimit: byte %llu is another one\n",
                        (unsigned long long)seen - 1);
                exit(1);
            }
            left--;
        }
    if (seen != bytes || left > 0 || have > 0) {
        fprintf(stderr, "pipelimit: %llu bytes of %llu\n", (unsigned long long)seen,
                (unsigned long long)bytes);
        exit(1);
    }
}

static void send_to(uint64_t bytes, char **argv)
{
    int ends[2], room = 2 << 20;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        fail("socketpair");
    switch (fork()) {
    case -1: fail("fork"); break;
    case 0:
        close(ends[0]);
        /* root may have more than net.core.wmem_max: the fewer wake-ups the better, for every
         * receiver */
        if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room))
            setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        write_pattern(ends[1], bytes);
        exit(0);
    default:
        if (dup2(ends[0], 0) < 0)
            fail("dup2");
        close(ends[1]);
        execvp(argv[0], argv);
        fail(argv[0]);
    }
}

int main(int argc, char **argv)
{
    uint64_t bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

    if (argc == 2 && !strcmp(argv[1], "relay"))
        relay();
    else if (argc == 2 && !strcmp(argv[1], "drain"))
        drain();
    else if (argc == 3 && !strcmp(argv[1], "write"))
        write_pattern(1, bytes);
    else if (argc == 3 && !strcmp(argv[1], "check"))
        check(bytes);
    else if (argc > 3 && !strcmp(argv[1], "send"))
        send_to(bytes, argv + 3);
    else {
        fprintf(stderr, "usage: pipelimit write BYTES | send BYTES PROGRAM [ARGUMENT...] | relay | "
                        "drain | check BYTES\n");
        return 2;
    }
    return 0;
}
