#include "scan.h"

struct scan *scan_of(int64_t handle)
{
    struct scan *s = (struct scan *)(intptr_t)handle;

    return s && s->magic == SCAN_MAGIC ? s : NULL;
}

void scan_stop(struct scan *s)
{
    atomic_store(&s->stop, true);
    pthread_mutex_lock(&s->ring.lock);
    pthread_cond_broadcast(&s->ring.drained);
    pthread_cond_broadcast(&s->ring.filled);
    pthread_mutex_unlock(&s->ring.lock);
    pthread_mutex_lock(&s->idle_lock);
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->idle_lock);
}

void scan_fail(struct worker *w, int error)
{
    atomic_store(&w->scan->fatal, error);
    scan_stop(w->scan);
}
