#include "backup.h"
#include "lines.h"
#include "links.h"
#include "paths.h"
#include "session.h"
#include "stat_pack.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    char *bytes;
    size_t cap;
};

/* The hole map of the entry in progress, walked as its content is read. */
struct holes {
    struct text map; /* pairs of u64: offset, length */
    uint32_t count, at;
    uint64_t offset; /* of the next byte of content */
    uint64_t size;   /* of the file, holes included */
    bool skipped;    /* the FD gets only the rest, with its offsets */
};

struct backup {
    struct session session;
    struct links links;
    struct paths paths; /* of this line: whatever is not below one of them is refused */
    bool estimate;
    bool data;              /* the current entry's data has not been seen to its end (Z) */
    uint64_t bytes;         /* of data that came for the current entry */
    int error;              /* errno of its Z */
    uint64_t leader;        /* link group whose leader the current entry is, 0: none */
    int index_before;       /* FileIndex before that leader was offered */
    struct text name, link; /* what the packet points to; the FD copies them right away */
    struct text block;      /* xattr block of the current entry; the FD uses it in place */
    size_t block_len;       /* 0: none, or it has been given */
    bool block_given;       /* of the current entry */
    struct holes holes;
    uint64_t received, blocks, lone_links, unread, deleted;
    bool counted;
    struct hpc_accounting sums;
};

static bool make_room(struct text *text, size_t len)
{
    if (len + 2 <= text->cap)
        return true;
    char *grown = realloc(text->bytes, (len + 2) * 2);
    if (grown)
        *text = (struct text){ .bytes = grown, .cap = (len + 2) * 2 };
    return grown != NULL;
}

static const char *set_text(struct text *text, const uint8_t *bytes, size_t len, bool slash)
{
    if (!make_room(text, len))
        return NULL;
    memcpy(text->bytes, bytes, len);
    if (slash && (len == 0 || bytes[len - 1] != '/'))
        text->bytes[len++] = '/';
    text->bytes[len] = 0;
    return text->bytes;
}

static int file_type(const struct hpc_entry_head *head)
{
    if (head->flags & HPC_ENTRY_LINK)
        return TYPE_HARDLINK;
    switch (head->kind) {
    case HPC_REGULAR:
        return head->size == 0 && !(head->flags & HPC_ENTRY_HAS_DATA) ? TYPE_EMPTY : TYPE_REGULAR;
    case HPC_DIRECTORY: return TYPE_DIRECTORY;
    case HPC_SYMLINK: return TYPE_SYMLINK;
    default: return TYPE_SPECIAL;
    }
}

/* Nothing that the backend says gets a name into the catalog, or marks one as seen, that this line
 * did not ask for. */
static bool is_ours(struct backup *b, const void *name, size_t len)
{
    char text[512];
    if (paths_is_plain(name, len) && paths_hold(&b->paths, name, len))
        return true;
    session_broken(&b->session, "it named %s, which is not below a path of this job",
                   job_printable(text, sizeof text, name, len));
    return false;
}

static bool names_are_ours(struct backup *b, const struct hpc_entry *entry)
{
    return is_ours(b, entry->name, entry->head.name_len) &&
           (!(entry->head.flags & HPC_ENTRY_LINK) || is_ours(b, entry->link, entry->head.link_len));
}

/* A user of the tree can make a file of 2^63 bytes of nothing: where the FD takes offsets, its
 * zeros are nobody's work. */
static bool skips_holes(const struct backup *b, const struct abi *abi,
                        const struct hpc_entry *entry)
{
    enum conf_holes holes = b->session.conf.holes;
    uint64_t bytes = 0, hole[2];
    for (uint32_t i = 0; i < entry->head.hole_count; i++) {
        memcpy(hole, entry->holes + 16 * (size_t)i, sizeof hole);
        bytes += hole[1];
    }
    return bytes >= HOLES_LARGE &&
           (holes == HOLES_BY_RELEASE ? abi->encrypts_offsets : holes == HOLES_SKIP);
}

/* A directory's catalog name ends in '/', and is taken from `link` when it is saved, from `fname`
 * when it is marked as seen. */
static int fill_packet(struct backup *b, const struct abi *abi, void *pkt,
                       const struct hpc_entry *entry)
{
    struct stat st;
    int type = file_type(&entry->head);
    const char *name = set_text(&b->name, entry->name, entry->head.name_len,
                                type == TYPE_DIRECTORY);
    /* Where nothing is linked to, the name stands in its place: with `strippath` the FD strips
     * both, and names only if both can be. */
    const char *link = entry->head.link_len == 0
                           ? name
                           : set_text(&b->link, entry->link, entry->head.link_len, false);
    if (!name || !link)
        return -ENOMEM;
    stat_pack_from_entry(&st, &entry->head);
    pkt_put_ptr(pkt, abi->save.fname, name);
    pkt_put_ptr(pkt, abi->save.link, link);
    pkt_put_stat(pkt, abi->save.statp, &st);
    pkt_put_i32(pkt, abi->save.type, type);
    pkt_put_bool(pkt, abi->save.no_read, !(entry->head.flags & HPC_ENTRY_HAS_DATA));
    b->holes.skipped = type == TYPE_REGULAR && skips_holes(b, abi, entry);
    if (b->holes.skipped)
        pkt_put_u64(pkt, abi->save.flags, SAVE_OFFSETS);
    else if (type == TYPE_REGULAR &&
             (entry->head.hole_count > 0 || entry->head.blocks < entry->head.size / 512))
        pkt_put_u64(pkt, abi->save.flags, SAVE_SPARSE);
    return 0;
}

/* Keeps the hole map, as the record's buffer goes with the next frame. */
static int set_holes(struct holes *h, const struct hpc_entry *entry)
{
    size_t len = 16 * (size_t)entry->head.hole_count;
    h->count = entry->head.hole_count;
    h->at = 0;
    h->offset = 0;
    h->size = entry->head.size;
    if (!make_room(&h->map, len))
        return -ENOMEM;
    memcpy(h->map.bytes, entry->holes, len);
    return 0;
}

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
    if (!make_room(&b->block, frame.len)) {
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
    if (!names_are_ours(b, entry))
        return RC_ERROR;
    if (b->data && (b->estimate || head->kind != HPC_REGULAR || head->flags & HPC_ENTRY_LINK))
        return session_broken(&b->session, "it announced data for %s, which can have none",
                              job_printable(name, sizeof name, entry->name, head->name_len)),
               RC_ERROR;
    if (fill_packet(b, job->abi, pkt, entry) != 0 || set_holes(&b->holes, entry) != 0) {
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
    if (!is_ours(b, frame->payload, frame->len))
        return RC_ERROR;
    const char *name = set_text(&b->name, frame->payload, frame->len, false);
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

/* Asks the FD about one entry: true when it must be sent. What is unchanged is marked as seen, or
 * it would count as deleted. */
static int wanted(struct job *job, struct backup *b, const struct hpc_entry *entry)
{
    const struct abi *abi = job->abi;
    _Alignas(8) char pkt[ABI_SAVE_MAX] = { 0 };
    pkt_put_i32(pkt, 0, (int32_t)abi->save.size);
    pkt_put_i32(pkt, abi->save.end, (int32_t)abi->save.size);
    pkt_put_bool(pkt, abi->save.portable, true);
    if (fill_packet(b, abi, pkt, entry) != 0)
        return -ENOMEM;
    if (job->fd->check_changes(job->ctx, pkt) != RC_SEEN)
        return 1;
    job->fd->set_value(job->ctx, abi->var.file_seen, b->name.bytes);
    return 0;
}

static int check_batch(struct job *job, struct backup *b, const struct hpc_frame *frame)
{
    struct hpc_check check;
    struct hpc_entry entry;
    uint8_t bits[HPC_CHECK_ENTRIES / 8] = { 0 }, answer[HPC_FRAME_HEADER + HPC_CHECK_ANSWER_MAX];
    int rc = hpc_check_begin(frame->payload, frame->len, &check);
    uint32_t batch = check.batch, count = check.count;
    for (uint32_t i = 0; rc >= 0 && (rc = hpc_check_next(&check, &entry)) > 0; i++) {
        if (job_cancelled(job) || !names_are_ours(b, &entry))
            return -1;
        int want = wanted(job, b, &entry);
        if (want < 0)
            return job_say(job, SAY_FATAL, "out of memory"), -1;
        bits[i / 8] |= (uint8_t)(want << i % 8);
    }
    if (rc < 0)
        return session_broken(&b->session, "its CHECK batch does not add up");
    int len = hpc_check_answer(answer + HPC_FRAME_HEADER, HPC_CHECK_ANSWER_MAX, batch, count, bits);
    if (len < 0)
        return session_broken(&b->session, "its CHECK batch has %u entries", count);
    hpc_frame_header(answer, 'K', (uint32_t)len);
    return session_send(&b->session, answer, HPC_FRAME_HEADER + (size_t)len);
}

/* Takes the end of an entry's data: everything that was announced must have come. */
static int end_data(struct backup *b, const struct hpc_frame *frame)
{
    struct hpc_data_end end;
    if (frame->status != 'Z' || hpc_data_end_decode(frame->payload, frame->len, &end) != 0)
        return session_broken(&b->session, "a frame '%c' came within the data of %s", frame->status,
                              b->name.bytes);
    b->data = false;
    b->error = end.error;
    b->unread += end.error != 0;
    if (end.bytes != b->bytes)
        return session_broken(&b->session, "%s: %llu bytes of data came, %llu were sent",
                              b->name.bytes, (unsigned long long)b->bytes,
                              (unsigned long long)end.bytes);
    return 0;
}

/* Up to cap bytes of what the backend sends for the current entry, 0 at its end; less than cap only
 * at its end. */
static int64_t read_data(struct backup *b, char *out, size_t cap)
{
    struct hpc_frame frame;
    size_t filled = 0;
    while (filled < cap) {
        int n = session_data(&b->session, out ? out + filled : NULL, cap - filled);
        if (n < 0)
            return -1;
        filled += (size_t)n;
        b->bytes += (size_t)n;
        if (n > 0)
            continue;
        if (!b->data)
            break;
        if (session_next(&b->session, &frame) != 0 ||
            (frame.status != 'D' && end_data(b, &frame) != 0))
            return -1;
    }
    return (int64_t)filled;
}

/* How far the hole that begins at the next byte reaches, or (negative) how far it is to the next
 * hole; INT64_MIN: there is none. */
static int64_t next_hole(struct holes *h)
{
    while (h->at < h->count) {
        uint64_t hole[2];
        memcpy(hole, h->map.bytes + 16 * (size_t)h->at, sizeof hole);
        if (h->offset < hole[0])
            return -(int64_t)(hole[0] - h->offset);
        if (h->offset < hole[0] + hole[1])
            return (int64_t)(hole[0] + hole[1] - h->offset);
        h->at++;
    }
    return INT64_MIN;
}

/*
 * The current entry's content: what the backend sends, with zeros where the hole map has holes.
 * Less than cap only at its end, because the FD takes a short block of zeros for the last one of a
 * sparse file.
 */
static int64_t read_content(struct backup *b, char *out, size_t cap)
{
    struct holes *h = &b->holes;
    size_t filled = 0;
    while (filled < cap) {
        int64_t hole = next_hole(h);
        size_t run = cap - filled;
        if (hole != INT64_MIN && (uint64_t)llabs(hole) < run)
            run = (size_t)llabs(hole);
        int64_t n = (int64_t)run;
        if (hole > 0)
            memset(out + filled, 0, run);
        else
            n = b->data || b->session.stream.data_left ? read_data(b, out + filled, run) : 0;
        if (n < 0)
            return -1;
        filled += (size_t)n;
        h->offset += (uint64_t)n;
        if (n < (int64_t)run) /* it became shorter than its hole map: the holes that are left would
                                 be inventions */
            break;
    }
    return (int64_t)filled;
}

/* As read_content(), but holes are passed over: what comes belongs at *offset. A hole at the end
 * leaves one zero, which says how long the file is. */
static int64_t read_extent(struct backup *b, char *out, size_t cap, int64_t *offset)
{
    struct holes *h = &b->holes;
    int64_t hole;
    while ((hole = next_hole(h)) > 0) {
        h->offset += (uint64_t)hole;
        if (h->offset < h->size)
            continue;
        *offset = (int64_t)h->offset - 1;
        *out = 0;
        return 1;
    }
    if (hole != INT64_MIN && (uint64_t)-hole < cap)
        cap = (size_t)-hole;
    *offset = (int64_t)h->offset;
    int64_t n = b->data || b->session.stream.data_left ? read_data(b, out, cap) : 0;
    h->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}

static int finish(struct job *job, struct backup *b)
{
    const uint64_t *n = b->sums.n;
    if (!b->counted)
        return session_broken(&b->session, "it ended without its accounting");
    if (n[HPC_N_EMITTED] != b->received)
        return session_broken(&b->session, "%llu entries came, it sent %llu",
                              (unsigned long long)b->received,
                              (unsigned long long)n[HPC_N_EMITTED]);
    if (n[HPC_N_XATTRS] != b->blocks)
        return session_broken(&b->session,
                              "extended attributes of %llu entries came, it sent those of %llu",
                              (unsigned long long)b->blocks, (unsigned long long)n[HPC_N_XATTRS]);
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
            (unsigned long long)b->unread, (unsigned long long)n[HPC_N_UNLISTED],
            (unsigned long long)n[HPC_N_PRUNED], (unsigned long long)n[HPC_N_XATTRS],
            (unsigned long long)n[HPC_N_XATTRS_FAILED], (unsigned long long)n[HPC_N_HOLE_BYTES],
            (unsigned long long)n[HPC_N_CHANGED], (unsigned long long)n[HPC_N_TORN]);
    /* M_NOTSAVED alone does not count as an error with the Director: the job would end as if
     * nothing were missing. */
    if (n[HPC_N_FAILED] > 0 || n[HPC_N_UNLISTED] > 0)
        job_say(job, SAY_ERROR,
                "%llu entries were not saved and %llu directories not listed in full; the messages "
                "above name them",
                (unsigned long long)n[HPC_N_FAILED], (unsigned long long)n[HPC_N_UNLISTED]);
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

/* Remembers a Plugin line, and in job->clash that it saves what another one saves. false: the job
 * failed. */
static bool add_line(struct job *job, const char *text, const struct hpc_params *params)
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

static bool lines_are_good(struct job *job)
{
    if (job->clash)
        job_say(job, SAY_FATAL, "%s", job->clash);
    return !job->fatal;
}

void backup_announce(struct job *job, const char *plugin_string)
{
    struct hpc_params params;
    char error[512];
    job->announced = true;
    if (hpc_params_parse((const uint8_t *)plugin_string, strlen(plugin_string), &params, error,
                         sizeof error) != 0)
        return; /* is said when the line's turn comes */
    add_line(job, plugin_string, &params);
    hpc_params_free(&params);
}

void backup_job_starts(struct job *job)
{
    if (!lines_are_good(job))
        return;
    job->index_before = job_int(job, job->abi->var.file_index, 0);
    if (job->index_before > 0)
        job_say(job, SAY_WARNING,
                "this job was incomplete and goes on behind its file %d; the plugin cannot know "
                "which names those are, starts over, and saves everything "
                "again. Remedy: start a new job, and no `restart`",
                job->index_before);
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
    else if ((job->announced || add_line(job, plugin_string, &params)) && lines_are_good(job)) {
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
            if (read_data(b, NULL, STREAM_BUFFER) < 0)
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
            rc = finish(job, b) == 0 ? RC_MAX : RC_ERROR; /* whatever is not OK ends this line of
                                                             the FileSet, without a word */
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
                        ? read_extent(b, io->buf, (size_t)io->count, &io->offset)
                        : read_content(b, io->buf, (size_t)io->count);
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
    if (!make_room(&b->block, b->block_len + HPC_XATTR_HEAD + sizeof HPC_XATTR_UNREAD + value_len))
        return false;
    char *at = b->block.bytes + b->block_len;
    memcpy(at, head, 4);
    memcpy(at + 4, &value_len, 4);
    memcpy(at + HPC_XATTR_HEAD, HPC_XATTR_UNREAD, head[0]);
    memcpy(at + HPC_XATTR_HEAD + head[0], &value, 4);
    b->block_len += HPC_XATTR_HEAD + head[0] + value_len;
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
