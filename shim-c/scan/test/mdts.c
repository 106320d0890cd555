/* MDTs of directories. The linker leads ioctl(2) here: a directory's mode bits tell where it lies,
 * 7 = striped over 0 and 3, 6 = nobody knows. */
#include "tree.h"

#include <linux/fs.h>
#include <stdatomic.h>
#include <sys/syscall.h>

int __wrap_ioctl(int fd, unsigned long request, void *argument);

static _Atomic ino_t exchanged_when_asked;
static atomic_uint asked;

static unsigned low(int fd)
{
    struct stat st;

    CHECK(!fstat(fd, &st) && S_ISDIR(st.st_mode));
    if (st.st_ino == exchanged_when_asked) {
        exchanged_when_asked = 0;
        CHECK(!syscall(SYS_renameat2, AT_FDCWD, at("mdts/mine"), AT_FDCWD, at("other"),
                       2u /* RENAME_EXCHANGE */));
    }
    return st.st_mode & 7;
}

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
    uint32_t *words = argument;

    if (no_birth && request == FS_IOC_GETVERSION)
        return tell_generation(argument);
    if ((uint32_t)request != 0xc03066f1u && (uint32_t)request != 0x800466afu)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    asked++;
    errno = ENODATA;
    if ((uint32_t)request == 0x800466afu) {
        *words = low(fd);
        return *words == 6 ? -1 : 0;
    }
    CHECK(words[0] == 0x0cd20cd0u && words[1] == 2000);
    if (low(fd) != 7)
        return -1;
    words[1] = 2;
    words[12 + 5] = 0;
    words[18 + 5] = 3;
    return 0;
}

static char *make_on(const char *name, mode_t mdt)
{
    char *path = at(name), file[160];

    make_dir(path);
    CHECK(!chmod(path, 0700 | mdt));
    snprintf(file, sizeof file, "%s/file", path);
    make_file(file, "x");
    return path;
}

static void check_tree(const char *top)
{
    struct result r = scan((options){ .flags = HPC_SCAN_MDTS, .inline_bytes = 10 }, top);

    CHECK(r.count == 10 && r.stats.dirs_listed == 5);
    CHECK(find(&r, top)->mdt_count == 1 &&
          find(&r, top)->mdts[0] == 5); /* a root's own entry, too */
    CHECK(find(&r, at("mdts/file"))->mdts[0] == 5 && find(&r, at("mdts/two"))->mdts[0] == 5);
    CHECK(find(&r, at("mdts/two/file"))->mdt_count == 1 &&
          find(&r, at("mdts/two/file"))->mdts[0] == 2);
    CHECK(find(&r, at("mdts/two/zero/file"))->mdt_count == 1 &&
          find(&r, at("mdts/two/zero/file"))->mdts[0] == 0);
    CHECK(find(&r, at("mdts/striped/file"))->mdt_count == 2 &&
          find(&r, at("mdts/striped/file"))->mdts[0] == 0);
    CHECK(find(&r, at("mdts/striped/file"))->mdts[1] == 3);
    CHECK(find(&r, at("mdts/unknown/file"))->mdt_count == 0);
    drop(&r);
}

static void few_descriptors(const char *top)
{
    struct rlimit few = { 40, 40 };

    CHECK(!setrlimit(RLIMIT_NOFILE, &few));
    check_tree(top);
}

void test_mdts(void)
{
    char *top = make_on("mdts", 5);
    struct result r;

    make_on("mdts/two", 2);
    make_on("mdts/two/zero", 0);
    make_on("mdts/striped", 7);
    make_on("mdts/unknown", 6);
    check_tree(top);
    in_child(few_descriptors, top);

    asked = 0;
    r = scan((options){ 0 }, top);
    CHECK(asked == 0 && r.count == 10 && find(&r, at("mdts/two/file"))->mdt_count == 0);
    drop(&r);
    r = scan((options){ .flags = HPC_SCAN_MDTS }, at("mdts/file")); /* a root that is none */
    CHECK(asked == 0 && r.count == 1 && r.at[0].mdt_count == 0);
    drop(&r);
    remove_tree(top);
}

/* While a directory is asked, another one takes its name: the names and the answer are those of the
 * one that is listed. */
void test_mdts_exchanged(void)
{
    char *top = make_on("mdts", 5);
    struct result r;
    struct stat st;

    make_on("mdts/mine", 2);
    make_file(at("mdts/mine/of-mine"), "");
    make_on("other", 4);
    CHECK(!stat(at("mdts/mine"), &st));
    exchanged_when_asked = st.st_ino;
    r = scan((options){ .flags = HPC_SCAN_MDTS }, top);
    CHECK(exchanged_when_asked == 0);
    CHECK(find(&r, at("mdts/mine/of-mine"))->mdt_count == 1 &&
          find(&r, at("mdts/mine/of-mine"))->mdts[0] == 2);
    drop(&r);
    remove_tree(top);
    remove_tree(at("other"));
}
