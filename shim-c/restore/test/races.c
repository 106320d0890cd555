/* Somebody who may write in the target works against the restore while it runs. */
#include "test.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/xattr.h>
#include <time.h>

static atomic_bool stop;
static atomic_long swaps;

/* Directories become symlinks to the victim, and directories again, as fast as it goes. */
static void *attacker(void *arg)
{
    (void)arg;
    char link[512];
    snprintf(link, sizeof link, "%s/victim", scratch);
    while (!atomic_load(&stop)) {
        for (int i = 0; i < 4; i++) {
            char dir[64], aside[64];
            snprintf(dir, sizeof dir, "base/d%d", i);
            snprintf(aside, sizeof aside, "base/aside%d", i);
            if (rename(dir, aside) == 0 && symlink(link, dir) == 0) {
                atomic_fetch_add(&swaps, 1);
                sched_yield();
                unlink(dir);
            }
            if (rename(aside, dir) < 0) /* the restore may have made a new one meanwhile */
                unlink(dir);
            snprintf(dir, sizeof dir, "base/d%d/object", i);
            unlink(dir);
            if (symlink(link, dir) == 0)
                atomic_fetch_add(&swaps, 1);
        }
    }
    return NULL;
}

static struct stat victim_before;

static void victim_is_untouched(void)
{
    struct stat st = stat_of("victim");
    EQUAL(st.st_mode, victim_before.st_mode);
    EQUAL(st.st_uid, victim_before.st_uid);
    EQUAL(st.st_mtim.tv_sec, victim_before.st_mtim.tv_sec);
    content_is("victim/precious", "precious");
    st = stat_of("victim/precious");
    EQUAL(st.st_mode, S_IFREG | 0600);
    EQUAL(st.st_uid, geteuid());
    EQUAL(listxattr("victim/precious", NULL, 0), 0);
    EQUAL(listxattr("victim", NULL, 0), 0);
    int count = 0;
    DIR *dir = opendir("victim");
    for (struct dirent *e; (e = readdir(dir));)
        count++;
    closedir(dir);
    EQUAL(count, 3);
}

static void one_round(struct hpc_restore *r)
{
    static const uint8_t block[] = { 6, 0, 0, 0, 1, 0, 0, 0, 'u', 's', 'e', 'r', '.', 'x', '1' };
    static const uint8_t trusted[] = { 9,   0,   0,   0,   1,   0,   0,   0,   't',
                                       'r', 'u', 's', 't', 'e', 'd', '.', 'x', '1' };
    for (int i = 0; i < 4; i++) {
        char dir[32], name[64];
        snprintf(dir, sizeof dir, "d%d", i);
        if (put(r, entry(S_IFDIR | 0777, 0), dir, NULL) == 0)
            hpc_restore_xattrs(r, block, sizeof block);
        snprintf(name, sizeof name, "%s/precious", dir);
        if (put(r, entry(S_IFREG | 0666, 4), name, NULL) == HPC_BEGIN_DATA) {
            hpc_restore_write(r, 0, "evil", 4);
            hpc_restore_xattrs(r, block, sizeof block);
            hpc_restore_end(r, 1);
        }
        snprintf(name, sizeof name, "%s/object", dir);
        if (put(r, entry(S_IFIFO | 0666, 0), name, NULL) == 0)
            hpc_restore_xattrs(r, trusted, sizeof trusted);
        if (put(r, entry(S_IFLNK | 0777, 1), name, "x") == 0)
            hpc_restore_xattrs(r, trusted, sizeof trusted);
        snprintf(name, sizeof name, "%s/sub/dir/file", dir);
        put_file(r, entry(S_IFREG | 0666, 4), name, "evil");
        struct hpc_entry_head link = entry(S_IFREG | 0666, 4);
        link.flags = HPC_ENTRY_LINK;
        snprintf(dir, sizeof dir, "d%d/linked", (i + 1) % 4);
        put(r, link, dir, name);
    }
}

void hostile_races(void)
{
    EQUAL(mkdir("victim", 0750), 0);
    write_file("victim/precious", "precious");
    EQUAL(chmod("victim/precious", 0600), 0);
    set_mtime("victim", 5, 0);
    victim_before = stat_of("victim");
    pthread_t thread;
    EQUAL(pthread_create(&thread, NULL, attacker, NULL), 0);
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int rounds = 0;
    do {
        struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS,
                                          rounds % 3 == 2 ? HPC_RESTORE_IN_PLACE : 0);
        for (int i = 0; i < 20; i++, rounds++)
            one_round(r);
        hpc_restore_finish(r);
        hpc_restore_free(r);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < 2);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    CHECK(swaps > 100);
    printf("  %d rounds, %ld swaps\n", rounds, (long)swaps);
    victim_is_untouched();
}
