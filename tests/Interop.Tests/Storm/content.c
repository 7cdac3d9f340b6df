/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

void content_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

uint64_t content_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

void *content_share(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		content_fail("mmap");
	return shared;
}

void content_count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

bool content_fork(void)
{
	pid_t child = fork();

	if (child < 0)
		content_fail("fork");
	if (child == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child == 0;
}

static void inherit(const char *path, int flags, int as)
{
	int fd = open(path, flags, 0600);

	/* dup2 to itself would leave nothing to close. */
	if (fd < 0 || (fd != as && (dup2(fd, as) < 0 || close(fd) < 0)))
		content_fail(path);
}

void content_inherit(const char *trace, const char *list)
{
	inherit(trace, O_WRONLY | O_APPEND | O_CREAT, CONTENT_TRACE);
	inherit(list, O_RDONLY, CONTENT_LIST);
}

static char *load(const char *path, size_t *size)
{
	struct stat file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;

	if (fd < 0 || fstat(fd, &file) < 0)
		content_fail(path);
	*size = (size_t)file.st_size;
	bytes = malloc(*size);
	if (!bytes || read(fd, bytes, *size) != file.st_size)
		content_fail(path);
	close(fd);
	return bytes;
}

long content_find(const char *path)
{
	static const char mark[16] = CONTENT_MARK;
	size_t size;
	char *bytes = load(path, &size);
	const char *found = memmem(bytes, size, mark, sizeof(mark));
	long at;

	if (!found)
		content_fail(path);
	at = found - bytes + (long)offsetof(struct content, id);
	free(bytes);
	return at;
}

void content_make(const char *from, const char *to, uint64_t id)
{
	size_t size;
	char *bytes = load(from, &size);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	memcpy(bytes + content_find(from), &id, sizeof(id));
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) < 0)
		content_fail(to);
	free(bytes);
}

void content_write(const char *path, long at, uint64_t id)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, &id, sizeof(id), at) != sizeof(id) ||
	    close(fd) < 0)
		content_fail(path);
}

void content_store(int fd, long at, uint64_t id)
{
	long start = at & ~(PAGE - 1l);
	char *map =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);

	if (map == MAP_FAILED)
		content_fail("mmap");
	__atomic_store_n((uint64_t *)(void *)(map + (at - start)), id,
			 __ATOMIC_SEQ_CST);
	munmap(map, PAGE);
	close(fd);
}

int content_run(const char *path, uint64_t *waited)
{
	char *const arguments[] = { (char *)path, NULL };
	uint64_t before = content_clock();
	volatile int error = 0;
	int status;
	/* The parent goes on when the exec is over, whatever came of it. */
	pid_t child = vfork();

	if (child < 0)
		content_fail("vfork");
	if (child == 0) {
		execv(path, arguments);
		error = errno;
		_exit(EXIT_FAILURE);
	}
	*waited = content_clock() - before;
	if (waitpid(child, &status, 0) < 0)
		content_fail("waitpid");
	if (!error && status &&
	    !(WIFEXITED(status) && WEXITSTATUS(status) == CONTENT_UNTRUSTED))
		content_fail("a program ran and could not tell so");
	return error;
}
