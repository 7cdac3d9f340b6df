/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells which open files had their attributes, their name or their number of
 * links changed. The permission group is refused FAN_ATTRIB, so this is
 * inotify: asynchronous, by the time the loop needs to come round.
 */
#ifndef IMAHOST_CHANGES_H
#define IMAHOST_CHANGES_H

#include <stddef.h>

struct changes {
	int inotify;
	size_t capacity; /* descriptors from here on are not watched */
	size_t buckets;	 /* a power of two */
	int *heads;	 /* of each bucket a descriptor, or -1 */
	int *next;	 /* by descriptor: the next in its bucket, or -1 */
	int *watch;	 /* by descriptor: its watch, or -1 */
};

/* Anything changed, and it is not known where. */
#define CHANGES_ANYWHERE (-1)

typedef void changes_told(void *context, int fd);

#define CHANGES_NEW (-1)

/* @inotify: what an earlier image of this process had. 0 or -errno. */
int changes_open(struct changes *changes, int inotify, size_t capacity);
void changes_close(struct changes *changes);

/*
 * Has changes of the file at @fd told. Opens nothing, so no event is raised.
 * 0 or -errno; ENOSPC: fs.inotify.max_user_watches is reached.
 */
int changes_watch(struct changes *changes, int fd);
/* The same where an earlier image has set @watch for it already. */
void changes_resume(struct changes *changes, int fd, int watch);
/* No more of @fd; allowed for a descriptor that is not watched. */
void changes_unwatch(struct changes *changes, int fd);

/* Calls @told for each descriptor whose file was changed until now. */
void changes_read(struct changes *changes, changes_told *told, void *context);

#endif
