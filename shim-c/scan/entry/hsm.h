/*
 * Files of Lustre whose data HSM has moved to its archive. Reading one, or asking for its holes,
 * brings it back, and where no copytool runs nothing ends that wait, SIGKILL included. Its layout
 * tells, and costs no request once it was opened.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statx;

/* lov: as the attribute lustre.lov has it. */
bool hsm_layout_is_released(const uint8_t *lov, size_t len);
/* fd must not be read, nor asked for holes. */
bool hsm_left_in_archive(int fd, const struct statx *st);
