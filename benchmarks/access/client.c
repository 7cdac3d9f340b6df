/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client [-e] [-u UID] [-r ROOT] OPERATION TIMES FILE...: does OPERATION with each
 * FILE, all of them TIMES times over, and prints the median in microseconds; with
 * -e before that a line for each: microseconds, and the file (not for storm, run).
 *
 *   exec   run it and wait for it
 *   open   open and close it
 *   read   open it, read it to its end, close it
 *   map    open it, map it executable, unmap and close it
 *   storm  4 processes at once run it; the time is the whole by the number
 *   run    FILE... is one command with its arguments
 *
 * Whatever is refused or fails ends it: a time of accesses that did not happen
 * is none. It must itself lie where nothing is watched.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM_PROCESSES 4

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void run_command(char *const command[])
{
	static char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
	int status, error;
	pid_t pid;

	error = posix_spawn(&pid, command[0], NULL, NULL, command, environment);
	if (error)
		errx(1, "%s: %s", command[0], strerror(error));
	if (waitpid(pid, &status, 0) < 0 || status)
		errx(1, "%s failed (status %#x)", command[0], status);
}

static void exec_file(char *file)
{
	char *const command[] = { file, NULL };

	run_command(command);
}

static int open_file(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", file);
	return fd;
}

static void touch_file(char *file)
{
	close(open_file(file));
}

static void read_file(char *file)
{
	static char buffer[65536];
	int fd = open_file(file);
	ssize_t got;

	do
		got = read(fd, buffer, sizeof(buffer));
	while (got > 0);
	if (got < 0)
		err(1, "%s", file);
	close(fd);
}

static void map_file(char *file)
{
	int fd = open_file(file);
	struct stat status;
	void *mapped;

	if (fstat(fd, &status))
		err(1, "%s", file);
	mapped = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_EXEC,
		      MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		err(1, "%s", file);
	munmap(mapped, (size_t)status.st_size);
	close(fd);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *took, size_t count)
{
	qsort(took, count, sizeof(*took), compare);
	return took[count / 2];
}

/* When all is over: printing would disturb what is timed. */
static void print_each(const double *took, size_t times, char **files,
		       size_t count)
{
	size_t i;

	for (i = 0; i < times * count; i++)
		printf("%.3f %s\n", took[i], files[i % count]);
}

static double time_each(void (*operation)(char *), size_t times, char **files,
			size_t count, bool each)
{
	double *took = calloc(times * count, sizeof(*took));
	size_t i;

	if (!took)
		err(1, NULL);
	for (i = 0; i < times * count; i++) {
		double start = now();

		operation(files[i % count]);
		took[i] = now() - start;
	}
	if (each)
		print_each(took, times, files, count);
	return median(took, times * count);
}

static double time_commands(size_t times, char **command)
{
	double *took = calloc(times, sizeof(*took));
	size_t i;

	if (!took)
		err(1, NULL);
	for (i = 0; i < times; i++) {
		double start = now();

		run_command(command);
		took[i] = now() - start;
	}
	return median(took, times);
}

static double time_storm(size_t times, char *file)
{
	double start = now();
	int status, process;
	size_t i;

	for (process = 0; process < STORM_PROCESSES; process++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid)
			continue;
		for (i = 0; i < times; i++)
			exec_file(file);
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			errx(1, "a process of the storm failed");
	return (now() - start) / (double)(times * STORM_PROCESSES);
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		err(1, "uid %u", uid);
}

static double measure(const char *operation, size_t times, char **files,
		      size_t count, bool each)
{
	static const struct {
		const char *name;
		void (*operation)(char *);
	} operations[] = {
		{ "exec", exec_file },
		{ "open", touch_file },
		{ "read", read_file },
		{ "map", map_file },
	};
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!strcmp(operation, operations[i].name))
			return time_each(operations[i].operation, times, files,
					 count, each);
	if (!strcmp(operation, "storm"))
		return time_storm(times, files[0]);
	if (!strcmp(operation, "run"))
		return time_commands(times, files);
	errx(2, "no operation '%s'", operation);
}

int main(int argc, char **argv)
{
	const char *root = NULL;
	bool each = false;
	uid_t uid = 0;
	size_t times;
	int option;

	/* "+": options behind OPERATION belong to the command that is run. */
	while ((option = getopt(argc, argv, "+eu:r:")) != -1) {
		if (option == 'e')
			each = true;
		else if (option == 'u')
			uid = (uid_t)atol(optarg);
		else if (option == 'r')
			root = optarg;
		else
			return 2;
	}
	argc -= optind;
	argv += optind;
	times = argc < 3 ? 0 : strtoul(argv[1], NULL, 10);
	if (!times)
		errx(2, "usage: client [-e] [-u UID] [-r ROOT] OPERATION TIMES FILE...");
	if (root && (chroot(root) || chdir("/")))
		err(1, "%s", root);
	if (uid)
		become(uid);
	printf("%.3f\n", measure(argv[0], times, argv + 2, (size_t)argc - 2, each));
	return 0;
}
