/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept, and what has to go: for others, for other rules, at the end. */
#define _GNU_SOURCE
#include "guard.h"

/* Descriptors kept for one read of events and for the guard's own. */
#define SPARE_SLOTS 256

void accesses_drop_cache(struct guard *guard)
{
	struct slot_list *cached = accesses_in(guard, SLOT_CACHED);

	while (cached->first)
		accesses_step(guard, cached->first, SLOT_EVICT);
	gate_unmark_all(&guard->gate);
}

static bool has_room(struct guard *guard)
{
	size_t used = 0;
	int state;

	for (state = SLOT_LEASING; state < SLOT_STATES; state++)
		used += accesses_in(guard, (enum slot_state)state)->length;
	return used + SPARE_SLOTS < guard->slots.capacity;
}

void accesses_drop_record(struct guard *guard, struct slot *slot)
{
	guard->counters->unrecorded++;
	accesses_step(guard, slot, SLOT_DROP);
}

/* The kernel denies an event for whose descriptor there is no room. */
bool accesses_make_room(struct guard *guard)
{
	struct slot_list *cached = accesses_in(guard, SLOT_CACHED);
	struct slot *slot;
	struct slot *next;

	while (cached->length > guard->options.cache)
		accesses_step(guard, cached->first, SLOT_EVICT);
	if (has_room(guard))
		return true;
	/* Who waits comes before what is only to be written down. */
	for (slot = accesses_in(guard, SLOT_QUEUED)->first; slot; slot = next) {
		next = slot->next;
		if (slot->flags & SLOT_IS_LATE)
			accesses_drop_record(guard, slot);
	}
	return has_room(guard);
}

void accesses_finish(struct guard *guard)
{
	static const enum slot_state held[] = { SLOT_LEASING, SLOT_QUEUED,
						SLOT_SENT };
	size_t i;

	for (i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		struct slot *slot = accesses_in(guard, held[i])->first;
		struct slot *next;

		for (; slot; slot = next) {
			next = slot->next;
			accesses_fail(guard, slot);
		}
	}
}
