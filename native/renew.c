/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "renew.h"
#include "guard.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

/* By this an image tells, before it runs, whether it can take over. */
__attribute__((used)) static const char mark[] = "imahost-guard abi " TEXT(
	IMA_ABI_VERSION) " state " TEXT(RENEW_VERSION);
/* The maps are left to the next image, too. */
_Static_assert(IMA_BPF_VERSION == 1, "RENEW_VERSION is raised with it");

static void set_flags(int fd, int flags)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, flags);
}

/* Everything that one image leaves to the next, or takes from the last. */
static void for_all_fds(struct guard *guard, int flags)
{
	const int own[] = {
		guard->gate.group,	guard->signals,
		guard->changes.inotify, guard->host.shared_fd,
		guard->host.fuse,	guard->notify,
		guard->companion,	guard->host.process,
		guard->host.socket,
	};
	int state;
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		set_flags(own[i], flags);
	for (i = 0; i < VERDICT_MAPS; i++)
		set_flags(guard->verdicts.maps[i], flags);
	for (i = 0; i < HOST_GHOSTS; i++)
		if (guard->host.ghosts[i].pid)
			set_flags(guard->host.ghosts[i].process, flags);
	for (state = SLOT_LEASING; state < SLOT_STATES; state++) {
		const struct slot *slot =
			accesses_in(guard, (enum slot_state)state)->first;

		for (; slot; slot = slot->next)
			set_flags(slot_fd(&guard->slots, slot), flags);
	}
}

static int write_all(int fd, const void *data, size_t size)
{
	return write(fd, data, size) == (ssize_t)size ? 0 : -EIO;
}

static int save_slots(struct guard *guard, int to)
{
	int error = 0;
	int state;

	for (state = SLOT_LEASING; state < SLOT_STATES; state++) {
		const struct slot *slot =
			accesses_in(guard, (enum slot_state)state)->first;

		for (; slot && !error; slot = slot->next) {
			const int fd = slot_fd(&guard->slots, slot);
			const struct renew_slot saved = {
				.fd = fd,
				.watch = guard->changes.watch[fd],
				.state = (uint32_t)slot->state,
				.access = slot->access,
				.flags = slot->flags,
				.losses = slot->losses,
				.pid = slot->pid,
				.sequence = slot->sequence,
				.held = slot->held,
				.since = slot->since,
				.due = slot->due,
				.generation = slot->generation,
			};

			error = write_all(to, &saved, sizeof(saved));
		}
	}
	return error;
}

static size_t count_slots(struct guard *guard)
{
	size_t count = 0;
	int state;

	for (state = SLOT_LEASING; state < SLOT_STATES; state++)
		count += accesses_in(guard, (enum slot_state)state)->length;
	return count;
}

static int save(struct guard *guard, int to)
{
	struct renew_state state = {
		.version = RENEW_VERSION,
		.slots = (uint32_t)count_slots(guard),
		.group = guard->gate.group,
		.signals = guard->signals,
		.inotify = guard->changes.inotify,
		.shared = guard->host.shared_fd,
		.fuse = guard->host.fuse,
		.notify = guard->notify,
		.companion = guard->companion,
		.host_pid = guard->host.pid,
		.host_process = guard->host.process,
		.host_socket = guard->host.socket,
		.host_ready = guard->host.ready,
		.ready = guard->ready,
		.policy = guard->policy,
		.sequence = guard->slots.sequence,
		.capacity = guard->slots.capacity,
	};
	int error;

	memcpy(state.ghosts, guard->host.ghosts, sizeof(state.ghosts));
	memcpy(state.maps, guard->verdicts.maps, sizeof(state.maps));
	error = write_all(to, &state, sizeof(state));
	if (!error)
		error = save_slots(guard, to);
	if (!error && lseek(to, 0, SEEK_SET) < 0)
		error = -errno;
	return error;
}

static void give_up(struct guard *guard, int error)
{
	for_all_fds(guard, FD_CLOEXEC);
	say("the guard goes on as it is, it cannot be replaced: %s",
	    strerror(error));
	close(guard->image);
	guard->image = -1;
}

void renew(struct guard *guard)
{
	char number[16];
	/* Not to be closed by exec: the next image reads it. */
	int state = host_raise_fd(memfd_create("imahost-guard-state", 0));
	int error = state < 0 ? -state : -save(guard, state);

	if (!error) {
		(void)fcntl(state, F_SETFD, 0);
		(void)snprintf(number, sizeof(number), "%d", state);
		error = setenv(RENEW_ENV, number, 1) < 0 ? errno : 0;
	}
	if (!error) {
		/* It is sealed, and of a filesystem that nobody watches. */
		verdicts_commit(&guard->verdicts, guard->image,
				verdicts_begin(&guard->verdicts, guard->image),
				false);
		for_all_fds(guard, 0);
		(void)fexecve(guard->image, guard->arguments, environ);
		error = errno;
	}
	(void)unsetenv(RENEW_ENV);
	if (state >= 0)
		close(state);
	give_up(guard, error);
}

int renew_inherited(void)
{
	const char *text = getenv(RENEW_ENV);
	int state = text ? atoi(text) : -1;

	(void)unsetenv(RENEW_ENV);
	return state;
}

static int resume_slots(struct guard *guard, int from, uint32_t count)
{
	struct renew_slot saved;

	while (count--) {
		if (read(from, &saved, sizeof(saved)) != sizeof(saved) ||
		    !slots_at(&guard->slots, saved.fd) ||
		    saved.state == SLOT_FREE || saved.state >= SLOT_STATES)
			return -EIO;
		slots_resume(&guard->slots, saved.fd,
			     &(struct slot){
				     .sequence = saved.sequence,
				     .held = saved.held,
				     .since = saved.since,
				     .due = saved.due,
				     .generation = saved.generation,
				     .pid = saved.pid,
				     .access = saved.access,
				     .flags = saved.flags,
				     .losses = saved.losses,
				     .state = (enum slot_state)saved.state,
			     });
		if (saved.watch >= 0)
			changes_resume(&guard->changes, saved.fd, saved.watch);
	}
	return 0;
}

static void take_over(struct guard *guard, const struct renew_state *state)
{
	guard->gate.group = state->group;
	guard->gate.says_errno = true;
	guard->signals = state->signals;
	guard->notify = state->notify;
	guard->companion = state->companion;
	guard->ready = state->ready;
	guard->policy = state->policy;
	guard->announced = true;
	guard->judged = guard->now;
	guard->slots.sequence = state->sequence;
	guard->host.fuse = state->fuse;
	guard->host.pid = state->host_pid;
	guard->host.process = state->host_process;
	guard->host.socket = state->host_socket;
	guard->host.ready = state->host_ready;
	guard->host.started = guard->now;
	memcpy(guard->host.ghosts, state->ghosts, sizeof(state->ghosts));
}

static int resume(struct guard *guard, int from)
{
	struct renew_state state;
	int error;

	if (read(from, &state, sizeof(state)) != sizeof(state) ||
	    state.version != RENEW_VERSION)
		return -EPROTO;
	error = start_slots(guard, state.capacity);
	if (!error)
		error = changes_open(&guard->changes, state.inotify,
				     guard->slots.capacity);
	if (!error)
		error = host_adopt(&guard->host, state.shared);
	if (!error)
		error = verdicts_resume(&guard->verdicts, state.maps,
					guard->now);
	if (!error)
		error = denials_open(&guard->denials,
				     guard->verdicts.maps[VERDICT_DENIALS]);
	if (error)
		return error;
	take_over(guard, &state);
	error = resume_slots(guard, from, state.slots);
	for_all_fds(guard, FD_CLOEXEC);
	start_common(guard);
	return error;
}

int renew_resume(struct guard *guard, int state)
{
	const int error = resume(guard, state);

	close(state);
	(void)prctl(PR_SET_NAME, "imahost-guard");
	if (error)
		say("cannot go on where the last guard was: %s",
		    strerror(-error));
	else
		say("another guard goes on, %u accesses wait, %zu verdicts are"
		    " kept",
		    (unsigned int)(accesses_in(guard, SLOT_QUEUED)->length +
				   accesses_in(guard, SLOT_SENT)->length),
		    accesses_in(guard, SLOT_CACHED)->length);
	return error;
}
