/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "guard.h"
#include "say.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The host's own accesses that are noted at one time, of data and in all. */
#define OWN_DATA_NOTED 256
#define OWN_NOTED 4096
#define DENIALS (SLOT_DO_DENY | SLOT_DO_BUSY | SLOT_DO_REFUSE)

static void count_hold(struct guard *guard, const struct slot *slot)
{
	uint64_t held = (guard->now - slot->held) / 1000;
	unsigned int bucket = 0;

	while (held && bucket < IMA_HOLD_BUCKETS - 1) {
		held >>= 1;
		bucket++;
	}
	guard->counters->holds[bucket]++;
}

bool accesses_tell_writer(struct guard *guard, struct slot *slot)
{
	if (!jobs_tell_writer(guard, slot))
		return false;
	(void)slots_step(&guard->slots, slot, SLOT_TOLD, guard->now);
	return true;
}

/* The actions of one step, in the order that keeps the gate shut. */
static void carry_out(struct guard *guard, struct slot *slot, unsigned int todo)
{
	struct gate *gate = &guard->gate;
	int fd = slot_fd(&guard->slots, slot);

	if (todo & SLOT_DO_UNMARK)
		gate_unmark(gate, fd);
	if (todo & SLOT_DO_MARK)
		(void)gate_mark(gate, fd);
	if (todo & SLOT_DO_ALLOW)
		gate_allow(gate, fd);
	if (todo & SLOT_DO_DENY)
		gate_deny(gate, fd);
	if (todo & SLOT_DO_BUSY)
		gate_busy(gate, fd);
	if (todo & SLOT_DO_REFUSE)
		gate_refuse(gate, fd);
	if (todo & SLOT_DO_ALLOW)
		guard->counters->allowed++;
	if (todo & DENIALS)
		guard->counters->denied++;
	if (todo & (SLOT_DO_ALLOW | DENIALS))
		count_hold(guard, slot);
	if (todo & SLOT_DO_TELL)
		(void)accesses_tell_writer(guard, slot);
	if (todo & SLOT_DO_UNLEASE)
		gate_unlease(fd);
	if (todo & SLOT_DO_CLOSE) {
		changes_unwatch(&guard->changes, fd);
		close(fd);
	}
}

void accesses_step(struct guard *guard, struct slot *slot,
		   enum slot_event event)
{
	carry_out(guard, slot,
		  slots_step(&guard->slots, slot, event, guard->now));
}

struct slot_list *accesses_in(struct guard *guard, enum slot_state state)
{
	return &guard->slots.lists[state];
}

uint64_t accesses_deadline(const struct guard *guard, const struct slot *slot)
{
	return guard->options.deadlines[slot->access];
}

void accesses_fail(struct guard *guard, struct slot *slot)
{
	if (!slot_is_held(slot))
		return;
	guard->counters->deadlines++;
	accesses_step(guard, slot,
		      guard->options.fail_deny ? SLOT_FAIL_DENY
					       : SLOT_FAIL_ALLOW);
}

static void allow_alone(struct guard *guard, int fd)
{
	gate_allow(&guard->gate, fd);
	guard->counters->allowed++;
	close(fd);
}

static void refuse_alone(struct guard *guard, int fd)
{
	gate_refuse(&guard->gate, fd);
	guard->counters->denied++;
	close(fd);
}

/*
 * The host's own access. It cannot be judged by the host, which waits for it:
 * allowed if nobody but root can have written the file, and noted, so that it
 * is measured before the host's first verdict. Identities are not pinned, or
 * an upgrade of the host would lock it out. What the host says that it opens to
 * look at, and not to run, may be anybody's.
 */
static void on_own(struct guard *guard, int fd, enum ima_access access)
{
	struct slot *slot = slots_at(&guard->slots, fd);

	guard->counters->own++;
	if (access != IMA_ACCESS_EXEC &&
	    __atomic_load_n(&guard->host.shared->opens, __ATOMIC_ACQUIRE)) {
		allow_alone(guard, fd);
		return;
	}
	if (!gate_is_trusted(fd)) {
		say("refused the host's access to a file that others may write"
		    " (descriptor %d): see that root owns what it loads",
		    fd);
		refuse_alone(guard, fd);
		return;
	}
	if (access != IMA_ACCESS_DATA)
		(void)verdicts_trust(&guard->verdicts, fd);
	if (guard->slots.own >= OWN_NOTED ||
	    (access == IMA_ACCESS_DATA &&
	     (guard->host.ready || guard->slots.own >= OWN_DATA_NOTED))) {
		allow_alone(guard, fd);
		return;
	}
	slots_claim(&guard->slots, slot, access, guard->host.pid, guard->now);
	accesses_step(guard, slot, SLOT_HELD_OWN);
}

static enum slot_event lease(struct guard *guard, int fd)
{
	int error = gate_lease(fd);

	if (!error)
		return SLOT_HELD_LEASED;
	if (error == -EAGAIN)
		return SLOT_HELD_WRITER;
	guard->counters->unleasable++;
	return SLOT_HELD_UNLEASED;
}

/* Watched from before it is judged: what is judged must be what is kept. */
static void watch_changes(struct guard *guard, struct slot *slot, int fd)
{
	int error = changes_watch(&guard->changes, fd);

	if (!error)
		return;
	guard->counters->unleasable++;
	if (guard->watch_error != error)
		say("verdicts are not kept, changes of attributes would not be"
		    " seen: %s%s",
		    strerror(-error),
		    error == -ENOSPC ? " (fs.inotify.max_user_watches)" : "");
	guard->watch_error = error;
	accesses_step(guard, slot, SLOT_CHANGED);
}

static void hold(struct guard *guard, int fd, enum ima_access access,
		 int32_t pid)
{
	struct slot *slot = slots_at(&guard->slots, fd);
	/* First, so that who comes to write before the lease is seen too. */
	const verdict_generation generation =
		verdicts_begin(&guard->verdicts, fd);
	const enum slot_event leased = lease(guard, fd);

	slots_claim(&guard->slots, slot, access, pid, guard->now);
	slot->generation = generation;
	slot->due = guard->now + accesses_deadline(guard, slot);
	if (access == IMA_ACCESS_EXEC)
		slot->flags |= SLOT_IS_EXEC;
	if (access != IMA_ACCESS_DATA || gate_is_executable(fd))
		slot->flags |= SLOT_MAY_RUN;
	accesses_step(guard, slot, leased);
	if (leased != SLOT_HELD_UNLEASED)
		watch_changes(guard, slot, fd);
}

/*
 * Nobody will judge it: say now what the deadline would say later. Data is let
 * through, and so is a look at what only root can have written: the cp that
 * repairs the host does no more than that.
 */
static bool answer_host_down(struct guard *guard, int fd,
			     enum ima_access access)
{
	const enum host_down action = guard->options.host_down;

	if (!guard->is_down)
		return false;
	guard->counters->deadlines++;
	guard->counters->unrecorded++;
	if (action == HOST_DOWN_ALLOW ||
	    (action == HOST_DOWN_WAIT && !guard->options.fail_deny) ||
	    access == IMA_ACCESS_DATA ||
	    (access != IMA_ACCESS_EXEC && gate_is_trusted(fd)))
		allow_alone(guard, fd);
	else
		refuse_alone(guard, fd);
	return true;
}

/*
 * The content is looked at again when nobody can write it: who was there before
 * this event is gone, and the open of who comes now is held until it is over.
 */
enum ima_access accesses_mark_data(struct guard *guard, int fd)
{
	enum ima_access access;

	/* What is enforced is not left to who may write the file. */
	if (guard->options.fail_deny && !gate_is_trusted(fd))
		return IMA_ACCESS_DATA;
	if (!gate_tell_closes(&guard->gate, fd))
		return IMA_ACCESS_DATA;
	access = gate_classify(&guard->gate, fd);
	if (access == IMA_ACCESS_DATA && gate_mark_data(&guard->gate, fd) == 0)
		guard->counters->marked++;
	else
		gate_unmark_data(&guard->gate, fd);
	return access;
}

/*
 * Once its mark is off, an exec that was let through is held again, as the
 * plain open that it is too. A writer may be there by then, whom no lease holds
 * after this answer: to the kernel, a moment later, the file would be busy.
 */
static bool is_overtaken_exec(struct guard *guard,
			      const struct fanotify_event_metadata *event)
{
	const struct slot *slot = accesses_in(guard, SLOT_LINGERING)->first;

	while (slot &&
	       (slot->pid != event->pid || !(slot->flags & SLOT_IS_EXEC) ||
		!gate_is_same(slot_fd(&guard->slots, slot), event->fd)))
		slot = slot->next;
	return slot && gate_lease(event->fd) == -EAGAIN;
}

static void on_event(struct guard *guard,
		     const struct fanotify_event_metadata *event)
{
	const bool judges_data = guard->ready & IMA_READY_JUDGE_DATA;
	enum ima_access access;

	if (event->fd < 0)
		return;
	if (gate_is_close(event)) {
		gate_unmark_data(&guard->gate, event->fd);
		close(event->fd);
		return;
	}
	guard->counters->events++;
	if (guard->stopping || !slots_at(&guard->slots, event->fd)) {
		allow_alone(guard, event->fd);
		return;
	}
	access = gate_is_exec(event) || is_overtaken_exec(guard, event)
			 ? IMA_ACCESS_EXEC
			 : gate_classify(&guard->gate, event->fd);
	if (guard->host.pid && event->pid == guard->host.pid) {
		on_own(guard, event->fd, access);
		return;
	}
	if (access == IMA_ACCESS_DATA && !judges_data)
		access = accesses_mark_data(guard, event->fd);
	if (access == IMA_ACCESS_DATA && !judges_data) {
		guard->counters->unjudged++;
		allow_alone(guard, event->fd);
		return;
	}
	if (!answer_host_down(guard, event->fd, access))
		hold(guard, event->fd, access, event->pid);
}

int accesses_read(struct guard *guard)
{
	_Alignas(struct fanotify_event_metadata) char buffer[4096];
	const struct fanotify_event_metadata *event = (void *)buffer;
	long left = gate_read(&guard->gate, buffer, sizeof(buffer));

	if (left < 0)
		return (int)left;
	while (FAN_EVENT_OK(event, left)) {
		on_event(guard, event);
		event = FAN_EVENT_NEXT(event, left);
	}
	return 0;
}

static void on_change(void *context, int fd)
{
	struct guard *guard = context;

	if (fd != CHANGES_ANYWHERE) {
		accesses_step(guard, slots_at(&guard->slots, fd), SLOT_CHANGED);
		return;
	}
	for (fd = 0; (size_t)fd < guard->slots.capacity; fd++)
		if (guard->slots.slots[fd].state != SLOT_FREE)
			accesses_step(guard, &guard->slots.slots[fd],
				      SLOT_CHANGED);
}

void accesses_forget(struct guard *guard, uint32_t device, uint64_t inode)
{
	struct slot *slot = accesses_in(guard, SLOT_CACHED)->first;
	struct slot *next;
	struct stat file;

	for (; slot; slot = next) {
		next = slot->next;
		if (fstat(slot_fd(&guard->slots, slot), &file) == 0 &&
		    file.st_ino == inode &&
		    ima_bpf_device(major(file.st_dev), minor(file.st_dev)) ==
			    device)
			accesses_step(guard, slot, SLOT_CHANGED);
	}
}

void accesses_read_changes(struct guard *guard)
{
	changes_read(&guard->changes, on_change, guard);
}

void accesses_lease_break(struct guard *guard, int fd)
{
	struct slot *slot = slots_at(&guard->slots, fd);

	guard->counters->lease_breaks++;
	if (slot && slot->state != SLOT_FREE)
		accesses_step(guard, slot, SLOT_LEASE_BREAK);
}
