/* What an entry is, and what is in it. */
#include "tree.h"

static void scan_unprivileged(const char *top)
{
    char path[4096];
    struct result r;

    CHECK(!setgid(65534) && !setuid(65534));
    r = scan((options){ .inline_bytes = 100, .flags = HPC_SCAN_READ_AHEAD }, top);
    snprintf(path, sizeof path, "%s/open/readable", top);
    CHECK(!strcmp(find(&r, path)->content,
                  "hello")); /* O_NOATIME is refused to us: read all the same */
    snprintf(path, sizeof path, "%s/open/secret", top);
    CHECK(find(&r, path)->error == EACCES && find(&r, path)->content_len == HPC_CONTENT_NONE);
    CHECK(r.stats.dirs_failed == 1 && r.stats.dirs_listed == 2 && r.stats.handed_out == 5);
    for (size_t i = 0; i < r.count; i++)
        if (r.at[i].type == HPC_REC_ERROR)
            CHECK(r.at[i].error == EACCES && r.at[i].op == HPC_OP_OPENDIR &&
                  strstr(r.at[i].path, "/closed"));
    drop(&r);
}

void test_unreadable(void)
{
    char *top = at("unreadable");

    make_dir(top);
    make_dir(at("unreadable/open"));
    make_dir(at("unreadable/closed"));
    make_file(at("unreadable/open/readable"), "hello");
    make_file(at("unreadable/open/secret"), "hidden");
    CHECK(!chmod(at("unreadable/open/secret"), 0600) && !chmod(at("unreadable/closed"), 0700));
    if (geteuid() == 0)
        in_child(scan_unprivileged, top);
    remove_tree(top);
}

void test_kinds_and_content(void)
{
    char *top = at("kinds"), *big = malloc(70000);
    struct result r;
    const struct seen *s;

    memset(big, 'b', 70000);
    big[65537] = 0;
    make_dir(top);
    make_file(at("kinds/empty"), "");
    make_file(at("kinds/small"), "content");
    make_file(at("kinds/over"), big);
    big[65536] = 0;
    make_file(at("kinds/full"), big);
    make_file(at("kinds/new\nline\xff"), "x");
    CHECK(!link(at("kinds/small"), at("kinds/second")));
    CHECK(!symlink("a target\n\xfe", at("kinds/link")));
    CHECK(!mkfifo(at("kinds/fifo"), 0600));
    r = scan((options){ .inline_bytes = 65536 }, top);
    CHECK(r.count == 9);
    s = find(&r, at("kinds/small"));
    CHECK(s->content_len == 7 && !strcmp(s->content, "content") && s->head.kind == HPC_REGULAR &&
          s->head.nlink == 2);
    CHECK(find(&r, at("kinds/second"))->head.ino == s->head.ino);
    CHECK(find(&r, at("kinds/empty"))->content_len == 0);
    CHECK(find(&r, at("kinds/full"))->content_len == 65536 &&
          !strcmp(find(&r, at("kinds/full"))->content, big));
    CHECK(find(&r, at("kinds/over"))->content_len == HPC_CONTENT_NONE &&
          find(&r, at("kinds/over"))->head.size == 65537);
    CHECK(find(&r, at("kinds/new\nline\xff"))->content_len == 1);
    CHECK(!strcmp(find(&r, at("kinds/link"))->link, "a target\n\xfe") &&
          find(&r, at("kinds/link"))->head.kind == HPC_SYMLINK);
    CHECK(find(&r, at("kinds/fifo"))->head.kind == HPC_FIFO &&
          find(&r, at("kinds/fifo"))->content_len == HPC_CONTENT_NONE);
    CHECK(find(&r, top)->head.kind == HPC_DIRECTORY && find(&r, top)->head.name_len == 0);
    CHECK(r.stats.content_bytes == 7 + 7 + 65536 + 1);
    drop(&r);
    r = scan((options){ .inline_bytes = 0 }, top);
    CHECK(r.count == 9 && r.stats.content_bytes == 0 &&
          find(&r, at("kinds/empty"))->content_len == HPC_CONTENT_NONE);
    drop(&r);
    remove_tree(top);
    free(big);
}

static size_t put_request(uint8_t *to, const char *path, uint32_t max)
{
    uint32_t head[2] = { (uint32_t)strlen(path), max };

    memcpy(to, head, sizeof head);
    memcpy(to + 8, path, head[0]);
    return 8 + ((head[0] + 7u) & ~7u);
}

void test_read_files(void)
{
    uint8_t requests[4096] = { 0 }, out[256];
    uint64_t used = 0;
    int32_t answer[2];
    size_t len = 0;

    make_dir(at("files"));
    make_file(at("files/a"), "hello");
    make_file(at("files/b"), "");
    len += put_request(requests + len, at("files/a"), 5);
    len += put_request(requests + len, at("files/a"), 4);
    len += put_request(requests + len, at("files"), 5);
    len += put_request(requests + len, at("files/none"), 5);
    len += put_request(requests + len, at("files/b"), 5);
    CHECK(hpc_read_files(requests, (int64_t)len, out, sizeof out, (uint8_t *)&used) == 5 &&
          used == 48);
    static const int32_t want[5][2] = {
        { 0, 5 }, { EFBIG, 0 }, { EINVAL, 0 }, { ENOENT, 0 }, { 0, 0 }
    };
    for (size_t i = 0, pos = 0; i < 5; i++) {
        memcpy(answer, out + pos, sizeof answer);
        CHECK(answer[0] == want[i][0] && answer[1] == want[i][1], "answer %zu: %d", i, answer[0]);
        pos += 8 + (((size_t)answer[1] + 7) & ~(size_t)7);
    }
    CHECK(!memcmp(out + 8, "hello\0\0\0", 8));
    CHECK(hpc_read_files(requests, (int64_t)len, out, 12, (uint8_t *)&used) == 0 &&
          used == 0); /* no room for five bytes */
    CHECK(hpc_read_files(requests, (int64_t)len, out, 16, (uint8_t *)&used) == 1 && used == 16);
    CHECK(hpc_read_files(requests, (int64_t)len, out, 13, (uint8_t *)&used) == 1 &&
          used == 13); /* 8 + max suffice, without padding */
    CHECK(hpc_read_files(requests, 20, out, sizeof out, (uint8_t *)&used) == -EINVAL);
    CHECK(hpc_open((const uint8_t *)"/etc\0x", 6, O_RDONLY) == -EINVAL);
    CHECK(hpc_open((const uint8_t *)"/nonexistent", 12, O_RDONLY) == -ENOENT);
    remove_tree(at("files"));
}
