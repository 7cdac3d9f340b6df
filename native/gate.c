/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "gate.h"
#include "say.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* Newer than the C library's headers on the oldest supported system. */
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x00000400
#endif
#ifndef FAN_DENY_ERRNO
#define FAN_DENY_ERRNO(err) (FAN_DENY | (((__u32)(err)&0xffu) << 24))
#endif

#define GATE_EVENTS (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)
/* What the kernel may forget under pressure, and does at a write. */
#define GATE_IGNORE (FAN_MARK_IGNORE | FAN_MARK_EVICTABLE)
/* How long, in ns, a start that comes from a disk is waited for. */
#define GATE_READ_SOON 40000ull
/* Files whose start is not waited for after many that did not come. */
#define GATE_MOST_UNREAD 255u
/* Never asked for, so that to ignore it changes nothing, and seldom raised. */
#define GATE_PROBE FAN_OPEN_EXEC

int gate_open(struct gate *gate)
{
	/*
	 * Unlimited, because a full queue allows what it cannot hold.
	 * PRE_CONTENT is CONTENT plus the right to answer with an errno.
	 */
	const unsigned int flags = FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE |
				   FAN_UNLIMITED_MARKS | FAN_CLOEXEC |
				   FAN_NONBLOCK;

	gate->says_errno = true;
	/*
	 * NONBLOCK, because to read an event is to open its file: that would
	 * wait for whoever has a lease on it to write, or for the other end of
	 * a pipe. The kernel denies what cannot be opened.
	 */
	gate->group = fanotify_init(flags, O_RDONLY | O_LARGEFILE | O_CLOEXEC |
						   O_NONBLOCK);
	return gate->group < 0 ? -errno : 0;
}

static int add_mark(const struct gate *gate, unsigned int flags,
		    uint64_t events, int fd, const char *path)
{
	return fanotify_mark(gate->group, FAN_MARK_ADD | flags, events, fd,
			     path) < 0
		       ? -errno
		       : 0;
}

int gate_watch(const struct gate *gate, const char *path)
{
	return add_mark(gate, FAN_MARK_FILESYSTEM, GATE_EVENTS, AT_FDCWD, path);
}

int gate_watch_fd(const struct gate *gate, int fd)
{
	return add_mark(gate, FAN_MARK_FILESYSTEM, GATE_EVENTS, fd, NULL);
}

long gate_read(const struct gate *gate, void *buffer, size_t size)
{
	ssize_t got = read(gate->group, buffer, size);

	if (got >= 0)
		return got;
	if (errno == EBADF || errno == EFAULT || errno == EINVAL)
		return -errno;
	/* A file that could not be opened, and was denied. Others follow. */
	if (errno != EAGAIN && errno != EINTR)
		say("denied an access to a file that cannot be opened: %s",
		    strerror(errno));
	return 0;
}

int gate_lease(int fd)
{
	const struct f_owner_ex self = { .type = F_OWNER_PID, .pid = getpid() };

	/* The signal first: the default one, SIGIO, would end the process. */
	if (fcntl(fd, F_SETSIG, GATE_LEASE_SIGNAL) < 0 ||
	    fcntl(fd, F_SETOWN_EX, &self) < 0 ||
	    fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return -errno;
	return 0;
}

void gate_unlease(int fd)
{
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
}

int gate_mark(const struct gate *gate, int fd)
{
	return add_mark(gate, GATE_IGNORE, GATE_EVENTS, fd, NULL);
}

void gate_unmark(const struct gate *gate, int fd)
{
	/* ENOENT: the kernel cleared it first, at a write or under pressure. */
	(void)fanotify_mark(gate->group, FAN_MARK_REMOVE | FAN_MARK_IGNORE,
			    GATE_EVENTS, fd, NULL);
}

bool gate_is_close(const struct fanotify_event_metadata *event)
{
	return !(event->mask & GATE_EVENTS);
}

bool gate_is_exec(const struct fanotify_event_metadata *event)
{
	return event->mask & FAN_OPEN_EXEC_PERM;
}

/* A regular file that nobody changes behind this kernel's back. */
static bool tells_changes(int fd)
{
	struct stat file;
	struct statfs fs;

	if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) ||
	    fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
	       fs.f_type == BTRFS_SUPER_MAGIC ||
	       fs.f_type == F2FS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC;
}

bool gate_tell_closes(const struct gate *gate, int fd)
{
	/*
	 * With a writer there the kernel ignores nothing, and says 0. There is
	 * a mark if one can be relieved of what was never in it.
	 */
	if (!tells_changes(fd) ||
	    add_mark(gate, GATE_IGNORE, GATE_PROBE, fd, NULL) < 0 ||
	    fanotify_mark(gate->group, FAN_MARK_REMOVE | FAN_MARK_IGNORE,
			  FAN_CLOSE_WRITE, fd, NULL) < 0)
		return false;
	if (add_mark(gate, FAN_MARK_EVICTABLE, FAN_CLOSE_WRITE, fd, NULL) == 0)
		return true;
	gate_unmark_data(gate, fd);
	return false;
}

int gate_mark_data(const struct gate *gate, int fd)
{
	return add_mark(gate, GATE_IGNORE, FAN_OPEN_PERM, fd, NULL);
}

void gate_unmark_data(const struct gate *gate, int fd)
{
	(void)fanotify_mark(gate->group, FAN_MARK_REMOVE | FAN_MARK_IGNORE,
			    FAN_OPEN_PERM | GATE_PROBE, fd, NULL);
	(void)fanotify_mark(gate->group, FAN_MARK_REMOVE, FAN_CLOSE_WRITE, fd,
			    NULL);
}

void gate_unmark_all(const struct gate *gate)
{
	(void)fanotify_mark(gate->group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
}

static int answer(const struct gate *gate, int fd, unsigned int response)
{
	const struct fanotify_response message = { .fd = fd,
						   .response = response };

	/* ENOENT: the accessor was killed while it waited. */
	if (write(gate->group, &message, sizeof(message)) == sizeof(message))
		return 0;
	return -errno;
}

void gate_allow(const struct gate *gate, int fd)
{
	(void)answer(gate, fd, FAN_ALLOW);
}

void gate_deny(const struct gate *gate, int fd)
{
	(void)answer(gate, fd, FAN_DENY);
}

static void deny_with(struct gate *gate, int fd, unsigned int error)
{
	if (gate->says_errno &&
	    answer(gate, fd, FAN_DENY_ERRNO(error)) == -EINVAL)
		gate->says_errno = false;
	if (!gate->says_errno)
		gate_deny(gate, fd);
}

void gate_busy(struct gate *gate, int fd)
{
	deny_with(gate, fd, ETXTBSY);
}

void gate_refuse(struct gate *gate, int fd)
{
	deny_with(gate, fd, EBUSY);
}

static bool is_memory_only(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/*
 * Asking for what is not in memory makes the kernel fetch it, and a fast disk
 * has it before a host could be asked: so ask again for a moment. After a slow
 * one that is not tried for a while, longer each time.
 */
static ssize_t read_soon(struct gate *gate, int fd, const struct iovec *into)
{
	const uint64_t until = clock_now() + GATE_READ_SOON;
	ssize_t got;

	if (gate->unread) {
		gate->unread--;
		return -1;
	}
	do
		got = preadv2(fd, into, 1, 0, RWF_NOWAIT);
	while (got < 0 && errno == EAGAIN && clock_now() < until);
	gate->slow = got < 0 ? gate->slow * 2 + 1 : 0;
	if (gate->slow > GATE_MOST_UNREAD)
		gate->slow = GATE_MOST_UNREAD;
	gate->unread = gate->slow;
	return got;
}

/*
 * May the file be mapped to execute: does it start as ELF does, and is it no
 * object still to be linked and no core dump? A slow disk must not stop the
 * guard: -EAGAIN when the page is not in memory, nor there at once.
 */
static int may_map(struct gate *gate, int fd)
{
	unsigned char start[EI_NIDENT + 2];
	const struct iovec into = { .iov_base = start,
				    .iov_len = sizeof(start) };
	ssize_t got = preadv2(fd, &into, 1, 0, RWF_NOWAIT);
	int type;

	/* tmpfs refuses RWF_NOWAIT, and needs it least. */
	if (got < 0 && errno == EOPNOTSUPP && is_memory_only(fd))
		got = pread(fd, start, sizeof(start), 0);
	if (got < 0 && errno == EAGAIN)
		got = read_soon(gate, fd, &into);
	if (got < 0)
		return -EAGAIN;
	if (got < SELFMAG || memcmp(start, ELFMAG, SELFMAG))
		return 0;
	if ((size_t)got < sizeof(start))
		return 1;
	type = start[EI_DATA] == ELFDATA2MSB
		       ? start[EI_NIDENT] << 8 | start[EI_NIDENT + 1]
		       : start[EI_NIDENT + 1] << 8 | start[EI_NIDENT];
	return type != ET_REL && type != ET_CORE;
}

enum ima_access gate_classify(struct gate *gate, int fd)
{
	int elf = may_map(gate, fd);

	if (elf < 0)
		return IMA_ACCESS_OPEN;
	return elf ? IMA_ACCESS_ELF : IMA_ACCESS_DATA;
}

bool gate_is_same(int one, int other)
{
	struct stat file;
	struct stat also;

	return fstat(one, &file) == 0 && fstat(other, &also) == 0 &&
	       file.st_dev == also.st_dev && file.st_ino == also.st_ino;
}

bool gate_is_executable(int fd)
{
	struct stat file;

	return fstat(fd, &file) < 0 ||
	       file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
}

bool gate_is_trusted(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && file.st_uid == 0 &&
	       !(file.st_mode & (S_IWGRP | S_IWOTH));
}
