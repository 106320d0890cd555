/* Directories: opening, listing in steps, and splitting what was listed among threads. */
#pragma once

struct item;
struct worker;

void dirs_run(struct worker *w, struct item *item);
/* An item that nobody worked on, because the scan was stopped. */
void dirs_drop(struct worker *w, struct item *item);
