/* Files whose data lies in the archive, where no copytool runs. */
#include "faults.h"
#include "lustre.h"

#include <errno.h>
#include <stdatomic.h>

static atomic_uint recalls;

bool hsm_released(const char *path)
{
    char value[8];

    return lab_get(path, "released", value, sizeof value) >= 0;
}

int hsm_recall(const char *path)
{
    (void)path;
    atomic_fetch_add(&recalls, 1);
    faults_hang();
    return -EIO;
}

unsigned hsm_recalls(void)
{
    return atomic_load(&recalls);
}
