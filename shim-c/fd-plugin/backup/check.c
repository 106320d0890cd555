#include "check.h"
#include "packet.h"
#include <errno.h>

/* Asks the FD about one entry: true when it must be sent. What is unchanged is marked as seen, or
 * it would count as deleted. */
static int wanted(struct job *job, struct backup *b, const struct hpc_entry *entry)
{
    const struct abi *abi = job->abi;
    _Alignas(8) char pkt[ABI_SAVE_MAX] = { 0 };
    pkt_put_i32(pkt, 0, (int32_t)abi->save.size);
    pkt_put_i32(pkt, abi->save.end, (int32_t)abi->save.size);
    pkt_put_bool(pkt, abi->save.portable, true);
    if (packet_fill(b, abi, pkt, entry) != 0)
        return -ENOMEM;
    if (job->fd->check_changes(job->ctx, pkt) != RC_SEEN)
        return 1;
    job->fd->set_value(job->ctx, abi->var.file_seen, b->name.bytes);
    return 0;
}

int check_batch(struct job *job, struct backup *b, const struct hpc_frame *frame)
{
    struct hpc_check check;
    struct hpc_entry entry;
    uint8_t bits[HPC_CHECK_ENTRIES / 8] = { 0 }, answer[HPC_FRAME_HEADER + HPC_CHECK_ANSWER_MAX];
    int rc = hpc_check_begin(frame->payload, frame->len, &check);
    uint32_t batch = check.batch, count = check.count;
    for (uint32_t i = 0; rc >= 0 && (rc = hpc_check_next(&check, &entry)) > 0; i++) {
        if (job_cancelled(job) || !packet_names_are_ours(b, &entry))
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
