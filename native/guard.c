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
#include "protect.h"
#include "publish.h"
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum poller {
	POLL_GROUP,
	POLL_SIGNALS,
	POLL_CHANGES,
	POLL_HOST,
	POLL_PROCESS,
	POLL_DENIALS,
	POLLERS
};

static uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void guard_stop(struct guard *guard)
{
	if (guard->stopping)
		return;
	guard->stopping = guard->now;
	verdicts_disarm(&guard->verdicts);
	notify_send(guard->notify, "STOPPING=1");
	jobs_tell(guard, IMA_MSG_STOP);
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
		jobs_tell(guard, IMA_MSG_RELOAD);
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
	/* What the host does not take now would be told at once, for ever. */
	pollers[POLL_DENIALS] = (struct pollfd){
		denials_are_left(&guard->denials)
			? -1
			: guard->verdicts.maps[VERDICT_DENIALS],
		POLLIN, 0
	};
	return poll(pollers, POLLERS, (int)(patience / 1000000));
}

/* A guard that does not turn must go before the kernel breaks its leases. */
static void pat_watchdog(struct guard *guard)
{
	if (!guard->watchdog || guard->now - guard->patted < guard->watchdog)
		return;
	guard->patted = guard->now;
	notify_send(guard->notify, "WATCHDOG=1");
}

/* By what is installed now: first the guard, which then sees to the host. */
static void replace(struct guard *guard)
{
	guard->renew = false;
	if (guard->image >= 0)
		renew(guard);
	keep_yield(guard);
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

	guard->now = clock_now();
	if (ready > 0 && pollers[POLL_SIGNALS].revents)
		read_signals(guard);
	if (ready > 0 && pollers[POLL_CHANGES].revents)
		accesses_read_changes(guard);
	if (ready > 0 && pollers[POLL_HOST].revents && !jobs_receive(guard))
		host_hang_up(&guard->host, guard->now);
	if (ready > 0 && pollers[POLL_PROCESS].revents)
		keep_lost(guard);
	if (ready > 0 && pollers[POLL_GROUP].revents)
		error = accesses_read(guard);
	keep_host(guard);
	*patience = upkeep_tick(guard);
	jobs_send(guard);
	jobs_tell_denials(guard);
	pat_watchdog(guard);
	if (guard->renew)
		replace(guard);
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
		host_kill(&guard->host, guard->now);
	accesses_finish(guard);
	if (guard->options.fs)
		publish_unmount(guard->options.fs);
	return error;
}

static int begin(struct guard *guard)
{
	const int state = renew_inherited();
	const int error = state < 0 ? start(guard) : renew_resume(guard, state);

	if (error)
		return error;
	protect_guard(guard->options.may_label,
		      verdicts_are_kept(&guard->verdicts), state >= 0);
	if (state >= 0)
		keep_yield(guard);
	return 0;
}

int main(int argc, char **argv)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int status = EXIT_ENVIRONMENT;

	if (!guard)
		return status;
	options_parse(&guard->options, argc, argv);
	guard->arguments = argv;
	guard->companion = -1;
	guard->image = -1;
	guard->changes.inotify = -1;
	verdicts_none(&guard->verdicts);
	guard->now = clock_now();
	if (begin(guard) == 0)
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
