/* SPDX-License-Identifier: Apache-2.0 */
/* What the passing of time does to accesses. */
#define _GNU_SOURCE
#include "guard.h"

#include <sched.h>

#define MILLISECOND 1000000ull
/* How long the loop sleeps when nothing happens. */
#define IDLE_TURN (200 * MILLISECOND)
/* How often what looks at many slots is done, however busy the loop is. */
#define TIDY_EVERY (20 * MILLISECOND)
/* How often the BPF programs are asked what they have counted. */
#define COUNT_EVERY (200 * MILLISECOND)
/* Of each kind in one turn: lease breaks must not wait for a crowd. */
#define MOST_LATE 256
/* How long an exec waits for a writer to go before it is refused. */
#define LEASE_PATIENCE (50 * MILLISECOND)

static void retry_leases(struct guard *guard)
{
	struct slot *slot = accesses_in(guard, SLOT_LEASING)->first;
	struct slot *next;

	for (; slot; slot = next) {
		next = slot->next;
		if (gate_lease(slot_fd(&guard->slots, slot)) == 0)
			accesses_step(guard, slot, SLOT_LEASE_GOT);
		else if (guard->now - slot->since >= LEASE_PATIENCE)
			accesses_step(guard, slot, SLOT_LEASE_GIVEN_UP);
	}
}

/*
 * A writer is held back until the host has looked who reads the file, but no
 * longer than an access would be: without a host nobody knows.
 * @takes: becomes false when no host takes more now.
 */
static void see_to_writer(struct guard *guard, struct slot *slot, bool *takes)
{
	if (guard->now - slot->since >= accesses_deadline(guard, slot))
		accesses_step(guard, slot, SLOT_HEARD);
	else if (*takes && slot->flags & SLOT_IS_UNTOLD)
		*takes = accesses_tell_writer(guard, slot);
}

static void end_lingers(struct guard *guard)
{
	struct slot *slot = accesses_in(guard, SLOT_LINGERING)->first;
	struct slot *next;
	bool takes = true;

	for (; slot && guard->now - slot->since >= guard->options.linger;
	     slot = next) {
		next = slot->next;
		see_to_writer(guard, slot, &takes);
		accesses_step(guard, slot, SLOT_LINGER_OVER);
	}
	for (slot = accesses_in(guard, SLOT_TELLING)->first; slot;
	     slot = next) {
		next = slot->next;
		see_to_writer(guard, slot, &takes);
	}
}

/*
 * A queue that moves is no reason to give up: what is not sent yet has its
 * deadline from when the host last said anything.
 */
static void pass_deadlines(struct guard *guard, enum slot_state state)
{
	struct slot *slot = accesses_in(guard, state)->first;
	struct slot *next;
	int left = MOST_LATE;
	uint64_t moved;
	uint64_t due;

	for (; slot; slot = next) {
		next = slot->next;
		due = slot->due;
		moved = guard->judged + accesses_deadline(guard, slot);
		if (state == SLOT_QUEUED && moved > due)
			due = moved;
		if (!slot_is_held(slot) || guard->now < due)
			continue;
		accesses_fail(guard, slot);
		if (!--left) {
			guard->tidied = 0;
			return;
		}
	}
}

/* In a crowd there are many turns, and each would look at all who wait. */
static void tidy(struct guard *guard)
{
	if (guard->now - guard->tidied < TIDY_EVERY)
		return;
	guard->tidied = guard->now;
	pass_deadlines(guard, SLOT_LEASING);
	pass_deadlines(guard, SLOT_QUEUED);
	pass_deadlines(guard, SLOT_SENT);
}

/*
 * All who wait sleep on one queue, and each answer wakes all of them: of
 * thousands that look whether it was theirs, the guard would never get on. So
 * it comes first while they are many, and the host's workers see to the same.
 */
static void see_crowd(struct guard *guard)
{
	const uint64_t least = guard->is_crowd ? IMA_CROWD / 8 : IMA_CROWD;
	const bool is_crowd = guard->counters->held > least;
	const struct sched_param turn = { .sched_priority = is_crowd };

	if (is_crowd == guard->is_crowd)
		return;
	guard->is_crowd = is_crowd;
	/* Refused without CAP_SYS_NICE: they wait for longer then. */
	(void)sched_setscheduler(0, is_crowd ? SCHED_RR : SCHED_OTHER, &turn);
}

static void count_verdicts(struct guard *guard)
{
	struct ima_bpf_counters counters;

	if (!verdicts_are_kept(&guard->verdicts) ||
	    guard->now - guard->counted < COUNT_EVERY)
		return;
	guard->counted = guard->now;
	verdicts_count(&guard->verdicts, &counters);
	guard->counters->bpf_denied = counters.denied;
	guard->counters->bpf_reported = counters.reported;
	guard->counters->bpf_lost = counters.lost;
	guard->counters->bpf_dropped = counters.dropped;
}

uint64_t upkeep_tick(struct guard *guard)
{
	struct slot_list *lingering = accesses_in(guard, SLOT_LINGERING);

	retry_leases(guard);
	end_lingers(guard);
	tidy(guard);
	guard->counters->cached = accesses_in(guard, SLOT_CACHED)->length;
	guard->counters->held = accesses_in(guard, SLOT_LEASING)->length +
				accesses_in(guard, SLOT_QUEUED)->length +
				accesses_in(guard, SLOT_SENT)->length;
	see_crowd(guard);
	count_verdicts(guard);
	if (!guard->tidied)
		return 0;
	if (accesses_in(guard, SLOT_LEASING)->length)
		return MILLISECOND;
	if (lingering->first && guard->options.linger < 50 * MILLISECOND)
		return guard->options.linger + MILLISECOND;
	if (lingering->first || guard->counters->held ||
	    accesses_in(guard, SLOT_TELLING)->first)
		return 50 * MILLISECOND;
	return IDLE_TURN;
}
