/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NONE (-1)
/* IN_ATTRIB comes with links and unlinks too, IN_MOVE_SELF with renames. */
#define CHANGES_EVENTS (IN_ATTRIB | IN_MOVE_SELF)

static int *none(size_t count)
{
	int *array = malloc(count * sizeof(*array));

	if (array)
		memset(array, 0xff, count * sizeof(*array));
	return array;
}

int changes_open(struct changes *changes, int inotify, size_t capacity)
{
	*changes = (struct changes){ .inotify = inotify,
				     .capacity = capacity,
				     .buckets = 1 };
	if (inotify == CHANGES_NEW)
		changes->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (changes->inotify < 0)
		return -errno;
	while (changes->buckets < capacity)
		changes->buckets *= 2;
	changes->heads = none(changes->buckets);
	changes->next = none(capacity);
	changes->watch = none(capacity);
	if (changes->heads && changes->next && changes->watch)
		return 0;
	changes_close(changes);
	return -ENOMEM;
}

void changes_close(struct changes *changes)
{
	if (changes->inotify >= 0)
		close(changes->inotify);
	free(changes->heads);
	free(changes->next);
	free(changes->watch);
	*changes = (struct changes){ .inotify = -1 };
}

static int *head_of(const struct changes *changes, int watch)
{
	return &changes->heads[(unsigned int)watch & (changes->buckets - 1)];
}

void changes_resume(struct changes *changes, int fd, int watch)
{
	int *head = head_of(changes, watch);

	changes->watch[fd] = watch;
	changes->next[fd] = *head;
	*head = fd;
}

int changes_watch(struct changes *changes, int fd)
{
	char link[32];
	int watch;

	if (fd < 0 || (size_t)fd >= changes->capacity)
		return -EBADF;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	watch = inotify_add_watch(changes->inotify, link, CHANGES_EVENTS);
	if (watch < 0)
		return -errno;
	changes_unwatch(changes, fd);
	changes_resume(changes, fd, watch);
	return 0;
}

/* Descriptors of one file have one watch between them. */
static int first_of(const struct changes *changes, int watch)
{
	int fd = *head_of(changes, watch);

	while (fd >= 0 && changes->watch[fd] != watch)
		fd = changes->next[fd];
	return fd;
}

void changes_unwatch(struct changes *changes, int fd)
{
	int watch;
	int *link;

	if (fd < 0 || (size_t)fd >= changes->capacity || changes->watch[fd] < 0)
		return;
	watch = changes->watch[fd];
	link = head_of(changes, watch);
	while (*link != fd)
		link = &changes->next[*link];
	*link = changes->next[fd];
	changes->watch[fd] = NONE;
	/* EINVAL: the kernel removed it first, with its filesystem. */
	if (first_of(changes, watch) < 0)
		(void)inotify_rm_watch(changes->inotify, watch);
}

static void tell(const struct changes *changes, int watch, changes_told *told,
		 void *context)
{
	int fd;
	int next;

	if (watch < 0) {
		told(context, CHANGES_ANYWHERE);
		return;
	}
	for (fd = *head_of(changes, watch); fd >= 0; fd = next) {
		/* Whoever is told may unwatch. */
		next = changes->next[fd];
		if (changes->watch[fd] == watch)
			told(context, fd);
	}
}

void changes_read(struct changes *changes, changes_told *told, void *context)
{
	_Alignas(struct inotify_event) char buffer[4096];
	const struct inotify_event *event;
	ssize_t got;
	ssize_t at;

	while ((got = read(changes->inotify, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < got;
		     at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)(buffer + at);
			/* A queue that overflowed tells of watch -1. */
			tell(changes, event->wd, told, context);
		}
}
