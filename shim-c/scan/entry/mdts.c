#include "mdts.h"
#include "../core/backoff.h"
#include "../core/node.h"
#include "../core/scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LMV_GETSTRIPE \
    0xc03066f1u                /* its argument: a head and stripes, as the constants below say \
                                */
#define GET_MDTIDX 0x800466afu /* int */
#define REAL_STRIPES \
    0x0cd20cd0u /* word 0 of the head; word 1 is how many there is room for, and then are */
#define HEAD_WORDS    12u
#define STRIPE_WORDS  6u
#define MDT_WORD      5u /* of a stripe */
#define STRIPES_BYTES ((HEAD_WORDS + STRIPE_WORDS * MDT_STRIPES_MAX) * 4u)

_Static_assert(STRIPES_BYTES <= DIRENT_BYTES, "the answer fits the buffer of a listing");

static void know(struct node *dir, uint32_t count, const uint32_t *first, size_t step)
{
    struct mdts *m = count ? malloc(sizeof *m + count * sizeof m->at[0]) : NULL;

    free(dir->mdts);
    dir->mdts = m;
    if (!m)
        return;
    m->count = count;
    for (uint32_t i = 0; i < count; i++)
        m->at[i] = first[i * step];
}

static void ask(struct worker *w, struct node *dir, int fd)
{
    uint32_t *words = (uint32_t *)(void *)w->dirents; /* no listing has begun */
    uint32_t mdt = 0;

    memset(words, 0, STRIPES_BYTES);
    words[0] = REAL_STRIPES;
    words[1] = MDT_STRIPES_MAX;
    if (!ioctl(fd, LMV_GETSTRIPE, words))
        know(dir, words[1] < MDT_STRIPES_MAX ? words[1] : MDT_STRIPES_MAX,
             words + HEAD_WORDS + MDT_WORD, STRIPE_WORDS);
    else /* most are not striped: no data */
        know(dir, !ioctl(fd, GET_MDTIDX, &mdt), &mdt, 1);
}

void mdts_ask(struct worker *w, struct node *dir, int fd)
{
    int64_t begin = backoff_begin(w);

    ask(w, dir, fd);
    backoff_end(w, begin);
    if (w->block && w->block->dir_id == dir->id)
        w->block->dir_id = 0; /* a root's record has what was known before it was listed */
}
