/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm DIR LABELLED FOREIGN TRACE LIST WAITS: processes that put contents of
 * DIR/labelled and DIR/foreign, as many as there are, in each other's place,
 * change and execute them until standard input ends. What each exec waited goes
 * to WAITS, in microseconds; standard output gets the counts.
 *
 * Some files belong to one process, which so knows what has to come of an exec.
 * The others are everybody's: there it is known only what must not.
 */
#define _GNU_SOURCE
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROCESSES 4
#define OWN_FILES 4    /* of each process */
#define SHARED_FILES 6 /* of all */
#define MOST_WAITS 100000
#define NAME 256

struct counts {
	uint64_t execs;
	uint64_t ran;
	uint64_t denied;
	uint64_t busy;	  /* a writer was there: ETXTBSY */
	uint64_t failed;  /* any other error */
	uint64_t refused; /* own files that had to run and did not */
	uint64_t replaced;
	uint64_t changed;
};

struct pool {
	const char *kind; /* its directory */
	uint64_t size;
	uint64_t taken;
};

struct shared {
	struct counts counts;
	struct pool labelled;
	struct pool foreign;
	bool stop;
};

struct own_file {
	uint64_t id;
	bool labelled; /* its label fits the id without CONTENT_CHANGED */
};

struct process {
	struct shared *shared;
	const char *directory;
	long at; /* of the id, in all contents */
	unsigned int number;
	unsigned int seed;
	struct own_file own[OWN_FILES];
	size_t waits;
	uint32_t waited[MOST_WAITS]; /* microseconds */
};

static unsigned int pick(struct process *process, unsigned int choices)
{
	return (unsigned int)rand_r(&process->seed) / 7 % choices;
}

static void name_of(char *into, const struct process *process, const char *kind,
		    uint64_t number)
{
	snprintf(into, NAME, "%s/%s%llu", process->directory, kind,
		 (unsigned long long)number);
}

/* Puts the next content that nobody has run at @to; false: there is none. */
static bool take(const struct process *process, struct pool *pool,
		 const char *to, uint64_t *number)
{
	char from[NAME];

	*number = __atomic_fetch_add(&pool->taken, 1, __ATOMIC_RELAXED);
	if (*number >= pool->size)
		return false;
	name_of(from, process, pool->kind, *number);
	if (rename(from, to) < 0)
		content_fail(from);
	content_count(&process->shared->counts.replaced);
	return true;
}

static void put_labelled(struct process *process, const char *path,
			 struct own_file *own)
{
	uint64_t number;

	if (take(process, &process->shared->labelled, path, &number) && own)
		*own = (struct own_file){ number, true };
}

/* The label of another content, as whoever may write labels could. */
static void mislabel(const struct process *process, uint64_t number)
{
	const struct shared *shared = process->shared;
	char from[NAME];
	char to[NAME];
	char label[64];
	ssize_t size;

	name_of(from, process, shared->labelled.kind,
		shared->labelled.size - 1);
	name_of(to, process, shared->foreign.kind, number);
	size = getxattr(from, "security.ima", label, sizeof(label));
	/* Either is missing once it was taken. */
	if (size > 0)
		(void)setxattr(to, "security.ima", label, (size_t)size, 0);
}

static void put_foreign(struct process *process, const char *path,
			struct own_file *own)
{
	struct pool *pool = &process->shared->foreign;
	uint64_t number;

	if (pick(process, 2))
		mislabel(process,
			 __atomic_load_n(&pool->taken, __ATOMIC_RELAXED));
	if (take(process, pool, path, &number) && own)
		*own = (struct own_file){ number | CONTENT_FOREIGN, false };
}

/*
 * What nobody may read any more is not changed a second time, and neither is
 * what runs: the kernel refuses both.
 */
static void change(struct process *process, const char *path,
		   struct own_file *own)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint64_t id;

	if (fd < 0 && (errno == EPERM || errno == ETXTBSY))
		return;
	if (fd < 0 || pread(fd, &id, sizeof(id), process->at) != sizeof(id))
		content_fail(path);
	id |= CONTENT_CHANGED;
	if (pick(process, 3)) {
		content_store(fd, process->at, id);
	} else {
		if (pwrite(fd, &id, sizeof(id), process->at) != sizeof(id))
			content_fail(path);
		close(fd);
	}
	if (own)
		own->id = id;
	content_count(&process->shared->counts.changed);
}

/* Back to what its label says. */
static void restore(struct process *process, const char *path,
		    struct own_file *own)
{
	if (!own || !own->labelled || !(own->id & CONTENT_CHANGED))
		return;
	own->id &= ~CONTENT_CHANGED;
	content_write(path, process->at, own->id);
	content_count(&process->shared->counts.changed);
}

static void run(struct process *process, const char *path,
		const struct own_file *own)
{
	struct counts *counts = &process->shared->counts;
	uint64_t waited;
	int error = content_run(path, &waited);

	if (process->waits < MOST_WAITS)
		process->waited[process->waits++] = (uint32_t)(waited / 1000);
	content_count(&counts->execs);
	if (!error)
		content_count(&counts->ran);
	else if (error == EPERM || error == EACCES)
		content_count(&counts->denied);
	else if (error == ETXTBSY)
		content_count(&counts->busy);
	else
		content_count(&counts->failed);
	if (own && own->labelled && !(own->id & CONTENT_CHANGED) && error) {
		content_count(&counts->refused);
		fprintf(stderr, "%s: %s\n", path, strerror(error));
	}
}

static void turn(struct process *process)
{
	unsigned int number = pick(process, OWN_FILES + SHARED_FILES);
	struct own_file *own =
		number < OWN_FILES ? &process->own[number] : NULL;
	char path[NAME];

	name_of(path, process, "file",
		own ? process->number * OWN_FILES + number
		    : PROCESSES * OWN_FILES + number - OWN_FILES);
	switch (pick(process, 24)) {
	case 0:
	case 1:
		put_labelled(process, path, own);
		break;
	case 2:
		put_foreign(process, path, own);
		break;
	case 3:
		change(process, path, own);
		break;
	case 4:
	case 5:
		restore(process, path, own);
		break;
	default:
		break;
	}
	run(process, path, own);
}

static _Noreturn void storm(struct process *process, int waits)
{
	while (!__atomic_load_n(&process->shared->stop, __ATOMIC_RELAXED))
		turn(process);
	if (write(waits, process->waited,
		  process->waits * sizeof(process->waited[0])) < 0)
		content_fail("waits");
	_exit(EXIT_SUCCESS);
}

/* Every file is there before anybody looks for it. */
static void fill(struct process *processes)
{
	char path[NAME];
	unsigned int i;

	for (i = 0; i < PROCESSES * OWN_FILES + SHARED_FILES; i++) {
		struct process *process = &processes[i / OWN_FILES % PROCESSES];

		name_of(path, process, "file", i);
		put_labelled(process, path,
			     i < PROCESSES * OWN_FILES
				     ? &process->own[i % OWN_FILES]
				     : NULL);
	}
}

static int await_end(struct shared *shared)
{
	const struct counts *counts = &shared->counts;
	int status;
	int bad = 0;

	while (getchar() != EOF)
		;
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	while (wait(&status) > 0)
		bad |= status;
	CONTENT_TELL(counts, execs);
	CONTENT_TELL(counts, ran);
	CONTENT_TELL(counts, denied);
	CONTENT_TELL(counts, busy);
	CONTENT_TELL(counts, failed);
	CONTENT_TELL(counts, refused);
	CONTENT_TELL(counts, replaced);
	CONTENT_TELL(counts, changed);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct process processes[PROCESSES];
	struct shared *shared = content_share(sizeof(*shared));
	char name[NAME];
	unsigned int i;
	int waits;

	if (argc != 7)
		content_fail("storm takes six arguments");
	content_inherit(argv[4], argv[5]);
	waits = open(argv[6], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (waits < 0)
		content_fail(argv[6]);
	shared->labelled =
		(struct pool){ "labelled/", strtoul(argv[2], 0, 10), 0 };
	shared->foreign =
		(struct pool){ "foreign/", strtoul(argv[3], 0, 10), 0 };
	snprintf(name, sizeof(name), "%s/labelled/0", argv[1]);
	for (i = 0; i < PROCESSES; i++) {
		processes[i].shared = shared;
		processes[i].directory = argv[1];
		processes[i].number = i;
		processes[i].seed = (unsigned int)content_clock() + i;
		processes[i].at = content_find(name);
	}
	fill(processes);
	for (i = 0; i < PROCESSES; i++)
		if (content_fork())
			storm(&processes[i], waits);
	return await_end(shared);
}
