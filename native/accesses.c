/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "guard.h"
#include "say.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MILLISECOND 1000000ull
/* Descriptors kept for one read of events and for the guard's own. */
#define SPARE_SLOTS 256
/* How long an exec waits for a writer to go before it is refused. */
#define LEASE_PATIENCE (50 * MILLISECOND)
/* The host's own accesses that are noted at one time, of data and in all. */
#define OWN_DATA_NOTED 256
#define OWN_NOTED 4096
/* Hosts that one job may cost; then it is answered without a verdict. */
#define JOB_LOSSES 8

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

/* The actions of one step, in the order that keeps the gate shut. */
static void carry_out(struct guard *guard, struct slot *slot,
		      unsigned int todo)
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
	if (todo & SLOT_DO_ALLOW)
		guard->counters->allowed++;
	if (todo & (SLOT_DO_DENY | SLOT_DO_BUSY))
		guard->counters->denied++;
	if (todo & (SLOT_DO_ALLOW | SLOT_DO_DENY | SLOT_DO_BUSY))
		count_hold(guard, slot);
	if (todo & SLOT_DO_UNLEASE)
		gate_unlease(fd);
	if (todo & SLOT_DO_CLOSE)
		close(fd);
}

static void step(struct guard *guard, struct slot *slot, enum slot_event event)
{
	carry_out(guard, slot,
		  slots_step(&guard->slots, slot, event, guard->now));
}

static struct slot_list *in(struct guard *guard, enum slot_state state)
{
	return &guard->slots.lists[state];
}

static void fail(struct guard *guard, struct slot *slot)
{
	if (!slot_is_held(slot))
		return;
	guard->counters->deadlines++;
	step(guard, slot,
	     guard->options.fail_deny ? SLOT_FAIL_DENY : SLOT_FAIL_ALLOW);
}

static enum ima_access classify(const struct fanotify_event_metadata *event)
{
	int elf;

	if (event->mask & FAN_OPEN_EXEC_PERM)
		return IMA_ACCESS_EXEC;
	elf = gate_may_map(event->fd);
	if (elf < 0)
		return IMA_ACCESS_OPEN;
	return elf ? IMA_ACCESS_ELF : IMA_ACCESS_DATA;
}

static void answer_alone(struct guard *guard, int fd, bool allow)
{
	if (allow) {
		gate_allow(&guard->gate, fd);
		guard->counters->allowed++;
	} else {
		gate_deny(&guard->gate, fd);
		guard->counters->denied++;
	}
	close(fd);
}

/*
 * The host's own access. It cannot be judged by the host, which waits for it:
 * allowed if nobody but root can have written the file, and noted, so that it
 * is measured before the host's first verdict. Identities are not pinned, or
 * an upgrade of the host would lock it out.
 */
static void on_own(struct guard *guard, int fd, enum ima_access access)
{
	struct slot *slot = slots_at(&guard->slots, fd);

	guard->counters->own++;
	if (!gate_is_trusted(fd)) {
		say("refused the host's access to a file that others may write"
		    " (descriptor %d): see that root owns what it loads",
		    fd);
		answer_alone(guard, fd, false);
		return;
	}
	if (guard->slots.own >= OWN_NOTED ||
	    (access == IMA_ACCESS_DATA &&
	     (guard->host.ready || guard->slots.own >= OWN_DATA_NOTED))) {
		answer_alone(guard, fd, true);
		return;
	}
	slots_claim(&guard->slots, slot, access, guard->host.pid, guard->now);
	step(guard, slot, SLOT_HELD_OWN);
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

static void hold(struct guard *guard, int fd, enum ima_access access,
		 int32_t pid)
{
	struct slot *slot = slots_at(&guard->slots, fd);

	slots_claim(&guard->slots, slot, access, pid, guard->now);
	slot->due = guard->now + guard->options.deadline;
	if (access == IMA_ACCESS_EXEC)
		slot->flags |= SLOT_IS_EXEC;
	step(guard, slot, lease(guard, fd));
}

/* Nobody will judge it: say now what the deadline would say later. */
static bool answer_host_down(struct guard *guard, int fd,
			     enum ima_access access)
{
	const enum host_down action = guard->options.host_down;

	if (!host_is_down(&guard->host) || action == HOST_DOWN_WAIT)
		return false;
	/* A plain open is what the cp that repairs the host does. */
	guard->counters->deadlines++;
	answer_alone(guard, fd,
		     action == HOST_DOWN_ALLOW || access != IMA_ACCESS_EXEC);
	return true;
}

static void on_event(struct guard *guard,
		     const struct fanotify_event_metadata *event)
{
	enum ima_access access;

	if (event->fd < 0)
		return;
	guard->counters->events++;
	if (guard->stopping || !slots_at(&guard->slots, event->fd)) {
		answer_alone(guard, event->fd, true);
		return;
	}
	access = classify(event);
	if (guard->host.pid && event->pid == guard->host.pid) {
		on_own(guard, event->fd, access);
		return;
	}
	if (access == IMA_ACCESS_DATA &&
	    !(guard->ready & IMA_READY_JUDGE_DATA)) {
		guard->counters->unjudged++;
		answer_alone(guard, event->fd, true);
		return;
	}
	if (!answer_host_down(guard, event->fd, access))
		hold(guard, event->fd, access, event->pid);
}

/* The kernel denies an event for whose descriptor there is no room. */
bool accesses_make_room(struct guard *guard)
{
	struct slot_list *cached = in(guard, SLOT_CACHED);
	size_t used = 0;
	int state;

	while (cached->length > guard->options.cache)
		step(guard, cached->first, SLOT_EVICT);
	for (state = SLOT_LEASING; state < SLOT_STATES; state++)
		used += in(guard, (enum slot_state)state)->length;
	return used + SPARE_SLOTS < guard->slots.capacity;
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

static uint32_t job_flags(const struct slot *slot)
{
	uint32_t flags = 0;

	if (slot->flags & SLOT_IS_LEASED)
		flags |= IMA_JOB_LEASED;
	if (slot->flags & SLOT_IS_WRITER)
		flags |= IMA_JOB_WRITER;
	if (slot->flags & SLOT_IS_OWN)
		flags |= IMA_JOB_NOTE;
	if (slot->flags & SLOT_IS_LATE)
		flags |= IMA_JOB_LATE;
	if (slot->flags & SLOT_IS_RESENT)
		flags |= IMA_JOB_RESENT;
	return flags;
}

static int send_job(struct guard *guard, const struct slot *slot)
{
	struct ima_job job = {
		.type = IMA_MSG_JOB,
		.slot = (uint32_t)slot_fd(&guard->slots, slot),
		.sequence = slot->sequence,
		.access = slot->access,
		.flags = job_flags(slot),
		.pid = slot->pid,
	};
	const int fd = slot_fd(&guard->slots, slot);
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec part = { .iov_base = &job, .iov_len = sizeof(job) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	if (sendmsg(guard->host.socket, &message, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/* What the host is made of stands in the list before anything it says. */
static struct slot *next_to_send(struct guard *guard)
{
	struct slot *first = in(guard, SLOT_QUEUED)->first;

	if (!first || !guard->slots.own || first->flags & SLOT_IS_OWN)
		return first;
	return NULL;
}

bool accesses_want_send(struct guard *guard)
{
	return guard->host.ready && next_to_send(guard);
}

void accesses_send(struct guard *guard)
{
	struct slot *slot;

	while (guard->host.ready && (slot = next_to_send(guard))) {
		if (slot->losses >= JOB_LOSSES) {
			fail(guard, slot);
			step(guard, slot, SLOT_DROP);
			continue;
		}
		if (send_job(guard, slot) < 0)
			return;
		step(guard, slot, SLOT_TAKEN);
	}
}

static void on_verdict(struct guard *guard, const struct ima_verdict *verdict)
{
	struct slot *slot =
		slots_find(&guard->slots, verdict->slot, verdict->sequence);

	/* NULL: its deadline passed and it was settled without the host. */
	if (!slot)
		return;
	if (verdict->type == IMA_MSG_PROGRESS)
		slot->due = guard->now + guard->options.deadline;
	else if (verdict->decision == IMA_ALLOW)
		step(guard, slot,
		     verdict->flags & IMA_VERDICT_CACHE &&
				     verdict->policy == guard->policy
			     ? SLOT_VERDICT_CACHE
			     : SLOT_VERDICT_ALLOW);
	else
		step(guard, slot,
		     verdict->decision == IMA_BUSY ? SLOT_VERDICT_BUSY
						   : SLOT_VERDICT_DENY);
}

static void follow_policy(struct guard *guard, uint64_t policy)
{
	if (policy == guard->policy)
		return;
	guard->policy = policy;
	while (in(guard, SLOT_CACHED)->first)
		step(guard, in(guard, SLOT_CACHED)->first, SLOT_EVICT);
}

static void on_ready(struct guard *guard, const struct ima_ready *ready)
{
	guard->ready = ready->flags;
	follow_policy(guard, ready->policy);
	if (guard->host.ready)
		return;
	guard->host.ready = true;
	guard->down_said = false;
	if (guard->announced) {
		say("host %d took over, %zu accesses wait", guard->host.pid,
		    in(guard, SLOT_QUEUED)->length - guard->slots.own);
		return;
	}
	guard->announced = true;
	say_plain("imahost: ready\n");
	notify_send(guard->notify, "READY=1");
}

bool accesses_receive(struct guard *guard)
{
	union {
		uint32_t type;
		struct ima_verdict verdict;
		struct ima_ready ready;
	} message;
	ssize_t got;

	for (;;) {
		got = recv(guard->host.socket, &message, sizeof(message), 0);
		if (got < 0)
			return errno == EAGAIN || errno == EINTR;
		if (got == 0)
			return false;
		if (got == sizeof(message.verdict) &&
		    (message.type == IMA_MSG_VERDICT ||
		     message.type == IMA_MSG_PROGRESS))
			on_verdict(guard, &message.verdict);
		else if (got == sizeof(message.ready) &&
			 message.type == IMA_MSG_READY)
			on_ready(guard, &message.ready);
		else
			say("ignored a message of %zd bytes, type %u", got,
			    got >= 4 ? message.type : 0);
	}
}

void accesses_lease_break(struct guard *guard, int fd)
{
	struct slot *slot = slots_at(&guard->slots, fd);

	guard->counters->lease_breaks++;
	if (slot && slot->state != SLOT_FREE)
		step(guard, slot, SLOT_LEASE_BREAK);
}

void accesses_host_lost(struct guard *guard)
{
	struct slot_list *sent = in(guard, SLOT_SENT);

	guard->counters->resent += sent->length;
	while (sent->first)
		step(guard, sent->first, SLOT_HOST_LOST);
}

static void retry_leases(struct guard *guard)
{
	struct slot *slot = in(guard, SLOT_LEASING)->first;
	struct slot *next;

	for (; slot; slot = next) {
		next = slot->next;
		if (gate_lease(slot_fd(&guard->slots, slot)) == 0)
			step(guard, slot, SLOT_LEASE_GOT);
		else if (guard->now - slot->since >= LEASE_PATIENCE)
			step(guard, slot, SLOT_LEASE_GIVEN_UP);
	}
}

static void end_lingers(struct guard *guard)
{
	struct slot_list *lingering = in(guard, SLOT_LINGERING);

	while (lingering->first &&
	       guard->now - lingering->first->since >= guard->options.linger)
		step(guard, lingering->first, SLOT_LINGER_OVER);
}

static void pass_deadlines(struct guard *guard, enum slot_state state)
{
	struct slot *slot = in(guard, state)->first;
	struct slot *next;

	for (; slot; slot = next) {
		next = slot->next;
		if (slot_is_held(slot) && guard->now >= slot->due)
			fail(guard, slot);
	}
}

uint64_t accesses_tick(struct guard *guard)
{
	struct slot_list *lingering = in(guard, SLOT_LINGERING);

	retry_leases(guard);
	end_lingers(guard);
	pass_deadlines(guard, SLOT_LEASING);
	pass_deadlines(guard, SLOT_QUEUED);
	pass_deadlines(guard, SLOT_SENT);
	guard->counters->cached = in(guard, SLOT_CACHED)->length;
	guard->counters->held = in(guard, SLOT_LEASING)->length +
				in(guard, SLOT_QUEUED)->length +
				in(guard, SLOT_SENT)->length;
	if (in(guard, SLOT_LEASING)->length)
		return MILLISECOND;
	if (lingering->first && guard->options.linger < 50 * MILLISECOND)
		return guard->options.linger + MILLISECOND;
	return 50 * MILLISECOND;
}

void accesses_finish(struct guard *guard)
{
	static const enum slot_state held[] = { SLOT_LEASING, SLOT_QUEUED,
						SLOT_SENT };
	size_t i;

	for (i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		struct slot *slot = in(guard, held[i])->first;
		struct slot *next;

		for (; slot; slot = next) {
			next = slot->next;
			fail(guard, slot);
		}
	}
}
