/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's side of the talk with the host. */
#define _GNU_SOURCE
#include "guard.h"
#include "say.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Hosts that one job may cost; then it is answered without a verdict. */
#define JOB_LOSSES 8
/* How long, in ns, who was not asked about may take to become code. */
#define ARM_GRACE 1000000000ull
/* What BPF refused and is told in one turn: a flood of it must not be felt. */
#define MOST_TOLD 32

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
	if (slot->flags & SLOT_MAY_RUN)
		flags |= IMA_JOB_MAY_RUN;
	return flags;
}

static int send_slot(struct guard *guard, const struct slot *slot,
		     uint32_t type)
{
	struct ima_job job = {
		.type = type,
		.slot = (uint32_t)slot_fd(&guard->slots, slot),
		.sequence = slot->sequence,
		.access = slot->access,
		.flags = job_flags(slot),
		/* The slot knows who was judged, not who writes now. */
		.pid = type == IMA_MSG_JOB ? slot->pid : 0,
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
	struct slot *first = accesses_in(guard, SLOT_QUEUED)->first;

	if (!first || !guard->slots.own || first->flags & SLOT_IS_OWN)
		return first;
	return NULL;
}

void jobs_tell(struct guard *guard, uint32_t message)
{
	if (guard->host.socket >= 0)
		(void)send(guard->host.socket, &message, sizeof(message),
			   MSG_NOSIGNAL);
}

/* One that gives way to another gets no more. */
static bool host_takes(const struct guard *guard)
{
	return guard->host.ready && !guard->host.yields;
}

bool jobs_want_send(struct guard *guard)
{
	return host_takes(guard) && next_to_send(guard);
}

void jobs_send(struct guard *guard)
{
	struct slot *slot;

	while (host_takes(guard) && (slot = next_to_send(guard))) {
		if (slot->losses >= JOB_LOSSES) {
			say("%d hosts died over an access of pid %d: answered"
			    " without a verdict",
			    JOB_LOSSES, slot->pid);
			accesses_fail(guard, slot);
			accesses_drop_record(guard, slot);
			continue;
		}
		if (send_slot(guard, slot, IMA_MSG_JOB) < 0)
			return;
		accesses_step(guard, slot, SLOT_TAKEN);
		slot->due = guard->now + accesses_deadline(guard, slot);
	}
}

bool jobs_tell_writer(struct guard *guard, const struct slot *slot)
{
	return host_takes(guard) && send_slot(guard, slot, IMA_MSG_WRITER) == 0;
}

/*
 * The host had to wait for a disk to see that nobody asks about this file. Now
 * its start is in memory, and no lease is needed to keep that in mind.
 */
static void settle_data(struct guard *guard, struct slot *slot)
{
	const int fd = slot_fd(&guard->slots, slot);

	if (slot->access != IMA_ACCESS_OPEN || !slot_is_held(slot) ||
	    guard->ready & IMA_READY_JUDGE_DATA ||
	    accesses_mark_data(guard, fd) != IMA_ACCESS_DATA)
		return;
	if (!(slot->flags & SLOT_IS_CHANGED) && !gate_is_executable(fd))
		slot->flags &= ~SLOT_MAY_RUN;
}

/* The file may become code until it is written. Said before the answer is. */
static void commit(struct guard *guard, const struct slot *slot,
		   const struct ima_verdict *verdict)
{
	const bool code = slot->access == IMA_ACCESS_EXEC ||
			  slot->access == IMA_ACCESS_ELF ||
			  verdict->flags & IMA_VERDICT_CODE;

	/* Without a lease a writer may have been there all along. */
	if (code && verdict->policy && slot->flags & SLOT_IS_LEASED)
		verdicts_commit(&guard->verdicts, slot_fd(&guard->slots, slot),
				slot->generation,
				verdict->policy != guard->policy);
}

static void on_allow(struct guard *guard, struct slot *slot,
		     const struct ima_verdict *verdict)
{
	const bool cache = verdict->flags & IMA_VERDICT_CACHE &&
			   verdict->policy == guard->policy;

	if (slot_is_held(slot))
		commit(guard, slot, verdict);
	if (!cache)
		settle_data(guard, slot);
	accesses_step(guard, slot,
		      cache ? SLOT_VERDICT_CACHE : SLOT_VERDICT_ALLOW);
}

static void on_verdict(struct guard *guard, const struct ima_verdict *verdict)
{
	struct slot *slot =
		slots_find(&guard->slots, verdict->slot, verdict->sequence);

	/* NULL: its deadline passed and it was settled without the host. */
	if (!slot)
		return;
	guard->judged = guard->now;
	if (slot->state == SLOT_LINGERING || slot->state == SLOT_TELLING)
		accesses_step(guard, slot, SLOT_HEARD);
	else if (verdict->type == IMA_MSG_PROGRESS)
		slot->due = guard->now + accesses_deadline(guard, slot);
	else if (verdict->decision == IMA_ALLOW)
		on_allow(guard, slot, verdict);
	else
		accesses_step(guard, slot,
			      verdict->decision == IMA_BUSY
				      ? SLOT_VERDICT_BUSY
				      : SLOT_VERDICT_DENY);
}

/* A host that took over and judges as the last one did changes nothing. */
static void follow_policy(struct guard *guard, const struct ima_ready *ready)
{
	if (ready->policy == guard->policy && ready->flags == guard->ready)
		return;
	guard->ready = ready->flags;
	guard->policy = ready->policy;
	verdicts_follow(&guard->verdicts, ready->policy, guard->now);
	accesses_drop_cache(guard);
}

/* All that is to be watched is, and there is who judges. */
static void arm(struct guard *guard)
{
	int error;

	if (guard->stopping)
		return;
	if (verdicts_will_change(&guard->verdicts, guard->options.bpf))
		accesses_drop_cache(guard);
	error = verdicts_arm(&guard->verdicts, guard->options.bpf,
			     guard->options.spared, guard->now + ARM_GRACE);
	if (error)
		say("cannot arm the BPF programs: %s", strerror(-error));
	else if (verdicts_are_kept(&guard->verdicts))
		guard->host.shared->bpf = guard->options.bpf;
}

static void on_ready(struct guard *guard, const struct ima_ready *ready)
{
	follow_policy(guard, ready);
	__atomic_store_n(&guard->host.shared->policy, ready->policy,
			 __ATOMIC_RELEASE);
	if (guard->host.ready)
		return;
	guard->host.ready = true;
	arm(guard);
	guard->down_since = 0;
	guard->is_down = false;
	if (guard->announced) {
		say("host %d took over, %zu accesses wait", guard->host.pid,
		    accesses_in(guard, SLOT_QUEUED)->length - guard->slots.own);
		return;
	}
	guard->announced = true;
	say_plain("imahost: ready\n");
	notify_send(guard->notify, "READY=1");
}

/* A mark never waits here: the host has just opened what is marked. */
static void on_watch(struct guard *guard, struct ima_watch *watch, int fd)
{
	watch->type = IMA_MSG_WATCHED;
	watch->error = fd < 0 ? EBADF : -gate_watch_fd(&guard->gate, fd);
	if (!watch->error)
		watch->error = -verdicts_watch(&guard->verdicts, fd);
	/* A host that does not hear of it asks again. */
	(void)send(guard->host.socket, watch, sizeof(*watch), MSG_NOSIGNAL);
}

struct telling {
	struct guard *guard;
	unsigned int left; /* that may be told in this turn */
	uint64_t inode;	   /* whose mark was taken in this turn, or 0 */
};

/*
 * False when the host does not take it now. A file without a verdict whose mark
 * is kept would be refused for as long as that is: it is judged anew.
 */
static bool tell_denial(void *context, const struct ima_bpf_denial *denial)
{
	struct telling *telling = context;
	struct guard *guard = telling->guard;
	struct ima_denial message = {
		.type = IMA_MSG_DENIAL,
		.hook = denial->hook,
		.cause = denial->cause,
		.denied = denial->denied,
		.pid = denial->pid,
		.uid = denial->uid,
		.device = denial->device,
		.inode = denial->inode,
	};

	if (!telling->left)
		return false;
	telling->left--;
	if ((denial->cause == IMA_BPF_UNJUDGED ||
	     denial->cause == IMA_BPF_OUTDATED) &&
	    denial->inode != telling->inode) {
		/* To look for one takes a while: one in a turn. */
		if (telling->inode)
			return false;
		telling->inode = denial->inode;
		accesses_forget(guard, denial->device, denial->inode);
	}
	memcpy(message.name, denial->name, sizeof(message.name));
	memcpy(message.path, denial->path, sizeof(message.path));
	return send(guard->host.socket, &message, sizeof(message),
		    MSG_NOSIGNAL) == sizeof(message);
}

void jobs_tell_denials(struct guard *guard)
{
	struct telling telling = { .guard = guard, .left = MOST_TOLD };

	/* Nobody waits for these. */
	if (host_takes(guard) && !next_to_send(guard))
		denials_read(&guard->denials, tell_denial, &telling);
}

/* At the end of this turn: what it has still to do is done by this image. */
static void on_renew(struct guard *guard, int *fd)
{
	guard->renew = true;
	if (guard->image >= 0)
		close(guard->image);
	guard->image = *fd;
	*fd = -1;
}

union host_message {
	uint32_t type;
	struct ima_verdict verdict;
	struct ima_ready ready;
	struct ima_watch watch;
	struct ima_order order;
};

/* The bytes of one message, or -1; the descriptor that came with it, or -1. */
static ssize_t receive(int socket, union host_message *into, int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(*fd))];
	struct iovec part = { .iov_base = into, .iov_len = sizeof(*into) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_LEN(sizeof(*fd)) };
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *rights;

	*fd = -1;
	rights = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (rights && rights->cmsg_type == SCM_RIGHTS &&
	    rights->cmsg_len == CMSG_LEN(sizeof(*fd)))
		memcpy(fd, CMSG_DATA(rights), sizeof(*fd));
	return got;
}

bool jobs_receive(struct guard *guard)
{
	union host_message message;
	ssize_t got;
	int fd;

	for (;;) {
		got = receive(guard->host.socket, &message, &fd);
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
		else if (got == sizeof(message.watch) &&
			 message.type == IMA_MSG_WATCH)
			on_watch(guard, &message.watch, fd);
		else if (got == sizeof(message.order) &&
			 message.type == IMA_MSG_OPEN)
			guard_stop(guard);
		else if (got == sizeof(message.order) &&
			 message.type == IMA_MSG_RENEW)
			on_renew(guard, &fd);
		else
			say("ignored a message of %zd bytes, type %u", got,
			    got >= 4 ? message.type : 0);
		if (fd >= 0)
			close(fd);
	}
}

void jobs_host_lost(struct guard *guard)
{
	struct slot_list *sent = accesses_in(guard, SLOT_SENT);
	struct slot *slot;

	for (slot = accesses_in(guard, SLOT_LINGERING)->first; slot;
	     slot = slot->next)
		accesses_step(guard, slot, SLOT_HOST_LOST);
	for (slot = accesses_in(guard, SLOT_TELLING)->first; slot;
	     slot = slot->next)
		accesses_step(guard, slot, SLOT_HOST_LOST);
	guard->counters->resent += sent->length;
	while (sent->first)
		accesses_step(guard, sent->first, SLOT_HOST_LOST);
}
