/*
 * Readahead of the next small files, once reads are seen to wait for a disk: a scan of a local
 * filesystem has few threads, and a disk answers several questions in the time of one. Behind a
 * network threads are many instead, because there each open asks a server.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Around the read of a small file. */
int64_t ahead_begin(struct worker *w);
void ahead_end(struct worker *w, int64_t begin, uint64_t size);
/* For one that will be read soon; false: it cannot be opened. */
bool ahead_ask(struct worker *w, int dirfd, const char *name);
