/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code WAY FILE: has a file become code in one of the ways that are not execve
 * of its path, or changes it in one that leaves no trace. Static, so that
 * nothing else is mapped.
 *	exec     execve(2)
 *	memfd    a copy in a memfd, by fexecve(3)
 *	map      mmap(2) with PROT_EXEC of a file opened as data
 *	protect  mmap(2) to read, then mprotect(2) with PROT_EXEC
 *	alter    the last byte is changed in place, size and times are restored
 *	share    the same through a shared mapping
 *	time     says what an exec and an executable mapping of it take, in ns
 *	hold     opens it, says so, and maps it to execute when a line comes
 *	bpfmap   opens a pinned map to write it
 *	bpfread  opens a pinned map to read it
 *	detach   takes off a pinned link, by bpf(2)
 * Exit status 0: it was done; 100 and the errno: it was refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REFUSED 100
#define EXECS 200
#define MAPPINGS 4000

static int outcome(int failed)
{
	return failed ? REFUSED + errno : 0;
}

static int run(int fd)
{
	char *const arguments[] = { (char *)"code", NULL };

	fexecve(fd, arguments, environ);
	return outcome(1);
}

static int from_memory(int from)
{
	const int to = memfd_create("code", MFD_CLOEXEC);
	struct stat file;

	if (to < 0 || fstat(from, &file) < 0 ||
	    sendfile(to, from, NULL, (size_t)file.st_size) != file.st_size)
		return 1;
	return run(to);
}

static int map(int fd, int protection, int then)
{
	void *place = mmap(NULL, 4096, protection, MAP_PRIVATE, fd, 0);

	if (place == MAP_FAILED)
		return outcome(1);
	return outcome(then && mprotect(place, 4096, then) < 0);
}

static int alter(int fd, int shared)
{
	struct stat file;
	char *place;
	char last;

	if (fstat(fd, &file) < 0 || pread(fd, &last, 1, file.st_size - 1) != 1)
		return 1;
	last ^= 1;
	if (!shared)
		return pwrite(fd, &last, 1, file.st_size - 1) != 1 ||
		       futimens(fd, (const struct timespec[]){
					    file.st_atim, file.st_mtim }) < 0;
	place = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (place == MAP_FAILED)
		return 1;
	place[file.st_size - 1] = last;
	return munmap(place, (size_t)file.st_size) < 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int spawn(char *path)
{
	char *const arguments[] = { path, NULL };
	const pid_t child = vfork();

	if (child == 0) {
		execv(path, arguments);
		_exit(127);
	}
	return child < 0 || waitpid(child, NULL, 0) != child;
}

/* The first ones, which are judged, are not counted. */
static int measure(int fd, char *path)
{
	double begun = 0;
	void *place;
	int i;

	for (i = -10; i < EXECS; i++) {
		if (i == 0)
			begun = now();
		if (spawn(path))
			return 1;
	}
	printf("exec %.0f\n", (now() - begun) / EXECS);
	for (i = -10; i < MAPPINGS; i++) {
		if (i == 0)
			begun = now();
		place = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			     0);
		if (place == MAP_FAILED)
			return outcome(1);
		munmap(place, 4096);
	}
	printf("mmap %.0f\n", (now() - begun) / MAPPINGS);
	return 0;
}

static int open_pin(const char *path, unsigned int flags)
{
	union bpf_attr attributes = { .pathname = (unsigned long)path,
				      .file_flags = flags };

	return (int)syscall(SYS_bpf, BPF_OBJ_GET, &attributes,
			    sizeof(attributes));
}

static int detach(const char *path)
{
	union bpf_attr attributes = { .link_detach = {
					      .link_fd =
						      (__u32)open_pin(path, 0),
				      } };

	return outcome(syscall(SYS_bpf, BPF_LINK_DETACH, &attributes,
			       sizeof(attributes)) < 0);
}

int main(int argc, char **argv)
{
	const char *way = argc == 3 ? argv[1] : "";
	const int writes = !strcmp(way, "alter") || !strcmp(way, "share");
	const int fd =
		argc == 3 ? open(argv[2], writes ? O_RDWR : O_RDONLY) : -1;
	char line[8];

	if (!strcmp(way, "bpfmap") || !strcmp(way, "bpfread"))
		return outcome(open_pin(argv[2],
					way[3] == 'r' ? BPF_F_RDONLY : 0) < 0);
	if (!strcmp(way, "detach"))
		return detach(argv[2]);
	if (!strcmp(way, "exec"))
		return outcome(execv(argv[2], argv + 2));
	if (fd < 0)
		return argc == 3 ? outcome(1) : 1;
	if (!strcmp(way, "memfd"))
		return from_memory(fd);
	if (!strcmp(way, "time"))
		return measure(fd, argv[2]);
	if (!strcmp(way, "map"))
		return map(fd, PROT_READ | PROT_EXEC, 0);
	if (!strcmp(way, "protect"))
		return map(fd, PROT_READ, PROT_READ | PROT_EXEC);
	if (writes)
		return alter(fd, !strcmp(way, "share"));
	if (strcmp(way, "hold"))
		return 1;
	printf("held\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	return map(fd, PROT_READ | PROT_EXEC, 0);
}
