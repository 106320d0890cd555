#include "sums.h"

int sums_finish(struct job *job, struct backup *b)
{
    const uint64_t *n = b->sums.n;
    if (!b->counted)
        return session_broken(&b->session, "it ended without its accounting");
    if (n[HPC_N_EMITTED] != b->received)
        return session_broken(&b->session, "%llu entries came, it sent %llu",
                              (unsigned long long)b->received,
                              (unsigned long long)n[HPC_N_EMITTED]);
    if (n[HPC_N_XATTR_BLOCKS] != b->blocks)
        return session_broken(
            &b->session, "extended attributes of %llu entries came, it sent those of %llu",
            (unsigned long long)b->blocks, (unsigned long long)n[HPC_N_XATTR_BLOCKS]);
    if (session_finish(&b->session) != 0)
        return -1;
    uint64_t filtered = 0;
    for (int i = HPC_N_FILTERED_SHARD; i <= HPC_N_FILTERED_OTHER; i++)
        filtered += n[i];
    job_say(job, SAY_INFO,
            "scanned %llu entries: emitted %llu, filtered %llu, vanished %llu, failed %llu; %llu "
            "bytes of data; not read in full %llu, directories not listed %llu, pruned %llu; "
            "extended attributes of %llu entries, not read in full of %llu; %llu bytes in holes; "
            "changed since they were listed %llu, of those while they were read %llu",
            (unsigned long long)n[HPC_N_SCANNED], (unsigned long long)n[HPC_N_EMITTED],
            (unsigned long long)filtered, (unsigned long long)n[HPC_N_VANISHED],
            (unsigned long long)n[HPC_N_FAILED], (unsigned long long)n[HPC_N_BYTES],
            (unsigned long long)b->unread, (unsigned long long)n[HPC_N_UNLISTED_DIRECTORIES],
            (unsigned long long)n[HPC_N_PRUNED_DIRECTORIES],
            (unsigned long long)n[HPC_N_XATTR_BLOCKS], (unsigned long long)n[HPC_N_XATTRS_FAILED],
            (unsigned long long)n[HPC_N_HOLE_BYTES], (unsigned long long)n[HPC_N_CHANGED],
            (unsigned long long)n[HPC_N_TORN]);
    /* M_NOTSAVED alone does not count as an error with the Director: the job would end as if
     * nothing were missing. */
    if (n[HPC_N_FAILED] > 0 || n[HPC_N_UNLISTED_DIRECTORIES] > 0)
        job_say(job, SAY_ERROR,
                "%llu entries were not saved and %llu directories not listed in full; the messages "
                "above name them",
                (unsigned long long)n[HPC_N_FAILED],
                (unsigned long long)n[HPC_N_UNLISTED_DIRECTORIES]);
    if (!hpc_accounting_balanced(&b->sums))
        job_say(
            job, SAY_ERROR,
            "the backend's accounting does not add up: entries may be missing from this backup");
    if (b->lone_links > 0)
        job_say(job, SAY_ERROR,
                "%llu hard links were not saved, because the file that they belong to was not",
                (unsigned long long)b->lone_links);
    return 0;
}
