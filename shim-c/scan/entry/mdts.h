/*
 * On which metadata targets (MDTs) of Lustre the names of a directory lie. The descriptor that is
 * listed is asked, so that no other directory can answer in its place; where the answer cannot be
 * had it is simply not known. Each is a request to a server, which may never come back.
 */
#pragma once

struct node;
struct worker;

/* Before its listing, whose buffer it uses. */
void mdts_ask(struct worker *w, struct node *dir, int fd);
