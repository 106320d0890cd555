/* Ends processes that a backend started and that left its process group: they must not outlive its
 * job. */
#pragma once

#include <sys/types.h>

/*
 * Kills (SIGKILL) every process, but this one, in whose environment this entry ("NAME=value")
 * stands, again and again until none is found: a process may start another one meanwhile. Whoever
 * has given himself another environment or another user is not found. Returns how many there were.
 */
int sweep_kill(const char *entry);
/* What the kernel says that a process does: 'R' running, 'S' waiting, 'D' waiting in the kernel,
 * 'T' stopped …; 0: unknown. */
char sweep_state(pid_t pid);
