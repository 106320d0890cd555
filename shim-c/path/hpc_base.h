/* Opening what a job works on or below, where links of others' making must not lead it astray. */
#ifndef HPC_BASE_H
#define HPC_BASE_H

enum hpc_base_flag {
    HPC_BASE_MAKE =
        1 << 0, /* make what is missing, 0755 less the umask; nothing where a link leads nowhere */
    HPC_BASE_ANY =
        1 << 1, /* the last component need not be a directory; nothing is woken by holding it */
};

/*
 * Descriptor (O_PATH | O_DIRECTORY | O_CLOEXEC) of the directory `path`, or -errno. A relative path
 * begins at the working directory. Any length.
 *
 * A symbolic link, at the end of the path or above, is followed only if nobody but root (or the
 * caller, without root) can have chosen where it leads: the link is root's own; the directory that
 * holds it is, too, and neither its group nor others may write to it (mode, or mask of its ACL);
 * and so for every component above, where a sticky directory of root's that holds a directory of
 * root's is good enough. What the link leads to is walked by the same rule. Links of /proc lead to
 * what they say whatever stands at their path, and are left to the kernel. Otherwise -ELOOP, and
 * *link (unless NULL) is the link's own path, which the caller frees; NULL with any other result,
 * and with no memory.
 */
int hpc_base_open(const char *path, unsigned flags, char **link);

#endif
