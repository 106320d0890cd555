/* What happens when the system says no. */
#include "test.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

void without_root(void)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        fail_at(__FILE__, __LINE__, "setuid", -1, 0);
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    struct hpc_entry_head h = entry(S_IFREG | 06755, 1);
    EQUAL(put_file(r, h, "d/suid", "x"), 0);
    struct stat st = stat_of("base/d/suid");
    EQUAL(st.st_mode,
          S_IFREG | 0755); /* somebody else's setuid bit does not survive under our name */
    EQUAL(st.st_mtim.tv_sec, 1000);
    EQUAL(st.st_uid, geteuid());
    EQUAL(stats_of(r).attributes_failed, 1);
    EQUAL(put(r, entry(S_IFLNK | 0777, 1), "d/link", "x"), 0);
    EQUAL(put(r, entry(S_IFDIR | 0750, 0), "d", NULL), 0);
    struct hpc_entry_head device = entry(S_IFCHR | 0666, 0);
    device.rdev = makedev(1, 3); /* 0:0 is a whiteout, which everybody may make */
    EQUAL(put(r, device, "d/chr", NULL), -EPERM);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/d").st_mode, S_IFDIR | 0750);
    EQUAL(stats_of(r).attributes_failed, 3);
    EQUAL(stats_of(r).files, 1);
    EQUAL(stats_of(r).failed, 1);

    h.uid = geteuid();
    h.gid = getegid();
    EQUAL(put_file(r, h, "d/own", "x"), 0);
    EQUAL(stat_of("base/d/own").st_mode, S_IFREG | 06755);
    EQUAL(stats_of(r).attributes_failed, 3);

    /* A directory of our own that we may not write in is opened for the restore, and closed again
     * by it. */
    EQUAL(mkdir("base/locked", 0500), 0);
    EQUAL(put(r, entry(S_IFDIR | 0500, 0), "locked", NULL), 0);
    EQUAL(put_file(r, h, "locked/f", "x"), 0);
    EQUAL(hpc_restore_finish(r), 0);
    EQUAL(stat_of("base/locked").st_mode, S_IFDIR | 0500);
    EQUAL(mkdir("base/forbidden", 0500), 0);
    EQUAL(put_file(r, h, "forbidden/f", "x"), -EACCES);
    EQUAL(chmod("base/locked", 0700), 0);
    hpc_restore_free(r);
}

void disk_full(void)
{
    if (geteuid() != 0)
        skip("only root can mount a small tmpfs");
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "base", "tmpfs", 0, "size=1m") < 0)
        skip("this system does not allow a small tmpfs to be mounted");
    struct hpc_restore *r = open_core(HPC_REPLACE_ALWAYS, 0);
    size_t size = 2 << 20;
    char *data = malloc(size);
    memset(data, 'd', size);
    struct hpc_entry_head big = entry(S_IFREG | 0600, size), other = entry(S_IFREG | 0600, size);
    big.nlink = other.nlink = 2;
    other.flags = HPC_ENTRY_LINK;
    write_file("base/big", "old");
    EQUAL(put(r, big, "big", NULL), HPC_BEGIN_DATA);
    EQUAL(hpc_restore_write(r, 0, data, size), -ENOSPC);
    EQUAL(hpc_restore_write(r, 0, data, 1), -ENOSPC); /* the error stays */
    EQUAL(hpc_restore_end(r, 1), -ENOSPC);
    content_is("base/big", "old");
    EQUAL(put(r, other, "big2", "big"), -ENOENT);
    EQUAL(put_file(r, entry(S_IFREG | 0600, 5), "small", "small"), 0);
    content_is("base/small", "small");
    EQUAL(leftovers("base"), 0);
    EQUAL(stats_of(r).failed, 2);
    EQUAL(stats_of(r).files, 1);
    free(data);
    hpc_restore_free(r);
    EQUAL(umount("base"), 0);
}
