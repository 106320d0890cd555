/*
 * Targets that touch the filesystem run in one thread of their own whose root is a folder made for
 * this process: whatever a finding would write or read, it stays there. libFuzzer itself keeps the
 * real root, for its corpus. Needs root (chroot).
 */
#ifndef HPC_FUZZ_JAIL_H
#define HPC_FUZZ_JAIL_H

#include <stddef.h>
#include <stdint.h>

/* The target: runs in the jail, "/" is the jail. */
void jailed(const uint8_t *bytes, size_t len);
/* Called once in the jail before the first input. */
void jail_prepare(void);
/* Removes everything below path (a directory; itself too when it is not "/"), whatever its depth,
 * mode and inode flags. */
void jail_clear(const char *path);
/* Ends the process as a finding. */
_Noreturn void finding(const char *what);

#endif
