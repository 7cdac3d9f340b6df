/* SPDX-License-Identifier: Apache-2.0 */
/* Sees to it that there is a host, and says what happens while there is none.
 */
#define _GNU_SOURCE
#include "guard.h"
#include "say.h"

#include <string.h>

#define SECOND 1000000000ull
/* How long one that gives way may take to finish what it has. */
#define YIELD_PATIENCE (SECOND / 2)
/* How long a killed host is waited for. */
#define DEATH_PATIENCE (SECOND / 2)

static void after_host(struct guard *guard)
{
	jobs_host_lost(guard);
	if (host_is_down(&guard->host) && !guard->down_since) {
		guard->down_since = guard->now;
		say("no host comes up: %d tries failed", HOST_TRIES);
	}
}

void keep_lost(struct guard *guard)
{
	/* What the dead host said last still counts. */
	if (guard->host.socket >= 0)
		(void)jobs_receive(guard);
	if (!guard->stopping && !guard->host.yields)
		say("host %d ended%s", guard->host.pid,
		    guard->host.ready ? ", starting another"
				      : " before it was ready, trying again");
	host_reap(&guard->host, guard->now);
	verdicts_set_host(&guard->verdicts, 0);
	after_host(guard);
}

/* Its descriptors, its leases and its answers are ours: it can be left behind.
 */
static void leave_behind(struct guard *guard)
{
	const int pid = guard->host.pid;

	if (!host_abandon(&guard->host, guard->now))
		return;
	say("host %d was killed and does not end, starting another: a disk or"
	    " a file server does not answer",
	    pid);
	after_host(guard);
}

static const char *why_kill(const struct guard *guard)
{
	const struct host *host = &guard->host;

	if (!host->pid || host->killed)
		return NULL;
	if (host_is_hung(host, guard->now))
		return "gave no sign of life";
	if (host_is_late(host, guard->now))
		return "does not come up";
	if (host->yields && guard->now - guard->yielding > YIELD_PATIENCE)
		return "does not give way";
	return NULL;
}

static void answer_when_down(struct guard *guard)
{
	static const char *const outcome[] = {
		[HOST_DOWN_WAIT] = "as at their deadline",
		[HOST_DOWN_DENY] = "by refusing programs",
		[HOST_DOWN_ALLOW] = "by allowing them",
	};

	if (guard->is_down || !guard->down_since ||
	    guard->now - guard->down_since < guard->options.host_down_limit)
		return;
	guard->is_down = true;
	say("accesses are answered at once, %s",
	    outcome[guard->options.host_down]);
	accesses_finish(guard);
	if (guard->options.host_down == HOST_DOWN_ALLOW && !guard->stopping &&
	    guard->options.bpf == IMA_BPF_ENFORCE)
		(void)verdicts_arm(&guard->verdicts, IMA_BPF_REPORT,
				   guard->options.spared, 0);
}

void keep_yield(struct guard *guard)
{
	guard->host.yields = guard->host.pid != 0;
	guard->yielding = guard->now;
	jobs_tell(guard, IMA_MSG_YIELD);
}

void keep_host(struct guard *guard)
{
	const char *why = why_kill(guard);
	int error;

	host_reap_ghosts(&guard->host);
	answer_when_down(guard);
	if (why) {
		say("host %d %s, killed", guard->host.pid, why);
		host_kill(&guard->host, guard->now);
	}
	if (guard->host.pid && guard->host.killed &&
	    guard->now - guard->host.killed > DEATH_PATIENCE)
		leave_behind(guard);
	if (guard->host.pid || guard->stopping ||
	    guard->now < guard->host.restart_at)
		return;
	error = host_start(&guard->host, guard->now);
	verdicts_set_host(&guard->verdicts, guard->host.pid);
	if (error) {
		say("cannot start a host: %s", strerror(-error));
		guard->host.restart_at = guard->now + SECOND;
	}
}
