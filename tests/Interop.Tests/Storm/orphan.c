/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan GUARD FILES ROUNDS DIR TRACE LIST: the attack on verdicts that outlive
 * the host. In each round the programs DIR/0, DIR/1, … are executed, so that
 * their verdicts are kept, the host (the child of GUARD) is killed, and each is
 * changed through a shared mapping as soon as it can be opened, and executed.
 */
#define _GNU_SOURCE
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longest wait for the lease of a kept verdict. */
#define PATIENCE (10 * 1000000000ull)

struct shared {
	pthread_barrier_t barrier;
	uint64_t tries;
	uint64_t held; /* a lease kept the writer out at first */
	uint64_t denied;
	uint64_t won;
	uint64_t failed; /* neither: no answer to the question */
};

struct attack {
	struct shared *shared;
	char path[256];
	long at;
	uint64_t id;
};

/* 0 while there is none. */
static pid_t read_host(const char *guard)
{
	char path[64];
	pid_t host = 0;
	FILE *children;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/children", guard, guard);
	children = fopen(path, "re");
	if (!children)
		content_fail(path);
	if (fscanf(children, "%d", &host) != 1)
		host = 0;
	fclose(children);
	return host;
}

static void kill_host(const char *guard)
{
	pid_t host;

	while ((host = read_host(guard)) == 0)
		usleep(100);
	if (kill(host, SIGKILL) < 0)
		content_fail("kill");
}

static int open_at_once(const char *path, uint64_t *held)
{
	const uint64_t end = content_clock() + PATIENCE;
	bool waited = false;
	int fd;

	while ((fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (errno != EWOULDBLOCK || content_clock() > end)
			content_fail(path);
		waited = true;
		usleep(100);
	}
	if (waited)
		content_count(held);
	return fd;
}

static void attack(const struct attack *attack)
{
	struct shared *shared = attack->shared;
	uint64_t waited;
	int error = content_run(attack->path, &waited);

	if (error)
		content_fail("the program does not run as it was labelled");
	pthread_barrier_wait(&shared->barrier);
	/* Here the host is killed. */
	pthread_barrier_wait(&shared->barrier);
	content_store(open_at_once(attack->path, &shared->held), attack->at,
		      attack->id | CONTENT_CHANGED);
	error = content_run(attack->path, &waited);
	content_count(&shared->tries);
	content_count(error == 0       ? &shared->won
		      : error == EPERM ? &shared->denied
				       : &shared->failed);
	content_write(attack->path, attack->at, attack->id);
}

static void start(struct shared *shared, uint64_t file, const char *directory,
		  unsigned long rounds)
{
	struct attack own = { .shared = shared, .id = file };

	if (!content_fork())
		return;
	snprintf(own.path, sizeof(own.path), "%s/%llu", directory,
		 (unsigned long long)file);
	own.at = content_find(own.path);
	while (rounds--)
		attack(&own);
	exit(EXIT_SUCCESS);
}

static void share_barrier(struct shared *shared, unsigned int parties)
{
	pthread_barrierattr_t attributes;

	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attributes, parties);
}

int main(int argc, char **argv)
{
	struct shared *shared = content_share(sizeof(*shared));
	unsigned long files;
	unsigned long rounds;
	unsigned long i;

	errno = EINVAL;
	if (argc != 7)
		content_fail("orphan takes six arguments");
	files = strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	content_inherit(argv[5], argv[6]);
	share_barrier(shared, (unsigned int)files + 1);
	for (i = 0; i < files; i++)
		start(shared, i, argv[4], rounds);
	for (i = 0; i < rounds; i++) {
		pthread_barrier_wait(&shared->barrier);
		kill_host(argv[1]);
		pthread_barrier_wait(&shared->barrier);
	}
	while (wait(NULL) > 0)
		;
	CONTENT_TELL(shared, tries);
	CONTENT_TELL(shared, held);
	CONTENT_TELL(shared, denied);
	CONTENT_TELL(shared, won);
	CONTENT_TELL(shared, failed);
	return EXIT_SUCCESS;
}
