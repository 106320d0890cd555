/*
 * scanlimit PATH [threads [inline_bytes [flags [frames]]]]: walks PATH with nothing behind it and
 * says how long that took: the engine's own limit. With "frames" the ordinary entries go to
 * standard output as frames, and what it says to standard error.
 */
#include "../../wire/frames.h"
#include "../hpc_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is gathered for one write; more is no faster. */
#define FRAMES_CAP (256u * 1024u)

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_all(const uint8_t *out, uint32_t len)
{
    for (uint32_t done = 0; done < len;) {
        ssize_t n = write(1, out + done, len - done);
        if (n <= 0)
            exit(1);
        done += (uint32_t)n;
    }
}

/* The frames of a batch; what needs a decision is passed over. */
static void write_batch(const uint8_t *batch, uint32_t len, uint8_t *out)
{
    struct hpc_frames_call call = { .flags = HPC_FRAMES_CONTENT, .dir_at = HPC_FRAMES_NO_DIR };
    bool passed_over;

    do {
        if (hpc_frames(batch, len, out, HPC_SCAN_MIN_CAP, (uint8_t *)&call, sizeof call) < 0)
            exit(1);
        passed_over = call.stop == HPC_FRAMES_OTHER || call.used == 0;
        write_all(out, call.used);
        call.used = 0;
        if (call.stop != HPC_FRAMES_END && passed_over) {
            uint32_t record;
            memcpy(&record, batch + call.at, sizeof record);
            call.at += record;
        }
    } while (call.stop != HPC_FRAMES_END);
}

/* The frames of the whole scan. As hpc_scan_next() at its end. */
static int64_t write_frames(int64_t scan, uint8_t *batch, uint8_t *out)
{
    struct hpc_frames_call call = { .flags = HPC_FRAMES_CONTENT, .time_ms = 1000 };
    int64_t n;

    while ((n = hpc_scan_frames(scan, 1, out, FRAMES_CAP, (uint8_t *)&call, sizeof call)) >= 0 &&
           call.stop != HPC_FRAMES_END) {
        bool refused = call.stop == HPC_FRAMES_FULL && call.used > 0; /* write_all() says why */

        if (call.stop == HPC_FRAMES_MORE)
            continue;
        write_all(out, call.used);
        call.used = 0;
        if (!refused && (n = hpc_scan_next(scan, batch, HPC_SCAN_MIN_CAP, 0)) > 0)
            write_batch(batch, (uint32_t)n, out);
    }
    if (n > 0)
        write_all(out, (uint32_t)n);
    return n < 0 ? n : 0;
}

int main(int argc, char **argv)
{
    struct hpc_scan_options o = { .version = HPC_SCAN_ABI,
                                  .threads = 2,
                                  .since_s = INT64_MIN,
                                  .ring_entries = 8192,
                                  .ring_bytes = 8 << 20,
                                  .path_count = 1 };
    struct hpc_scan_stats st;
    double begin = now();
    uint8_t *options, *buf, *frames = NULL;
    uint32_t len;
    int64_t h, n, batches = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: scanlimit PATH [threads [inline_bytes [flags [frames]]]]\n");
        return 2;
    }
    if (argc > 2)
        o.threads = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        o.inline_bytes = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc > 4)
        o.flags = (uint32_t)strtoul(argv[4], NULL, 0);
    len = (uint32_t)strlen(argv[1]);
    options = calloc(1, sizeof o + 12 + len);
    buf = malloc(HPC_SCAN_MIN_CAP);
    if (argc > 5 && !strcmp(argv[5], "frames")) {
        frames = malloc(HPC_SCAN_MIN_CAP);
        hpc_pipe_size(1, 1 << 20);
    }
    if (!options || !buf || (argc > 5 && !frames))
        return 1;
    memcpy(options, &o, sizeof o);
    memcpy(options + sizeof o, &len, 4);
    memcpy(options + sizeof o + 4, argv[1], len);
    h = hpc_scan_start(options, (int64_t)(sizeof o + 12 + len));
    if (h < 0) {
        fprintf(stderr, "scanlimit: %s: %s\n", argv[1], strerror((int)-h));
        return 1;
    }
    if (frames)
        n = write_frames(h, buf, frames);
    else
        while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) > 0 || n == -EAGAIN)
            batches += n > 0;
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    hpc_scan_free(h, 5000);
    fprintf(frames ? stderr : stdout,
            "%llu entries in %.3f s, %lld batches; %llu failed, %llu vanished, %llu directories "
            "listed, %llu not; at most %llu pending, %llu descriptors\n",
            (unsigned long long)st.handed_out, now() - begin, (long long)batches,
            (unsigned long long)st.failed, (unsigned long long)st.vanished,
            (unsigned long long)st.dirs_listed,
            (unsigned long long)(st.dirs_failed + st.dirs_vanished),
            (unsigned long long)st.pending_peak, (unsigned long long)st.fds_peak);
    free(options);
    free(buf);
    free(frames);
    return n == 0 ? 0 : 1;
}
