/*
 * hpc/1 as a backend speaks it, for a fake one: frames out, frames in, and the accounting of what
 * went out. What the plugin says is checked as strictly as the protocol page does; what is wrong is
 * reported in an A message, which the tests then see.
 */
#ifndef HPC_TEST_PROTOCOL_H
#define HPC_TEST_PROTOCOL_H

#include "../../wire/hpc_frame.h"
#include <stdbool.h>

#define MAX_PAYLOAD 1000000

/* The frame that came last; a command is terminated, without its newline. */
extern char payload[MAX_PAYLOAD];
extern uint32_t payload_len;
/* What the blocks Job and Params said. */
extern struct job {
    char scene[64], level[8], since[32], type[8];
    uint64_t file_count;
    bool accurate;
} job;
extern struct hpc_accounting sums;

void put(const void *bytes, size_t len);
void frame(char status, const void *bytes, size_t len);
/* A frame of one line. */
void text(char status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void abort_job(const char *why);
/* Waits for a frame; its status. */
char next(void);
/* The next frame must be this command. */
void expect(const char *command);
/* A block of key=value up to F, which is answered. */
void block(const char *name);

/* The payload of an M frame, into out; its length. */
size_t record(uint8_t *out, int kind, unsigned flags, const char *name, size_t name_len,
              const char *link, uint64_t size, uint64_t group, int64_t mtime);
/* An M frame, counted. */
void entry(int kind, unsigned flags, const char *name, const char *link, uint64_t size,
           uint64_t group);
void end_of_data(uint64_t bytes, int error);
/* A whole file: size bytes in frames of at most `step`, each behind three empty ones, as large
 * files come; byte i is i * 7 + 3. */
void file(const char *name, uint64_t size, size_t step, unsigned flags, uint64_t group);
/* A B frame of one attribute. */
void block_frame(const char *name, const char *value);
/* The accounting, with so much added to what is true. */
void accounting(int64_t lie_emitted, int64_t lie_scanned);
/* The accounting, and the end of the job as it should be. */
void finish(void);
/* A frame into memory; its length. */
size_t append(uint8_t *out, char status, const void *bytes, size_t len);

#endif
