/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imahost-guard: holds accesses until the host has judged them.
 *
 * This process owns every kernel object whose loss would open the gate or
 * freeze the machine: the fanotify group, the held files and their leases, the
 * answers, the connection of the published list. It judges nothing. After
 * start() it opens nothing either, so that it can never wait for itself.
 */
#define _GNU_SOURCE
#include "guard.h"
#include "publish.h"
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
/* How long a stop waits for the host to finish what it has. */
#define STOP_PATIENCE (5 * SECOND)
/* The machine does not offer what the command line asks for. */
#define EXIT_ENVIRONMENT 2
/* Descriptors besides those of held and cached files. */
#define SPARE_FDS 1024

enum poller {
	POLL_GROUP,
	POLL_SIGNALS,
	POLL_CHANGES,
	POLL_HOST,
	POLL_PROCESS,
	POLLERS
};

static uint64_t clock_read(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* As many descriptors as the cache wants, or as we get. */
static size_t raise_descriptor_limit(size_t cache)
{
	struct rlimit limit;
	struct rlimit wanted = { .rlim_cur = cache + SPARE_FDS + 4096,
				 .rlim_max = cache + SPARE_FDS + 4096 };

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (wanted.rlim_max < limit.rlim_max)
		wanted.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return wanted.rlim_cur;
	wanted.rlim_cur = limit.rlim_max;
	wanted.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return wanted.rlim_cur;
	return limit.rlim_cur;
}

static int start_slots(struct guard *guard)
{
	size_t limit = raise_descriptor_limit(guard->options.cache);
	size_t room = limit > SPARE_FDS * 2 ? limit - SPARE_FDS * 2 : 0;

	if (guard->options.cache > room) {
		say("the limit of %zu open files leaves room for %zu cached"
		    " verdicts, not %zu",
		    limit, room, guard->options.cache);
		guard->options.cache = room;
	}
	return slots_init(&guard->slots, limit);
}

static int start_signals(struct guard *guard)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, GATE_LEASE_SIGNAL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGCHLD, SIG_DFL);
	guard->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return guard->signals < 0 ? -errno : 0;
}

/* Swapped out, the guard could wait for a disk that waits for the guard. */
static void start_memory(void)
{
	FILE *score;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		say("memory is not locked: %s", strerror(errno));
	score = fopen("/proc/self/oom_score_adj", "we");
	if (!score)
		return;
	/* Refused without CAP_SYS_RESOURCE; nothing else depends on it. */
	(void)fputs("-1000", score);
	(void)fclose(score);
}

static const char *why_no_watch(int error)
{
	if (error == -EPERM)
		return "needs CAP_SYS_ADMIN in the initial user namespace";
	if (error == -EINVAL || error == -EOPNOTSUPP || error == -ENODEV)
		return "this filesystem has no permission events";
	return strerror(-error);
}

static int start_watches(struct guard *guard)
{
	int error;
	int i;

	for (i = 0; i < guard->options.watches; i++) {
		error = gate_watch(&guard->gate, guard->options.watch[i]);
		if (error) {
			say("cannot watch %s: %s (errno %d)",
			    guard->options.watch[i], why_no_watch(error),
			    -error);
			return error;
		}
	}
	return 0;
}

static int start_publishing(struct guard *guard)
{
	int error;

	guard->host.fuse = -1;
	if (!guard->options.fs)
		return 0;
	error = publish_mount(guard->options.fs, &guard->host.fuse);
	if (error) {
		say("cannot mount %s: %s", guard->options.fs,
		    error == -EBUSY ? "another imahost publishes there"
		    : access("/dev/fuse", R_OK | W_OK) < 0
			    ? "/dev/fuse cannot be used (modprobe fuse?)"
			    : strerror(-error));
		return error;
	}
	guard->host.fuse = host_raise_fd(guard->host.fuse);
	return guard->host.fuse < 0 ? guard->host.fuse : 0;
}

static int failed(const char *what, int error)
{
	if (error)
		say("%s: %s", what,
		    error == -EPERM ? "needs CAP_SYS_ADMIN (run as root)"
				    : strerror(-error));
	return error;
}

/* Everything that opens anything, in an order that can be undone. */
static int start(struct guard *guard)
{
	int error;

	error = failed("cannot start fanotify", gate_open(&guard->gate));
	if (!error)
		error = failed("cannot set up the slots", start_slots(guard));
	if (!error)
		error = failed(
			"cannot watch for changes",
			changes_open(&guard->changes, guard->slots.capacity));
	if (!error)
		error = failed("cannot set up signals", start_signals(guard));
	if (!error)
		error = failed("cannot share memory", host_init(&guard->host));
	if (!error)
		error = start_publishing(guard);
	if (error)
		return error;
	guard->counters = &guard->host.shared->counters;
	guard->host.command = guard->options.command;
	guard->host.heartbeat = guard->options.heartbeat;
	guard->host.may_label = guard->options.may_label;
	guard->notify = notify_open();
	start_memory();
	error = start_watches(guard);
	guard->host.shared->since = clock_read(CLOCK_REALTIME);
	if (error && guard->options.fs)
		publish_unmount(guard->options.fs);
	return error;
}

static void tell_host(struct guard *guard, uint32_t message)
{
	if (guard->host.socket >= 0)
		(void)send(guard->host.socket, &message, sizeof(message),
			   MSG_NOSIGNAL);
}

void guard_stop(struct guard *guard)
{
	if (guard->stopping)
		return;
	guard->stopping = guard->now;
	notify_send(guard->notify, "STOPPING=1");
	tell_host(guard, IMA_MSG_STOP);
}

/* The queue of lease signals overflowed: any lease may be broken. */
static void break_all_leases(struct guard *guard)
{
	size_t fd;

	for (fd = 0; fd < guard->slots.capacity; fd++)
		if (guard->slots.slots[fd].state != SLOT_FREE)
			accesses_lease_break(guard, (int)fd);
}

static void on_signal(struct guard *guard, const struct signalfd_siginfo *info)
{
	const int number = (int)info->ssi_signo;

	if (number == SIGTERM || number == SIGINT)
		guard_stop(guard);
	else if (number == SIGHUP)
		tell_host(guard, IMA_MSG_RELOAD);
	else if (number == GATE_LEASE_SIGNAL)
		accesses_lease_break(guard, info->ssi_fd);
	else if (number == SIGIO)
		break_all_leases(guard);
	else if (number == SIGUSR1)
		/* Kept verdicts are open files: umount(8) wants none. */
		accesses_drop_cache(guard);
}

static void read_signals(struct guard *guard)
{
	struct signalfd_siginfo info[16];
	ssize_t got = read(guard->signals, info, sizeof(info));
	size_t i;

	accesses_read_changes(guard);
	for (i = 0; got > 0 && i < (size_t)got / sizeof(info[0]); i++)
		on_signal(guard, &info[i]);
}

static void lose_host(struct guard *guard)
{
	/* What the dead host said last still counts. */
	if (guard->host.socket >= 0)
		(void)jobs_receive(guard);
	if (!guard->stopping)
		say("host %d ended%s", guard->host.pid,
		    guard->host.ready ? ", starting another"
				      : " before it was ready, trying again");
	host_reap(&guard->host, guard->now);
	jobs_host_lost(guard);
	if (host_is_down(&guard->host) && !guard->down_said) {
		guard->down_said = true;
		say("no host comes up: %d tries failed; accesses %s",
		    HOST_TRIES,
		    guard->options.host_down == HOST_DOWN_WAIT
			    ? "wait for their deadline"
			    : "are answered without a verdict");
	}
}

static void keep_host(struct guard *guard)
{
	int error;

	if (host_is_hung(&guard->host, guard->now)) {
		say("host %d gave no sign of life for %llu ms, killed",
		    guard->host.pid,
		    (unsigned long long)(guard->options.heartbeat / 1000000));
		host_kill(&guard->host);
		/* Once is enough: it is reaped when its pidfd says so. */
		guard->host.shared->heartbeat = guard->now;
	}
	if (guard->host.pid || guard->stopping ||
	    guard->now < guard->host.restart_at)
		return;
	error = host_start(&guard->host, guard->now);
	if (error) {
		say("cannot start a host: %s", strerror(-error));
		guard->host.restart_at = guard->now + SECOND;
	}
}

static int wait_for_work(struct guard *guard, struct pollfd *pollers,
			 uint64_t patience)
{
	const int host_events = POLLIN | (jobs_want_send(guard) ? POLLOUT : 0);

	/* Without room for more the events wait in the kernel. */
	pollers[POLL_GROUP] = (struct pollfd){
		accesses_make_room(guard) ? guard->gate.group : -1, POLLIN, 0
	};
	pollers[POLL_SIGNALS] = (struct pollfd){ guard->signals, POLLIN, 0 };
	pollers[POLL_CHANGES] =
		(struct pollfd){ guard->changes.inotify, POLLIN, 0 };
	pollers[POLL_HOST] =
		(struct pollfd){ guard->host.socket, (short)host_events, 0 };
	pollers[POLL_PROCESS] =
		(struct pollfd){ guard->host.process, POLLIN, 0 };
	return poll(pollers, POLLERS, (int)(patience / 1000000));
}

/*
 * One turn. What ends a verdict comes first: a mark must go before all else.
 * A lease break that was read is younger than the changes before it.
 */
static int turn(struct guard *guard, uint64_t *patience)
{
	struct pollfd pollers[POLLERS];
	int error = 0;
	int ready = wait_for_work(guard, pollers, *patience);

	guard->now = clock_read(CLOCK_MONOTONIC);
	if (ready > 0 && pollers[POLL_SIGNALS].revents)
		read_signals(guard);
	if (ready > 0 && pollers[POLL_CHANGES].revents)
		accesses_read_changes(guard);
	if (ready > 0 && pollers[POLL_HOST].revents && !jobs_receive(guard))
		host_kill(&guard->host);
	if (ready > 0 && pollers[POLL_PROCESS].revents)
		lose_host(guard);
	if (ready > 0 && pollers[POLL_GROUP].revents)
		error = accesses_read(guard);
	keep_host(guard);
	*patience = upkeep_tick(guard);
	jobs_send(guard);
	return error;
}

static bool is_over(const struct guard *guard)
{
	return guard->stopping &&
	       (!guard->host.pid ||
		guard->now - guard->stopping > STOP_PATIENCE);
}

static int run(struct guard *guard)
{
	uint64_t patience = 0;
	int error = 0;

	while (!error && !is_over(guard))
		error = turn(guard, &patience);
	if (error)
		say("the fanotify group failed: %s", strerror(-error));
	if (guard->host.pid)
		host_kill(&guard->host);
	accesses_finish(guard);
	if (guard->options.fs)
		publish_unmount(guard->options.fs);
	return error;
}

int main(int argc, char **argv)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int status = EXIT_ENVIRONMENT;

	if (!guard)
		return status;
	options_parse(&guard->options, argc, argv);
	guard->companion = -1;
	guard->changes.inotify = -1;
	if (guard->options.companion)
		guard->companion = (int)syscall(SYS_pidfd_open,
						guard->options.companion, 0);
	guard->now = clock_read(CLOCK_MONOTONIC);
	if (start(guard) == 0)
		status = run(guard) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (guard->companion >= 0)
		(void)syscall(SYS_pidfd_send_signal, guard->companion, SIGTERM,
			      NULL, 0);
	changes_close(&guard->changes);
	slots_destroy(&guard->slots);
	free(guard->options.watch);
	free(guard);
	return status;
}
