/* The header of a frame: docs/ptcomm.md. */
#ifndef HPC_FRAME_HEADER_H
#define HPC_FRAME_HEADER_H

#include <stdint.h>

#define FRAME_HEADER 8
#define MAX_PAYLOAD  999999u

/* Returns where the payload goes. */
static inline uint8_t *put_header(uint8_t *to, char status, uint32_t length)
{
    to[0] = (uint8_t)status;
    for (int digit = 6; digit > 0; digit--, length /= 10)
        to[digit] = (uint8_t)('0' + length % 10);
    to[7] = '\n';
    return to + FRAME_HEADER;
}

#endif
