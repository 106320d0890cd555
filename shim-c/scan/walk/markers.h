/* Markers: files in a directory that say that what is in it need not be kept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int markers_new(char ***out, const uint8_t *at, const uint8_t *end, uint32_t count);
void markers_free(char **markers);
bool markers_found(char *const *markers, int dirfd);
