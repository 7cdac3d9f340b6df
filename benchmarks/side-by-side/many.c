// SPDX-License-Identifier: Apache-2.0
/*
 * many PROGRAM DIR N 0: writes N copies of a program to DIR, no two with the
 * same content.
 * many - DIR N PASSES: executes all of them in each pass, and says what one
 * took on average, in nanoseconds.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char content[1 << 20];

static void write_copy(const char *path, size_t length, int number)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0755);

	if (fd < 0 || write(fd, content, length) != (ssize_t)length ||
	    write(fd, &number, sizeof(number)) != sizeof(number) || close(fd))
		err(1, "%s", path);
}

static void execute(const char *path)
{
	char *const arguments[] = { (char *)path, NULL };
	pid_t child = vfork();
	int status;

	if (child == 0) {
		execv(path, arguments);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		errx(1, "%s cannot be executed", path);
}

static double nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void write_all(const char *program, const char *directory, int count)
{
	char path[256];
	int fd = open(program, O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, content, sizeof(content));

	if (length <= 0)
		err(1, "%s", program);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", directory, i);
		write_copy(path, (size_t)length, i);
	}
	sync();
}

int main(int argc, char **argv)
{
	char path[256];
	int count, passes;

	if (argc != 5)
		errx(2, "many PROGRAM|- DIR N PASSES");
	count = atoi(argv[3]);
	passes = atoi(argv[4]);
	if (strcmp(argv[1], "-") != 0)
		write_all(argv[1], argv[2], count);
	for (int pass = 0; pass < passes; pass++) {
		double begin = nanoseconds();

		for (int i = 0; i < count; i++) {
			snprintf(path, sizeof(path), "%s/%d", argv[2], i);
			execute(path);
		}
		printf("%.0f\n", (nanoseconds() - begin) / count);
		fflush(stdout);
	}
	return 0;
}
