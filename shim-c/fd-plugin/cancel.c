#include "cancel.h"
#include "backend/child.h"
#include "restore_job.h"
#include <unistd.h>

void cancel_request(struct job *job)
{
    /* First the flag, then the wake-up: a thread that creates the eventfd in between sees the flag
     * before it waits. */
    atomic_store(&job->cancel.requested, true);
    int fd = atomic_load(&job->cancel.wake);
    if (fd >= 0) {
        ssize_t ignored = write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        (void)ignored; /* it can only be full, and then it wakes as well */
    }
    pthread_mutex_lock(&job->cancel.lock);
    if (job->cancel.child)
        child_terminate(job->cancel.child);
    if (job->cancel.restore)
        restore_job_cancel(job->cancel.restore);
    pthread_mutex_unlock(&job->cancel.lock);
}
