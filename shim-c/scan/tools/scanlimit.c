/* scanlimit PATH [threads [inline_bytes [flags]]]: walks PATH with nothing behind it and says how long that took: the engine's own limit. */
#include "../hpc_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct hpc_scan_options o = { .version = HPC_SCAN_ABI, .threads = 2, .since_s = INT64_MIN, .ring_entries = 8192, .ring_bytes = 8 << 20, .path_count = 1 };
    struct hpc_scan_stats st;
    double begin = now();
    uint8_t *options, *buf;
    uint32_t len;
    int64_t h, n, batches = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: scanlimit PATH [threads [inline_bytes [flags]]]\n");
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
    if (!options || !buf)
        return 1;
    memcpy(options, &o, sizeof o);
    memcpy(options + sizeof o, &len, 4);
    memcpy(options + sizeof o + 4, argv[1], len);
    h = hpc_scan_start(options, (int64_t)(sizeof o + 12 + len));
    if (h < 0) {
        fprintf(stderr, "scanlimit: %s: %s\n", argv[1], strerror((int)-h));
        return 1;
    }
    while ((n = hpc_scan_next(h, buf, HPC_SCAN_MIN_CAP, 1000)) > 0 || n == -11)
        batches += n > 0;
    hpc_scan_stats(h, (uint8_t *)&st, sizeof st);
    hpc_scan_free(h, 5000);
    printf("%llu entries in %.3f s, %lld batches; %llu failed, %llu vanished, %llu directories listed, %llu not; at most %llu pending, %llu descriptors\n",
           (unsigned long long)st.handed_out, now() - begin, (long long)batches, (unsigned long long)st.failed,
           (unsigned long long)st.vanished, (unsigned long long)st.dirs_listed,
           (unsigned long long)(st.dirs_failed + st.dirs_vanished), (unsigned long long)st.pending_peak, (unsigned long long)st.fds_peak);
    free(options);
    free(buf);
    return n == 0 ? 0 : 1;
}
