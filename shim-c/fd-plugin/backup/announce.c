#include "announce.h"
#include "../job/lines.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool announce_add(struct job *job, const char *text, const struct hpc_params *params)
{
    struct clash clash;
    char a[320], b[320], path[240], other[240];
    if (!job->lines)
        job->lines = calloc(1, sizeof *job->lines);
    int rc = job->lines ? lines_add(job->lines, text, params, &clash) : -ENOMEM;
    if (rc < 0)
        job_say(job, SAY_FATAL, "out of memory");
    if (rc <= 0 || job->clash)
        return rc >= 0;
    if (asprintf(&job->clash,
                 "two Plugin lines of this FileSet save the same names, %s and %s: '%s' and '%s'. "
                 "A job must save a name once. "
                 "Remedy: leave one of them out, or make them shards of one N",
                 job_printable(path, sizeof path, clash.path, strlen(clash.path)),
                 job_printable(other, sizeof other, clash.other_path, strlen(clash.other_path)),
                 job_printable(a, sizeof a, clash.line, strlen(clash.line)),
                 job_printable(b, sizeof b, text, strlen(text))) < 0) {
        job->clash = NULL;
        job_say(job, SAY_FATAL, "out of memory");
        return false;
    }
    return true;
}

bool announce_is_good(struct job *job)
{
    if (job->clash)
        job_say(job, SAY_FATAL, "%s", job->clash);
    return !job->fatal;
}

void announce_line(struct job *job, const char *plugin_string)
{
    struct hpc_params params;
    char error[512];
    job->announced = true;
    if (hpc_params_parse((const uint8_t *)plugin_string, strlen(plugin_string), &params, error,
                         sizeof error) != 0)
        return; /* is said when the line's turn comes */
    announce_add(job, plugin_string, &params);
    hpc_params_free(&params);
}

void announce_job_starts(struct job *job)
{
    if (!announce_is_good(job))
        return;
    job->index_before = job_int(job, job->abi->var.file_index, 0);
    if (job->index_before > 0)
        job_say(job, SAY_WARNING,
                "this job was incomplete and goes on behind its file %d; the plugin cannot know "
                "which names those are, starts over, and saves everything "
                "again. Remedy: start a new job, and no `restart`",
                job->index_before);
}
