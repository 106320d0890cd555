/* Records, written one behind the other into the block of the thread that found the entry. */
#pragma once

#include "../hpc_scan.h"

#include <stddef.h>
#include <stdint.h>

struct node;
struct worker;

/* Room for a record of up to max_len bytes in directory dir; NULL: out of memory. */
uint8_t *record_begin(struct worker *w, struct node *dir, size_t max_len);
/* It took len bytes, a multiple of 8. */
void record_end(struct worker *w, size_t len);
/* An entry, or a directory, that could not be read. */
void record_error(struct worker *w, struct node *dir, int error, enum hpc_scan_op op,
                  const char *name, size_t name_len);
