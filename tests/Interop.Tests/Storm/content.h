/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that tell what they hold, and the ways to change and to run them. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONTENT_MARK "ImaHost content"
/* Ids with one of these bits are of contents that must never run. */
#define CONTENT_CHANGED (1ull << 63) /* a labelled one, modified in place */
#define CONTENT_FOREIGN (1ull << 62) /* never labelled, or wrongly */
/* How such a content ends when it ran. */
#define CONTENT_UNTRUSTED 3
/* Descriptors that a program inherits. */
#define CONTENT_TRACE 3 /* each run is written here, appended */
#define CONTENT_LIST 4	/* the measurement list as it is stored */

/* Stands once in each program; one aligned store makes another of it. */
struct content {
	char mark[16];
	uint64_t id;
};

struct content_run {
	uint64_t id;
	uint64_t listed; /* bytes of the list when the program ran */
};

/* Each ends the process with a message when it cannot do its work. */

/* Makes the descriptors above of these files. */
void content_inherit(const char *trace, const char *list);
/* Where the id is in the file at @path. */
long content_find(const char *path);
/* Writes a copy of the program @from that holds @id. */
void content_make(const char *from, const char *to, uint64_t id);
/* Changes the id without reading, which nobody has to be asked for. */
void content_write(const char *path, long at, uint64_t id);

/*
 * Changes the id through a shared mapping of @fd, which this closes: when it
 * returns nothing of the writer is left.
 */
void content_store(int fd, long at, uint64_t id);

/* Executes @path in a child; 0 when it ran and told so, or the errno. */
int content_run(const char *path, uint64_t *waited);

/* Memory that children share, all zero. */
void *content_share(size_t size);
/* Adds one to a counter in it. */
void content_count(uint64_t *counter);
/* Says one of the counters. */
#define CONTENT_TELL(counts, name)                                             \
	printf(#name " %llu\n", (unsigned long long)(counts)->name)
/* True in the child, which ends with its parent. */
bool content_fork(void);
/* Monotonic time, ns. */
uint64_t content_clock(void);
_Noreturn void content_fail(const char *what);

#endif
