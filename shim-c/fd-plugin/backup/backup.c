#include "backup.h"
#include "announce.h"
#include "check.h"
#include "content.h"
#include "packet.h"
#include "sums.h"
#include <errno.h>
#include <stdlib.h>

/* The B frame that the record announced. It comes before the data; the FD asks for it after them.
 */
static int take_block(struct backup *b)
{
    struct hpc_frame frame;
    if (session_next(&b->session, &frame) != 0)
        return -1;
    if (frame.status != 'B')
        return session_broken(&b->session,
                              "a frame '%c' came where the extended attributes of %s were due",
                              frame.status, b->name.bytes);
    struct hpc_xattr attribute;
    size_t at = 0;
    int rc = 1;
    while (rc > 0) /* a damaged one would be noticed at the restore only */
        rc = hpc_xattr_next(frame.payload, frame.len, &at, &attribute);
    if (rc < 0)
        return session_broken(&b->session, "the extended attributes of %s are damaged",
                              b->name.bytes);
    if (!text_room(&b->block, frame.len)) {
        job_say(b->session.job, SAY_FATAL, "out of memory");
        return -1;
    }
    memcpy(b->block.bytes, frame.payload, frame.len);
    b->block_len = frame.len;
    b->blocks += frame.len > 0;
    return 0;
}

/* RC_OK: offer it; RC_SKIP: it could not be offered, which was said; RC_ERROR. */
static int offer(struct job *job, struct backup *b, void *pkt, const struct hpc_entry *entry)
{
    const struct hpc_entry_head *head = &entry->head;
    char name[512];
    b->received++;
    b->bytes = 0;
    b->error = 0;
    b->leader = 0;
    b->block_len = 0;
    b->block_given = false;
    b->data = head->flags & HPC_ENTRY_HAS_DATA;
    if (!packet_names_are_ours(b, entry))
        return RC_ERROR;
    if (b->data && (b->estimate || head->kind != HPC_REGULAR || head->flags & HPC_ENTRY_LINK))
        return session_broken(&b->session, "it announced data for %s, which can have none",
                              job_printable(name, sizeof name, entry->name, head->name_len)),
               RC_ERROR;
    if (packet_fill(b, job->abi, pkt, entry) != 0 || holes_set(&b->holes, entry) != 0) {
        job_say(job, SAY_FATAL, "out of memory");
        return RC_ERROR;
    }
    if (head->flags & HPC_ENTRY_ATTRS &&
        take_block(b) !=
            0) /* from here on the entry's name and link are gone; its head is a copy */
        return RC_ERROR;
    if (b->estimate)
        return RC_OK;
    if (head->flags & HPC_ENTRY_LINK) {
        int32_t leader = links_get(&b->links, head->link_group);
        if (head->flags & HPC_ENTRY_LAST_LINK)
            links_drop(&b->links, head->link_group);
        if (leader == 0) {
            b->lone_links++;
            job_say(job, SAY_ERROR,
                    "not saved: %s is a hard link to a file that this job did not save",
                    job_printable(name, sizeof name, entry->name, head->name_len));
            return RC_SKIP;
        }
        pkt_put_i32(pkt, job->abi->save.link_fi, leader);
    } else if (head->flags & HPC_ENTRY_LEADER && head->link_group) {
        b->leader = head->link_group;
        b->index_before = job_int(job, job->abi->var.file_index, 0);
    }
    return RC_OK;
}

/* A name that is gone, for a job without an accurate list (with one, checkFile decides). */
static int offer_deleted(struct job *job, struct backup *b, void *pkt,
                         const struct hpc_frame *frame)
{
    struct stat st = { 0 };
    if (!packet_name_is_ours(b, frame->payload, frame->len))
        return RC_ERROR;
    const char *name = text_set(&b->name, frame->payload, frame->len, false);
    if (!name)
        return job_say(job, SAY_FATAL, "out of memory"), RC_ERROR;
    if (b->estimate || job_int(job, job->abi->var.accurate, 0) != 0)
        return RC_SKIP;
    b->deleted++;
    pkt_put_ptr(pkt, job->abi->save.fname, name);
    pkt_put_ptr(pkt, job->abi->save.link, name);
    pkt_put_stat(pkt, job->abi->save.statp, &st);
    pkt_put_i32(pkt, job->abi->save.type, TYPE_DELETED);
    pkt_put_bool(pkt, job->abi->save.no_read, true);
    return RC_OK;
}

/* What File lines save beside us cannot be seen from here: only how much it was. */
static void say_others(struct job *job, const struct backup *b, bool estimate)
{
    int others = estimate ? 0 : job_int(job, job->abi->var.file_index, 0) - job->index_before;
    char path[512];
    if (others > 0 && b->paths.count > 0)
        job_say(job, SAY_INFO,
                "File lines of this FileSet saved %d entries: none of them may lie below %s%s, or "
                "the job has it twice",
                others,
                job_printable(path, sizeof path, b->paths.list[0], strlen(b->paths.list[0])),
                b->paths.count > 1 ? " or another path of the Plugin line" : "");
}

int backup_begin(struct job *job, const char *plugin_string, bool estimate)
{
    struct hpc_params params;
    char error[512];
    backup_end(job);
    if (job->fatal || job_cancelled(job))
        return RC_ERROR;
    if (estimate && strstr(plugin_string, " listing=")) { /* how bconsole's `.ls plugin=` asks */
        job_say(job, SAY_FATAL,
                "this plugin lists no trees for `.ls`; remedy: `estimate listing` for a job, `.ls` "
                "without `plugin=` for its files");
        return RC_ERROR;
    }
    if (hpc_params_parse((const uint8_t *)plugin_string, strlen(plugin_string), &params, error,
                         sizeof error) != 0) {
        job_say(job, SAY_FATAL, "%s", error);
        return RC_ERROR;
    }
    const char *work = job_string(job, job->abi->var.working_dir);
    struct backup *b = job->backup = calloc(1, sizeof *b);
    int rc = -1;
    if (!b || links_open(&b->links, work ? work : "/tmp") != 0 ||
        paths_add(&b->paths, &params) != 0 || paths_add(&job->paths, &params) != 0)
        job_say(job, SAY_FATAL, "out of memory");
    else if ((job->announced || announce_add(job, plugin_string, &params)) &&
             announce_is_good(job)) {
        say_others(job, b, estimate);
        b->estimate = estimate;
        rc = session_open(&b->session, job, estimate ? "EstimateStart" : "BackupStart", &params);
    }
    hpc_params_free(&params);
    if (rc != 0)
        backup_end(job);
    return rc == 0 ? RC_OK : RC_ERROR;
}

int backup_start_file(struct job *job, void *pkt)
{
    struct backup *b = job->backup;
    struct hpc_frame frame;
    struct hpc_entry entry;
    if (!b || job->fatal)
        return RC_ERROR;
    if (!pkt_is(pkt, job->abi->save.size, job->abi->save.end)) {
        job_say(job, SAY_FATAL,
                "this File Daemon's save packet is not the one of release %s; remedy: use a plugin "
                "for this release",
                job->abi->release);
        return RC_ERROR;
    }
    for (int rc = RC_SKIP;;) {
        while (b->data) /* what the FD did not read of the entry before */
            if (content_data(b, NULL, STREAM_BUFFER) < 0)
                return RC_ERROR;
        if (session_next(&b->session, &frame) != 0)
            return RC_ERROR;
        switch (frame.status) {
        case 'M':
            if (hpc_entry_decode(frame.payload, frame.len, &entry) != 0)
                return session_broken(&b->session, "an entry record is damaged"), RC_ERROR;
            rc = offer(job, b, pkt, &entry);
            break;
        case 'G': rc = offer_deleted(job, b, pkt, &frame); break;
        case 'K': rc = check_batch(job, b, &frame) == 0 ? RC_SKIP : RC_ERROR; break;
        case 'U':
            if (hpc_accounting_decode(frame.payload, frame.len, &b->sums) != 0)
                return session_broken(&b->session, "its accounting is damaged"), RC_ERROR;
            b->counted = true;
            break;
        case 'F':
            rc = sums_finish(job, b) == 0 ? RC_MAX : RC_ERROR; /* whatever is not OK ends this line
                                                             of the FileSet, without a word */
            backup_end(job);
            return rc;
        default:
            return session_broken(&b->session, "a frame '%c' came where an entry was due",
                                  frame.status),
                   RC_ERROR;
        }
        if (rc != RC_SKIP)
            return rc;
    }
}

int backup_io(struct job *job, struct io_pkt *io)
{
    struct backup *b = job->backup;
    io->status = 0;
    if (io->func == IO_OPEN || io->func == IO_CLOSE)
        return RC_OK;
    if (job_cancelled(job)) /* also among the zeros of a hole, which need nothing of the backend */
        io->io_errno = ECANCELED;
    else if (io->func == IO_READ && b && !job->fatal) {
        int64_t n = b->holes.skipped && io->count > 0
                        ? content_extent(b, io->buf, (size_t)io->count, &io->offset)
                        : content_read(b, io->buf, (size_t)io->count);
        if (n > 0 || (n == 0 && b->error == 0)) {
            io->status = (int32_t)n;
            return RC_OK;
        }
        io->io_errno = n == 0 ? b->error : job_cancelled(job) ? ECANCELED : EIO;
    } else
        io->io_errno = EIO;
    io->status = -1;
    return RC_ERROR;
}

/* The content is on its way when its reading fails: a restore learns of it from the last record of
 * the file. */
static bool add_unread(struct backup *b)
{
    const uint16_t head[2] = { sizeof HPC_XATTR_UNREAD - 1, 0 };
    const uint32_t value_len = 4, value = (uint32_t)b->error;
    if (!text_room(&b->block, b->block_len + sizeof(struct hpc_xattr_head) +
                                  sizeof HPC_XATTR_UNREAD + value_len))
        return false;
    char *at = b->block.bytes + b->block_len;
    memcpy(at, head, 4);
    memcpy(at + 4, &value_len, 4);
    memcpy(at + sizeof(struct hpc_xattr_head), HPC_XATTR_UNREAD, head[0]);
    memcpy(at + sizeof(struct hpc_xattr_head) + head[0], &value, 4);
    b->block_len += sizeof(struct hpc_xattr_head) + head[0] + value_len;
    return true;
}

int backup_xattrs(struct job *job, struct xacl_pkt *pkt)
{
    struct backup *b = job->backup;
    pkt->count = 0;
    if (!b || b->block_given || b->estimate)
        return RC_OK;
    b->block_given = true;
    if (b->error && !add_unread(b))
        return job_say(job, SAY_FATAL, "out of memory"), RC_ERROR;
    pkt->content = b->block.bytes;
    pkt->count = (int32_t)b->block_len;
    b->block_len = 0;
    return RC_OK;
}

int backup_end_file(struct job *job)
{
    struct backup *b = job->backup;
    if (!b || job->fatal || job_cancelled(job))
        return RC_ERROR;
    if (b->leader) {
        int index = job_int(job, job->abi->var.file_index, 0);
        int rc = index > b->index_before ? links_put(&b->links, b->leader, index) : 0;
        if (rc != 0)
            job_say(job, SAY_ERROR,
                    "no room to remember a hard link: %s; its other names will not be saved",
                    strerror(-rc));
        b->leader = 0;
    }
    return RC_MORE; /* whether there is a next one, startBackupFile finds out */
}

void backup_end(struct job *job)
{
    struct backup *b = job->backup;
    if (!b)
        return;
    job->backup = NULL;
    job->index_before = job_int(job, job->abi->var.file_index, 0);
    if (b->session.job)
        session_close(&b->session);
    links_close(&b->links);
    paths_free(&b->paths);
    free(b->name.bytes);
    free(b->link.bytes);
    free(b->block.bytes);
    free(b->holes.map.bytes);
    free(b);
}
