#include "hpc_xattr.h"

/*
 * The first line that fits; a name that ends in '.' or '_' is a prefix; what fits none is refused.
 * The trusted names that are refused are Lustre's own records (layout, FID, links, sizes, HSM
 * state, data version) and overlayfs's: true for the file that was saved, written back they would
 * make another file of it, or a broken one. What is dropped is what a metadata server of Lustre
 * notes for itself (user.job: which job made the file); earlier releases saved it. What lustre,
 * ceph, btrfs, gpfs, afs and cifs list are views of such records, and settings of a server.
 */
static const struct {
    const char *name;
    enum hpc_xattr_rule rule;
} rules[] = {
    { "user.job", HPC_XATTR_DROP },           { "user.", HPC_XATTR_KEEP },
    { "security.", HPC_XATTR_KEEP },          { "system.posix_acl_", HPC_XATTR_KEEP },
    { "system.nfs4_acl", HPC_XATTR_KEEP },    { "system.richacl", HPC_XATTR_KEEP },
    { "trusted.lov", HPC_XATTR_REFUSE },      { "trusted.lmv", HPC_XATTR_REFUSE },
    { "trusted.lma", HPC_XATTR_REFUSE },      { "trusted.link", HPC_XATTR_REFUSE },
    { "trusted.fid", HPC_XATTR_REFUSE },      { "trusted.som", HPC_XATTR_REFUSE },
    { "trusted.hsm", HPC_XATTR_REFUSE },      { "trusted.version", HPC_XATTR_REFUSE },
    { "trusted.dmv", HPC_XATTR_REFUSE },      { "trusted.dummy", HPC_XATTR_REFUSE },
    { "trusted.dataver", HPC_XATTR_DROP },    { "trusted.lfsck_bitmap", HPC_XATTR_DROP },
    { "trusted.projid", HPC_XATTR_DROP },     { "trusted.pin", HPC_XATTR_DROP },
    { "trusted.overlay.", HPC_XATTR_REFUSE }, { "trusted.", HPC_XATTR_KEEP },
};

enum hpc_xattr_rule hpc_xattr_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        size_t len = strlen(rules[i].name);
        char last = rules[i].name[len - 1];
        int prefix = last == '.' || last == '_';

        if (!strncmp(name, rules[i].name, len) && (prefix ? name[len] != 0 : name[len] == 0))
            return rules[i].rule;
    }
    return HPC_XATTR_REFUSE;
}
