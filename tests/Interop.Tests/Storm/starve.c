/* SPDX-License-Identifier: Apache-2.0 */
/*
 * starve idle|normal HOGS FILES TRIES LINGER DIR TRACE LIST: the attack on the
 * time between the answer to an exec and where the kernel itself keeps writers
 * out. As nobody, who owns the programs DIR/0, DIR/1, …, each is executed by a
 * task that hardly gets a processor, and changed through a shared mapping once
 * its access was taken up. TRIES is for each of them, LINGER in milliseconds.
 */
#define _GNU_SOURCE
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
/* How an exec that was refused ends. */
#define EXIT_DENIED 100
#define EXIT_BUSY 101
#define EXIT_OTHER 102

#define MOST_FILES 64

/* Where the hogs and the execs are, and where the writers. */
enum processor { CROWDED, FREE };

struct shared {
	size_t processors[2];
	bool about[MOST_FILES]; /* the exec of each is next */
	uint64_t tries;
	uint64_t stored; /* the writer came through at all */
	uint64_t ran;	 /* before anything was changed */
	uint64_t won;	 /* what was changed ran */
	uint64_t early;	 /* and that within the linger */
	uint64_t denied;
	uint64_t busy; /* the writer was still there */
	uint64_t failed;
	uint64_t longest; /* ns from the writer's open to the exec's end */
	uint64_t linger;
	bool idle; /* executes with the lowest priority there is */
};

struct attack {
	struct shared *shared;
	char path[256];
	long at;
	uint64_t id;
};

static void find_processors(size_t found[2])
{
	cpu_set_t all;
	size_t i;
	size_t count = 0;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		content_fail("sched_getaffinity");
	for (i = 0; i < CPU_SETSIZE && count < 2; i++)
		if (CPU_ISSET(i, &all))
			found[count++] = i;
	errno = ENODEV;
	if (count < 2)
		content_fail("two processors");
}

static void run_on(size_t processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		content_fail("sched_setaffinity");
}

static pid_t start_exec(const struct attack *attack)
{
	const struct sched_param least = { 0 };
	char *const arguments[] = { (char *)attack->path, NULL };
	pid_t child = fork();

	if (child < 0)
		content_fail("fork");
	if (child > 0)
		return child;
	run_on(attack->shared->processors[CROWDED]);
	if (attack->shared->idle &&
	    sched_setscheduler(0, SCHED_IDLE, &least) < 0)
		content_fail("sched_setscheduler");
	__atomic_store_n(&attack->shared->about[attack->id], true,
			 __ATOMIC_SEQ_CST);
	execv(attack->path, arguments);
	_exit(errno == EPERM	 ? EXIT_DENIED
	      : errno == ETXTBSY ? EXIT_BUSY
				 : EXIT_OTHER);
}

/* The state letter of a task, as ps shows it, and how often it has slept. */
static char state_of(pid_t task, unsigned long *slept)
{
	char path[64];
	char line[256];
	char state = 'X';
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", task);
	status = fopen(path, "re");
	if (!status)
		return 'X';
	while (fgets(line, sizeof(line), status)) {
		(void)sscanf(line, "State: %c", &state);
		(void)sscanf(line, "voluntary_ctxt_switches: %lu", slept);
	}
	fclose(status);
	return state;
}

static bool is_under_way(char state)
{
	return state == 'R' || state == 'S' || state == 'D';
}

/* Held accesses are in an uninterruptible sleep. How often it has slept. */
static unsigned long await_held(const struct attack *attack, pid_t task)
{
	bool *about = &attack->shared->about[attack->id];
	unsigned long slept = 0;
	char state;

	while (!__atomic_load_n(about, __ATOMIC_SEQ_CST))
		usleep(50);
	*about = false;
	while ((state = state_of(task, &slept)) == 'R' || state == 'S')
		usleep(50);
	return slept;
}

/* Until it waits for its processor, having slept so often, or is over. */
static void await_answer(pid_t task, unsigned long times)
{
	unsigned long slept = 0;
	char state;

	while (is_under_way(state = state_of(task, &slept)) &&
	       (state != 'R' || slept < times))
		usleep(20);
}

static uint64_t *outcome_of(struct shared *shared, int status)
{
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_OTHER) {
	case EXIT_SUCCESS:
		return &shared->ran;
	case CONTENT_UNTRUSTED:
		return &shared->won;
	case EXIT_DENIED:
		return &shared->denied;
	case EXIT_BUSY:
		return &shared->busy;
	default:
		return &shared->failed;
	}
}

static void note(struct shared *shared, int status, uint64_t starved)
{
	uint64_t *outcome = outcome_of(shared, status);

	content_count(&shared->tries);
	content_count(outcome);
	if (outcome == &shared->won && starved < shared->linger)
		content_count(&shared->early);
	if (starved > __atomic_load_n(&shared->longest, __ATOMIC_RELAXED))
		__atomic_store_n(&shared->longest, starved, __ATOMIC_RELAXED);
}

/* A writer that does not wait has the lease broken all the same. */
static void break_lease(const struct attack *attack)
{
	int fd = open(attack->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

static void attack(struct attack *attack)
{
	pid_t task = start_exec(attack);
	unsigned long slept = await_held(attack, task);
	uint64_t opened;
	int status;
	int fd;

	await_answer(task, slept);
	break_lease(attack);
	await_answer(task, slept + 1);
	opened = content_clock();
	fd = open(attack->path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		content_store(fd, attack->at, attack->id | CONTENT_CHANGED);
		content_count(&attack->shared->stored);
	}
	if (waitpid(task, &status, 0) < 0)
		content_fail("waitpid");
	note(attack->shared, status, content_clock() - opened);
	content_write(attack->path, attack->at, attack->id);
}

static void start(struct shared *shared, uint64_t file, const char *directory,
		  unsigned long tries)
{
	struct attack own = { .shared = shared, .id = file };

	if (!content_fork())
		return;
	run_on(shared->processors[FREE]);
	snprintf(own.path, sizeof(own.path), "%s/%llu", directory,
		 (unsigned long long)file);
	own.at = content_find(own.path);
	while (tries--)
		attack(&own);
	exit(EXIT_SUCCESS);
}

static void start_hogs(const struct shared *shared, unsigned long hogs)
{
	while (hogs--) {
		if (!content_fork())
			continue;
		run_on(shared->processors[CROWDED]);
		for (;;)
			;
	}
}

int main(int argc, char **argv)
{
	struct shared *shared = content_share(sizeof(*shared));
	unsigned long files;
	unsigned long i;

	errno = EINVAL;
	if (argc != 9)
		content_fail("starve takes eight arguments");
	shared->idle = !strcmp(argv[1], "idle");
	shared->linger = strtoul(argv[5], NULL, 10) * 1000000;
	find_processors(shared->processors);
	content_inherit(argv[7], argv[8]);
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		content_fail("setresuid");
	files = strtoul(argv[3], NULL, 10);
	for (i = 0; i < files; i++)
		start(shared, i, argv[6], strtoul(argv[4], NULL, 10));
	start_hogs(shared, strtoul(argv[2], NULL, 10));
	/* The hogs end with this process. */
	for (i = 0; i < files; i++)
		(void)wait(NULL);
	CONTENT_TELL(shared, tries);
	CONTENT_TELL(shared, stored);
	CONTENT_TELL(shared, ran);
	CONTENT_TELL(shared, won);
	CONTENT_TELL(shared, early);
	CONTENT_TELL(shared, denied);
	CONTENT_TELL(shared, busy);
	CONTENT_TELL(shared, failed);
	CONTENT_TELL(shared, longest);
	return EXIT_SUCCESS;
}
