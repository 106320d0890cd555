/*
 * podheitor-hpc-host: a File Daemon of four releases, played for one plugin file.
 *
 * - check FILE [--json]
 *     loads it as 9.6, 11, 13 and 15, and refuses what must be refused
 * - backup FILE PLUGINSTRING... [options]
 *     --volume OUT, --level F|I|D, --since EPOCH, --accurate PREVIOUS, --cancel-after N
 * - estimate FILE PLUGINSTRING
 * - restore FILE PLUGINSTRING --volume IN
 *     --where DIR, --replace a|w|o|n, --cancel-after N
 * - list VOLUME
 *     one line per entry: index type link-index mode size bytes-of-data fnv64-of-data name
 *     [-> link]
 *
 *   --release 14|21|22|23 (default 23), --work-dir DIR (default /tmp). Exit 0 done, 1 failed, 2
 * usage.
 */
#include "fd.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
    uint32_t release;
    const char *volume, *previous, *where, *work_dir;
    int64_t since, cancel_after;
    int level, replace;
    bool json;
};

static int usage(void)
{
    fprintf(stderr, "usage: podheitor-hpc-host check FILE [--json] | backup FILE STRING... "
                    "[--volume OUT] [--level F|I|D] [--since EPOCH] [--accurate PREVIOUS] "
                    "[--cancel-after N]\n       | estimate FILE STRING | restore FILE STRING "
                    "--volume IN [--where DIR] [--replace a|w|o|n] | list VOLUME   "
                    "(all: [--release 14|21|22|23] [--work-dir DIR])\n");
    return 2;
}

static int check(const char *file, bool json)
{
    struct daemon d;
    char error[1024] = "";
    bool all = true;
    if (json)
        printf("{\"file\":\"%s\",\"releases\":[", file);
    for (size_t i = 0; fd_versions[i]; i++) {
        int rc = fd_open(&d, file, fd_versions[i], error, sizeof error);
        struct job_run r;
        if (rc == 0) { /* a connection that only asks for the status makes a context, too */
            run_init(&r, &d);
            rc = run_begin(&r);
            run_end(&r, 0);
            snprintf(error, sizeof error, "newPlugin failed");
            run_free(&r);
        }
        all &= rc == 0;
        if (json)
            printf("%s{\"interface\":%u,\"ok\":%s}", i ? "," : "", fd_versions[i],
                   rc == 0 ? "true" : "false");
        else
            printf("interface %u: %s\n", fd_versions[i], rc == 0 ? "loads" : error);
        if (rc == 0)
            fd_close(&d);
        else
            fprintf(stderr, "%s as interface %u: %s\n", file, fd_versions[i], error);
    }
    /* Unknown versions and tables must be refused: their layouts would be guesses. */
    const struct {
        uint32_t version;
        int32_t size;
    } wrong[] = { { 13, 0 }, { 24, 0 }, { 0, 0 }, { 23, -8 }, { 23, 8 } };
    bool refuses = true;
    int kept = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, 2); /* the refusals are said there, and are what we want */
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong && all; i++) {
        if (fd_open_as(&d, file, 23, wrong[i].version, wrong[i].size, error, sizeof error) == 0) {
            printf("did not refuse interface %u with a table of %+d bytes\n", wrong[i].version,
                   wrong[i].size);
            refuses = false;
            fd_close(&d);
        }
    }
    dup2(kept, 2);
    close(kept), close(null);
    if (json)
        printf("],\"refusesUnknown\":%s}\n", refuses && all ? "true" : "false");
    return all && refuses ? 0 : 1;
}

static void list_name(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f || *c == '\\')
            printf("\\x%02x", *c);
        else
            putchar(*c);
    }
}

static int list(const char *path)
{
    struct volume_entry e;
    char *name = NULL, *link = NULL, *buf = malloc(1 << 20);
    FILE *volume = fopen(path, "rb");
    int rc = volume && buf ? 1 : -1;
    while (rc > 0 && (rc = volume_next(volume, &e, &name, &link)) > 0) {
        uint64_t hash = 0xcbf29ce484222325u, bytes = 0;
        int64_t offset;
        int32_t len;
        bool whole = true;
        while ((rc = volume_chunk(volume, &offset, buf, &len)) > 0 && (whole &= rc != 3, true))
            for (int32_t i = 0; i < len && rc == 1; i++, bytes++)
                hash = (hash ^ (unsigned char)buf[i]) * 0x100000001b3u;
        printf("%d %d %d %o %" PRId64 " %" PRIu64 " %016" PRIx64 " ", e.index, e.type, e.link_index,
               e.st.st_mode, (int64_t)e.st.st_size, bytes, hash);
        list_name(name);
        if (e.type == TYPE_SYMLINK || e.type == TYPE_HARDLINK) {
            fputs(" -> ", stdout);
            list_name(link);
        }
        puts(whole ? "" : " (read error)");
        rc = rc == -1 ? -1 : 1;
    }
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", path, volume ? "damaged" : strerror(errno));
    if (volume)
        fclose(volume);
    free(name), free(link), free(buf);
    return rc < 0 ? 1 : 0;
}

static int job(const char *mode, const char *file, const char *const *strings,
               const struct options *o)
{
    struct daemon d;
    struct job_run *r = malloc(sizeof *r);
    char error[1024];
    int rc;
    if (!r || fd_open(&d, file, o->release, error, sizeof error) != 0) {
        fprintf(stderr, "%s: %s\n", file, r ? error : "out of memory");
        free(r);
        return 1;
    }
    run_init(r, &d);
    r->level = o->level, r->since = o->since, r->where = o->where, r->replace = o->replace,
    r->cancel_after = o->cancel_after;
    r->accurate = o->previous != NULL, r->previous = o->previous, r->work_dir = o->work_dir;
    if (strcmp(mode, "backup") == 0)
        rc = run_backup(r, strings, o->volume);
    else if (strcmp(mode, "estimate") == 0)
        rc = run_estimate(r, strings[0]);
    else
        rc = run_restore(r, strings[0], o->volume);
    fputs(r->log, stderr);
    printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"deleted\":%" PRIu64
           ",\"errors\":%" PRIu64 ",\"fatal\":%" PRIu64 ",\"warnings\":%" PRIu64
           ",\"cancelled\":%s,\"endSeconds\":%.3f}\n",
           r->entries, r->data_bytes, r->deleted, r->said[SAID_ERROR], r->said[SAID_FATAL],
           r->said[SAID_WARNING] + r->said[SAID_NOTSAVED], r->cancelled ? "true" : "false",
           r->end_seconds);
    run_free(r);
    free(r);
    fd_close(&d);
    return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = {
        .release = 23, .level = 'F', .replace = 'a', .cancel_after = -1, .work_dir = "/tmp"
    };
    static const struct option known[] = {
        { "release", 1, NULL, 'r' },
        { "volume", 1, NULL, 'v' },
        { "level", 1, NULL, 'l' },
        { "since", 1, NULL, 's' },
        { "accurate", 1, NULL, 'a' },
        { "cancel-after", 1, NULL, 'c' },
        { "where", 1, NULL, 'w' },
        { "replace", 1, NULL, 'p' },
        { "work-dir", 1, NULL, 'd' },
        { "json", 0, NULL, 'j' },
        { 0 },
    };
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'r': o.release = (uint32_t)atoi(optarg); break;
        case 'v': o.volume = optarg; break;
        case 'l': o.level = *optarg; break;
        case 's': o.since = atoll(optarg); break;
        case 'a': o.previous = optarg; break;
        case 'c': o.cancel_after = atoll(optarg); break;
        case 'w': o.where = optarg; break;
        case 'p': o.replace = *optarg; break;
        case 'd': o.work_dir = optarg; break;
        case 'j': o.json = true; break;
        default: return usage();
        }
    }
    argv += optind, argc -= optind;
    bool release = false;
    for (size_t i = 0; fd_versions[i]; i++)
        release |= fd_versions[i] == o.release;
    if (argc == 2 && strcmp(argv[0], "check") == 0)
        return check(argv[1], o.json);
    if (argc == 2 && strcmp(argv[0], "list") == 0)
        return list(argv[1]);
    if (argc >= 3 && release &&
        (strcmp(argv[0], "backup") == 0 ||
         (argc == 3 &&
          (strcmp(argv[0], "estimate") == 0 || (o.volume && strcmp(argv[0], "restore") == 0)))))
        return job(argv[0], argv[1], (const char *const *)argv + 2, &o);
    return usage();
}
