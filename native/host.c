/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "host.h"
#include "protect.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLISECOND 1000000ull
#define BACKOFF_FIRST (2 * MILLISECOND)
#define BACKOFF_MOST (1000 * MILLISECOND)

int host_raise_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 16);

	close(fd);
	return high < 0 ? -errno : high;
}

int host_adopt(struct host *host, int shared)
{
	void *map =
		mmap(NULL, sizeof(struct ima_shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, shared, 0);

	host->shared_fd = shared;
	if (map == MAP_FAILED)
		return -errno;
	host->shared = map;
	return 0;
}

int host_init(struct host *host)
{
	int shared = host_raise_fd(memfd_create("imahost", MFD_CLOEXEC));
	int error;

	host->pid = 0;
	host->process = -1;
	host->socket = -1;
	if (shared < 0 || ftruncate(shared, sizeof(struct ima_shared)) < 0)
		return -errno;
	error = host_adopt(host, shared);
	if (error)
		return error;
	host->shared->version = IMA_ABI_VERSION;
	host->shared->size = sizeof(struct ima_shared);
	return 0;
}

static int move_fd(int from, int to)
{
	return dup2(from, to) < 0 ? -errno : 0;
}

/*
 * Between fork and exec. The exec below raises events that the parent answers,
 * and the group's descriptor, inherited by fork, goes with the exec.
 */
static void become_host(const struct host *host, int theirs)
{
	const char *version = "5";
	sigset_t none;
	int number;

	_Static_assert(IMA_ABI_VERSION == 5, "the literal above");
	sigemptyset(&none);
	for (number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	if (move_fd(theirs, IMA_FD_SOCKET) ||
	    move_fd(host->shared_fd, IMA_FD_SHARED) ||
	    (host->fuse >= 0 && move_fd(host->fuse, IMA_FD_FUSE)))
		_exit(126);
	(void)syscall(SYS_close_range,
		      host->fuse >= 0 ? IMA_FD_FUSE + 1 : IMA_FD_SHARED + 1,
		      ~0u, 0);
	protect_host(host->may_label);
	if (setenv(IMA_GUARD_ENV, version, 1) < 0)
		_exit(126);
	execv(host->command[0], host->command);
	_exit(127);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int host_start(struct host *host, uint64_t now)
{
	int pair[2];
	int error = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pair[0] = host_raise_fd(pair[0]);
	pair[1] = host_raise_fd(pair[1]);
	if (pair[0] < 0 || pair[1] < 0) {
		error = -EMFILE;
		goto out;
	}
	__atomic_store_n(&host->shared->heartbeat, now, __ATOMIC_RELEASE);
	/*
	 * fork, never vfork or posix_spawn: they stop the parent until the
	 * child's exec is over, and that exec waits for the parent's answer.
	 */
	pid = fork();
	if (pid < 0) {
		error = -errno;
		goto out;
	}
	if (pid == 0)
		become_host(host, pair[1]);
	host->pid = pid;
	host->process = (int)syscall(SYS_pidfd_open, pid, 0);
	host->socket = pair[0];
	(void)fcntl(host->socket, F_SETFL, O_NONBLOCK);
	host->ready = false;
	host->yields = false;
	host->started = now;
	host->killed = 0;
	host->shared->counters.host_starts++;
	pair[0] = -1;
out:
	close_fd(&pair[0]);
	close_fd(&pair[1]);
	return error;
}

/* It is gone, or will never run again. */
static void forget(struct host *host, uint64_t now)
{
	uint64_t pause = 0;

	if (!host->ready) {
		pause = BACKOFF_FIRST
			<< (host->failures < 10 ? host->failures : 10);
		host->failures++;
	} else {
		host->failures = 0;
	}
	/* A reused pid must never pass for the host. */
	host->pid = 0;
	host->ready = false;
	close_fd(&host->socket);
	host->restart_at = now + (pause < BACKOFF_MOST ? pause : BACKOFF_MOST);
}

void host_reap(struct host *host, uint64_t now)
{
	(void)waitpid(host->pid, NULL, 0);
	close_fd(&host->process);
	forget(host, now);
}

bool host_abandon(struct host *host, uint64_t now)
{
	struct ghost *ghost = host->ghosts;

	while (ghost < host->ghosts + HOST_GHOSTS && ghost->pid)
		ghost++;
	if (ghost == host->ghosts + HOST_GHOSTS)
		return false;
	*ghost = (struct ghost){ host->pid, host->process };
	host->process = -1;
	forget(host, now);
	return true;
}

void host_reap_ghosts(struct host *host)
{
	struct ghost *ghost = host->ghosts;

	for (; ghost < host->ghosts + HOST_GHOSTS; ghost++)
		if (ghost->pid && waitpid(ghost->pid, NULL, WNOHANG) != 0) {
			ghost->pid = 0;
			close_fd(&ghost->process);
		}
}

void host_kill(struct host *host, uint64_t now)
{
	if (host->process >= 0)
		(void)syscall(SYS_pidfd_send_signal, host->process, SIGKILL,
			      NULL, 0);
	if (!host->killed)
		host->killed = now;
}

void host_hang_up(struct host *host, uint64_t now)
{
	close_fd(&host->socket);
	host_kill(host, now);
}

/*
 * What a start takes is up to the machine: where the first host was not given
 * time enough, the next one gets more, or none would ever come up.
 */
static uint64_t patience(const struct host *host, uint64_t at_first)
{
	unsigned int tries = host->ready ? 0 : host->failures;

	return at_first << (tries < 3 ? tries : 3);
}

bool host_is_hung(const struct host *host, uint64_t now)
{
	uint64_t beat =
		__atomic_load_n(&host->shared->heartbeat, __ATOMIC_ACQUIRE);

	return host->pid && !host->killed && now > beat &&
	       now - beat > patience(host, host->heartbeat);
}

bool host_is_late(const struct host *host, uint64_t now)
{
	return host->pid && !host->killed && !host->ready &&
	       now - host->started > patience(host, HOST_START);
}

bool host_is_down(const struct host *host)
{
	return !host->ready && host->failures >= HOST_TRIES;
}
