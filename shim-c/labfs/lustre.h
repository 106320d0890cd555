/*
 * The directory as a Lustre client shows it, for `labfs SOURCE MOUNT lustre`: 2 MDTs, 4 OSTs,
 * filesystem `testfs`.
 *
 * Where things lie, and in which state they are, stands in extended attributes of the directory
 * below, which only the tests write:
 *
 * - trusted.lab.mdt, of a directory: "1", or "0,1" for one that is striped over both; it holds for
 *   what is below. Default: 0.
 * - trusted.lab.ost, of a file: "2", or "0,3". Default: its inode number modulo 4.
 * - trusted.lab.released, of a file: its data lies in the archive; a read, or SEEK_DATA or
 *   SEEK_HOLE, waits for a copytool.
 * - trusted.lab.project: "ID FLAGS": u32, and FS_XFLAG_* of linux/fs.h in hexadecimal; what
 *   chattr -p would set.
 * - trusted.lab.x.NAME: the value of NAME, of the namespaces trusted and lustre, as the client
 * shows it.
 *
 * The file `.labfs-lustre` in the mount's root controls the targets: `mdt K STATE` and `ost K
 * STATE`, one a line. STATE is
 *
 * - active
 * - inactive: as after `lctl set_param mdc.*MDTxxxx*.active=0`: ESHUTDOWN, and of a striped
 * directory only the names on other MDTs are listed. Through FUSE close(2) of a directory cannot
 * fail, so that readdir ends with ESHUTDOWN instead.
 * - silent: the same, but readdir ends as if it were complete: what an old program sees. With
 *   build/closedir.so preloaded close(2) fails then, as on the real one.
 *
 * Read: "mdt K STATE" and "ost K STATE" with ACTIVE or INACTIVE, "recalls N" (how often a released
 * file was asked for its data), "release" in the other control file lets those reads fail.
 */
#ifndef LABFS_LUSTRE_H
#define LABFS_LUSTRE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define LUSTRE_CONTROL "/.labfs-lustre"
#define LUSTRE_MDTS    2u
#define LUSTRE_OSTS    4u

extern bool lustre_on;

/* ---- targets.c ---- */
int targets_control_write(const char *bytes, size_t len);
int targets_control_read(char *out, size_t size, off_t offset);
/* 0, or -ESHUTDOWN: the entry's inode lies on an inactive MDT, or of a file: data on an inactive
 * OST. */
int targets_reach(const char *path);
/* How a listing of this directory goes: names whose MDT is inactive are left out. */
struct listing {
    unsigned count; /* stripes; 0: everything is listed */
    unsigned mdt[LUSTRE_MDTS];
    bool loud; /* it ends with ESHUTDOWN */
};
void targets_listing(const char *path, struct listing *l);
bool targets_lists(const struct listing *l, const char *name);
unsigned targets_osts(const char *path, const struct stat *st, unsigned osts[LUSTRE_OSTS]);
bool targets_is_striped(const char *path);
/* An attribute of the directory below, "trusted.lab." left out of its name. Bytes, or -errno. */
int lab_get(const char *path, const char *name, char *out, size_t cap);

/* ---- xattrs.c: as listxattr(2) and the others show them on a client ---- */
int lustre_list(const char *path, char *list, size_t size, bool privileged);
int lustre_get(const char *path, const char *name, char *value, size_t size);
int lustre_set(const char *path, const char *name, const char *value, size_t size, int flags);
int lustre_remove(const char *path, const char *name);

/* ---- hsm.c ---- */
bool hsm_released(const char *path);
int hsm_recall(const char *path); /* -EIO once it was let go */
unsigned hsm_recalls(void);

/* ---- project.c: FS_IOC_FSGETXATTR and the like; data is the ioctl's own structure */
int project_ioctl(const char *path, unsigned command, void *data);

#endif
