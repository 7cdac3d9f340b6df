/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access exec|open FILE...: prints the median and the 90th percentile, in
 * microseconds, of running or of opening and closing each FILE once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void run(char *file)
{
	char *arguments[] = { file, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, file, NULL, NULL, arguments, NULL) ||
	    waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "access: %s did not run\n", file);
		exit(1);
	}
}

static void touch(char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(file);
		exit(1);
	}
	close(fd);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	int count = argc - 2;
	double *took;
	int i;

	if (argc < 3 || (strcmp(argv[1], "exec") && strcmp(argv[1], "open"))) {
		fprintf(stderr, "usage: access exec|open FILE...\n");
		return 2;
	}
	took = calloc((size_t)count, sizeof(*took));
	if (!took)
		return 1;
	for (i = 0; i < count; i++) {
		double start = now();

		if (argv[1][0] == 'e')
			run(argv[i + 2]);
		else
			touch(argv[i + 2]);
		took[i] = now() - start;
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("%.1f %.1f\n", took[count / 2], took[count * 9 / 10]);
	free(took);
	return 0;
}
