/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel objects of the guard: fanotify group, leases, ignore marks. */
#ifndef IMAHOST_GATE_H
#define IMAHOST_GATE_H

#include "imahost_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/fanotify.h>

/* The signal that carries lease breaks; SIGIO would not name the file. */
#define GATE_LEASE_SIGNAL (SIGRTMIN + 1)

struct gate {
	int group;	     /* the fanotify group: nobody else may hold it */
	bool says_errno;     /* the kernel takes FAN_DENY_ERRNO (6.14) */
	unsigned int slow;   /* starts of files that did not come at once */
	unsigned int unread; /* files whose start is not waited for now */
};

/* 0 or -errno; the group stays open until the process ends. */
int gate_open(struct gate *gate);

/*
 * Marks the filesystem that holds @path, whatever mount it is reached by.
 * 0 or -errno; EINVAL: it knows no permission events.
 */
int gate_watch(const struct gate *gate, const char *path);
/* The same of the filesystem that holds @fd. Opens and follows nothing. */
int gate_watch_fd(const struct gate *gate, int fd);

/*
 * Reads events into @buffer; bytes, 0 when there are none that anything can be
 * said about, or -errno when the group is of no more use.
 */
long gate_read(const struct gate *gate, void *buffer, size_t size);

/*
 * A read lease on the event's own descriptor. Taken by this process, because
 * the kernel reports a break with the number used in this very call.
 * -EAGAIN: a writer is there. Any other error: this file has no leases.
 */
int gate_lease(int fd);
void gate_unlease(int fd);

/* Ends the events of this inode until it is modified or evicted. */
int gate_mark(const struct gate *gate, int fd);
void gate_unmark(const struct gate *gate, int fd);

/* Is it news of a writer that has gone? Nobody waits for an answer to that. */
bool gate_is_close(const struct fanotify_event_metadata *event);
/* Is the file opened to be executed, itself or as an interpreter? */
bool gate_is_exec(const struct fanotify_event_metadata *event);
/*
 * Has the last close of each writer of this inode told: only that follows a
 * store through a shared mapping. False, and nothing is told, while somebody
 * has it open for writing or where not every change is seen.
 */
bool gate_tell_closes(const struct gate *gate, int fd);
/* Ends the opens, not the execs, of this inode until it is modified. */
int gate_mark_data(const struct gate *gate, int fd);
/* Undoes both. */
void gate_unmark_data(const struct gate *gate, int fd);
/* Takes the marks off all inodes. What is watched stays watched. */
void gate_unmark_all(const struct gate *gate);

void gate_allow(const struct gate *gate, int fd);
void gate_deny(const struct gate *gate, int fd);
/* ETXTBSY, as the kernel says when a program is open for writing. */
void gate_busy(struct gate *gate, int fd);
/* EBUSY, which says: later it may be another answer. EPERM if it must. */
void gate_refuse(struct gate *gate, int fd);

/*
 * Which access an open is, by how the file starts. IMA_ACCESS_OPEN: its start
 * is neither in memory nor comes within microseconds, and is not waited for.
 */
enum ima_access gate_classify(struct gate *gate, int fd);

/* Are these two the same file? */
bool gate_is_same(int one, int other);

/* Has anybody leave to execute it? True when that cannot be told. */
bool gate_is_executable(int fd);

/* Root's, and nobody else may write it: what the host may load by itself. */
bool gate_is_trusted(int fd);

#endif
