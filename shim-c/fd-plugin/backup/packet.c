#include "packet.h"
#include "../job/stat_pack.h"
#include <errno.h>

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

bool packet_name_is_ours(struct backup *b, const void *name, size_t len)
{
    char text[512];
    if (paths_is_plain(name, len) && paths_hold(&b->paths, name, len))
        return true;
    session_broken(&b->session, "it named %s, which is not below a path of this job",
                   job_printable(text, sizeof text, name, len));
    return false;
}

bool packet_names_are_ours(struct backup *b, const struct hpc_entry *entry)
{
    return packet_name_is_ours(b, entry->name, entry->head.name_len) &&
           (!(entry->head.flags & HPC_ENTRY_LINK) ||
            packet_name_is_ours(b, entry->link, entry->head.link_len));
}

int packet_fill(struct backup *b, const struct abi *abi, void *pkt, const struct hpc_entry *entry)
{
    struct stat st;
    int type = file_type(&entry->head);
    const char *name = text_set(&b->name, entry->name, entry->head.name_len,
                                type == TYPE_DIRECTORY);
    /* Where nothing is linked to, the name stands in its place: with `strippath` the FD strips
     * both, and names only if both can be. */
    const char *link = entry->head.link_len == 0
                           ? name
                           : text_set(&b->link, entry->link, entry->head.link_len, false);
    if (!name || !link)
        return -ENOMEM;
    stat_pack_from_entry(&st, &entry->head);
    pkt_put_ptr(pkt, abi->save.fname, name);
    pkt_put_ptr(pkt, abi->save.link, link);
    pkt_put_stat(pkt, abi->save.statp, &st);
    pkt_put_i32(pkt, abi->save.type, type);
    pkt_put_bool(pkt, abi->save.no_read, !(entry->head.flags & HPC_ENTRY_HAS_DATA));
    b->holes.skipped = type == TYPE_REGULAR && holes_are_skipped(b->session.conf.holes, abi, entry);
    if (b->holes.skipped)
        pkt_put_u64(pkt, abi->save.flags, SAVE_OFFSETS);
    else if (type == TYPE_REGULAR &&
             (entry->head.hole_count > 0 || entry->head.blocks < entry->head.size / 512))
        pkt_put_u64(pkt, abi->save.flags, SAVE_SPARSE);
    return 0;
}
