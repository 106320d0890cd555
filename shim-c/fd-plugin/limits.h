/* Every bound of the plugin, with its reason. */
#pragma once

/* Holds the largest frame (8 + 999,999 bytes) whole, so that only data needs pieces. */
#define STREAM_BUFFER     (1u << 20)
/* Asked of the kernel; the largest that it grants without privilege by default. */
#define PIPE_BYTES        (1 << 20)
/* Twelve missed heartbeats of five seconds. */
#define STALL_SECONDS     60
#define STALL_SECONDS_MAX 86400
/* A backend ends within one second of end of input; twice that before it is killed. */
#define END_MILLISECONDS  2000
/* Backends that outlived SIGKILL and wait to be reaped; each is a job that met a dead server. */
#define CHILDREN_LEFT     64
/* Last bytes of the backend's stderr for the job log: a stack trace's head does not fit a
 * message anyway. */
#define STDERR_TAIL       1024
/* The FD formats job messages into 2000 bytes. */
#define MESSAGE_MAX       1800
/* Of one backend in the job log: it sends at most a thousand of each of four levels about
 * entries. */
#define MESSAGES          5000
/* Of them together: as many names of 400 bytes. */
#define MESSAGE_BYTES     (2u << 20)
/* How often a backend of which nothing is heard is looked at: it may be dead with its pipe held
 * open. */
#define LOOK_MILLISECONDS 500
/* Bytes of a process's environment that are looked through; ours stands first. */
#define SWEEP_ENVIRON     131072
/* A process that starts others faster than that ends its machine anyway. */
#define SWEEP_ROUNDS      20
/* Bytes of holes from which on a file is sent without them; below, digests are those of "sparse
 * = yes". */
#define HOLES_LARGE       (1ull << 30)
/* Bytes of the configuration file; it has a handful of lines. */
#define CONF_MAX          65536
/* Slots (16 MiB) before the table of hard-link leaders moves to a file. */
#define LINKS_IN_MEMORY   (1u << 20)
/* Directories that one restore job writes below: `where`, or the backup's own paths. */
#define RESTORE_BASES     16
