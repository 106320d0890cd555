/* Every bound of the plugin, with its reason. */
#ifndef HPC_LIMITS_H
#define HPC_LIMITS_H

#define STREAM_BUFFER \
    (1u << 20) /* holds the largest frame (8 + 999,999 bytes) whole, so that only data needs \
                  pieces */
#define PIPE_BYTES \
    (1 << 20) /* asked of the kernel; the largest that it grants without privilege by default */
#define STALL_SECONDS     60 /* twelve missed heartbeats of five seconds */
#define STALL_SECONDS_MAX 86400
#define END_MILLISECONDS \
    2000 /* a backend ends within one second of end of input; twice that before it is killed */
#define CHILDREN_LEFT \
    64 /* backends that outlived SIGKILL and wait to be reaped; each is a job that met a dead \
          server */
#define STDERR_TAIL \
    1024 /* last bytes of the backend's stderr for the job log: a stack trace's head does not fit \
            a message anyway */
#define MESSAGE_MAX 1800 /* the FD formats job messages into 2000 bytes */
#define MESSAGES \
    5000 /* of one backend in the job log: it sends at most a thousand of each of four levels \
            about entries */
#define MESSAGE_BYTES (2u << 20) /* of them together: as many names of 400 bytes */
#define LOOK_MILLISECONDS \
    500 /* how often a backend of which nothing is heard is looked at: it may be dead with its \
           pipe held open */
#define SWEEP_ENVIRON \
    131072 /* bytes of a process's environment that are looked through; ours stands first */
#define SWEEP_ROUNDS 20 /* a process that starts others faster than that ends its machine anyway \
                         */
#define HOLES_LARGE \
    (1ull << 30) /* bytes of holes from which on a file is sent without them; below, digests are \
                    those of "sparse = yes" */
#define CONF_MAX 65536 /* bytes of the configuration file; it has a handful of lines */
#define LINKS_IN_MEMORY \
    (1u << 20) /* slots (16 MiB) before the table of hard-link leaders moves to a file */
#define RESTORE_BASES \
    16 /* directories that one restore job writes below: `where`, or the backup's own paths */

#endif
