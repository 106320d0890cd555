/* The digests of archives. */
#ifndef HPC_DIGEST_H
#define HPC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* xxh3_64, seed 0, of len bytes. */
uint64_t hpc_xxh3(const uint8_t *p, size_t len);

#endif
