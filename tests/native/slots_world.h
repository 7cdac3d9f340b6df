/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel would hold for each descriptor if the actions of
 * native/slots.c were carried out, and what must never come of them.
 */
#ifndef IMAHOST_TESTS_SLOTS_WORLD_H
#define IMAHOST_TESTS_SLOTS_WORLD_H

#include "../../native/slots.h"
#include "check.h"

#include <inttypes.h>

/* The events of a life, in the order of the columns of the table. */
static const struct {
	char letter;
	enum slot_event event;
} events[] = {
	{ 'g', SLOT_LEASE_GOT },     { 'x', SLOT_LEASE_GIVEN_UP },
	{ 't', SLOT_TAKEN },	     { 'h', SLOT_HOST_LOST },
	{ 'a', SLOT_VERDICT_ALLOW }, { 'c', SLOT_VERDICT_CACHE },
	{ 'd', SLOT_VERDICT_DENY },  { 'b', SLOT_VERDICT_BUSY },
	{ 'A', SLOT_FAIL_ALLOW },    { 'D', SLOT_FAIL_DENY },
	{ 'k', SLOT_LEASE_BREAK },   { 'v', SLOT_EVICT },
	{ 'o', SLOT_LINGER_OVER },   { 'z', SLOT_DROP },
	{ 'w', SLOT_TOLD },	     { 'e', SLOT_HEARD },
	{ 'n', SLOT_CHANGED },
};

static const char state_letters[SLOT_STATES] = {
	[SLOT_FREE] = 'F',    [SLOT_LEASING] = 'L', [SLOT_QUEUED] = 'Q',
	[SLOT_SENT] = 'S',    [SLOT_CACHED] = 'C',  [SLOT_LINGERING] = 'G',
	[SLOT_TELLING] = 'T',
};

/* @flags: SLOT_IS_EXEC, SLOT_MAY_RUN. */
static struct slot *claim(struct slot_table *slots, int fd, uint32_t flags,
			  uint64_t now)
{
	struct slot *slot = slots_at(slots, fd);

	slots_claim(slots, slot, flags & SLOT_IS_EXEC ? 1 : 3, 4711, now);
	slot->flags |= flags;
	return slot;
}

/* What the kernel holds for one descriptor. */
struct model {
	bool open, waiting, marked, leased, broken, own, untold, told, changed;
	uint64_t sequence, stale;
};

#define SLOTS 48

struct world {
	struct slot_table slots;
	struct model models[SLOTS];
	uint64_t now, random;
	unsigned long accesses, answers, closes;
	unsigned long reached[SLOT_STATES][SLOT_EVENTS];
};

/* xorshift64: the same walk for the same seed everywhere. */
static uint64_t draw(struct world *world, uint64_t below)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return world->random % below;
}

static void answer(struct world *world, struct model *model)
{
	CHECK(model->open, "answered a closed descriptor");
	CHECK(model->waiting, "answered twice");
	model->waiting = false;
	world->answers++;
}

/* Does to the model what the guard does to the kernel, in the same order. */
static void carry_out(struct world *world, struct model *model,
		      unsigned int todo)
{
	if (todo & SLOT_DO_UNMARK) {
		CHECK(model->marked, "unmarked without a mark");
		model->marked = false;
	}
	if (todo & SLOT_DO_MARK) {
		CHECK(model->leased, "marked without a lease");
		CHECK(!model->broken, "marked though a writer waits");
		CHECK(!model->changed, "marked though the file was changed");
		CHECK(!model->marked, "marked twice");
		CHECK(model->waiting, "marked after the accessor went on");
		model->marked = true;
	}
	if (todo & SLOT_DO_ALLOW)
		answer(world, model);
	if (todo & (SLOT_DO_DENY | SLOT_DO_REFUSE))
		answer(world, model);
	if (todo & SLOT_DO_BUSY)
		answer(world, model);
	if (todo & SLOT_DO_TELL) {
		CHECK(model->broken, "told of a writer that did not come");
		CHECK(!model->waiting, "told before the answer");
		CHECK(!model->untold, "told twice");
		model->untold = true;
	}
	if (todo & SLOT_DO_UNLEASE) {
		CHECK(model->leased, "gave up a lease that was not there");
		CHECK(!model->marked, "the mark outlives its lease");
		model->leased = false;
	}
	if (todo & SLOT_DO_CLOSE) {
		CHECK(model->open, "closed twice");
		CHECK(!model->waiting, "closed before the answer");
		CHECK(!model->marked, "closed while marked");
		CHECK(!model->leased, "a lease was left behind");
		CHECK(!model->untold && !model->told,
		      "the host did not look after a writer");
		model->open = false;
		world->closes++;
	}
}

static void compare(const struct world *world, int fd)
{
	const struct slot *slot = slots_at(&world->slots, fd);
	const struct model *model = &world->models[fd];
	bool pending = slot->state == SLOT_LEASING ||
		       slot->state == SLOT_QUEUED || slot->state == SLOT_SENT;

	CHECK(model->open == (slot->state != SLOT_FREE), "state %d",
	      slot->state);
	if (!model->open)
		return;
	CHECK(model->waiting == slot_is_held(slot), "state %d", slot->state);
	CHECK(model->marked == (slot->state == SLOT_CACHED), "state %d",
	      slot->state);
	CHECK(model->leased == !!(slot->flags & SLOT_IS_LEASED), "state %d",
	      slot->state);
	CHECK(!model->marked || model->leased, "a mark without a lease");
	CHECK(pending || !model->own, "an own access is kept");
	CHECK(!(pending && model->broken && !model->waiting && model->leased),
	      "a writer waits for a judgement that nobody waits for");
	CHECK(slots_find(&world->slots, (uint32_t)fd, model->sequence) == slot,
	      "not found");
	CHECK(!slots_find(&world->slots, (uint32_t)fd, model->stale),
	      "found by a use that is over");
}

static void step(struct world *world, int fd, enum slot_event event)
{
	struct slot *slot = slots_at(&world->slots, fd);
	struct model *model = &world->models[fd];

	world->reached[slot->state][event]++;
	if (event == SLOT_LEASE_BREAK)
		model->broken = true;
	if (event == SLOT_CHANGED)
		model->changed = true;
	if (event == SLOT_TOLD && model->untold) {
		model->untold = false;
		model->told = true;
	}
	if (event == SLOT_HEARD)
		model->untold = model->told = false;
	if (event == SLOT_HOST_LOST && model->told) {
		model->told = false;
		model->untold = true;
	}
	carry_out(world, model,
		  slots_step(&world->slots, slot, event, world->now));
	compare(world, fd);
}

/* The kernel announces an access: descriptor @fd is new. */
static void hold(struct world *world, int fd)
{
	static const enum slot_event leases[] = { SLOT_HELD_LEASED,
						  SLOT_HELD_LEASED,
						  SLOT_HELD_WRITER,
						  SLOT_HELD_UNLEASED };
	struct model *model = &world->models[fd];
	bool own = draw(world, 8) == 0;
	enum slot_event event =
		own ? SLOT_HELD_OWN : leases[draw(world, ARRAY_SIZE(leases))];
	uint64_t stale = model->sequence;
	static const uint32_t kinds[] = { SLOT_IS_EXEC | SLOT_MAY_RUN,
					  SLOT_MAY_RUN, 0 };
	struct slot *slot =
		claim(&world->slots, fd, kinds[draw(world, ARRAY_SIZE(kinds))],
		      world->now);

	*model = (struct model){
		.open = true,
		.waiting = true,
		.leased = event == SLOT_HELD_LEASED,
		.own = own,
		.sequence = slot->sequence,
		.stale = stale,
	};
	CHECK(slot->sequence > stale, "a sequence number is used again");
	world->accesses++;
	step(world, fd, event);
}

/* Anything may happen at any time; a lease is got only while it is asked for.
 */
static void live(struct world *world, int fd)
{
	struct slot *slot = slots_at(&world->slots, fd);
	enum slot_event event = events[draw(world, ARRAY_SIZE(events))].event;

	if (event == SLOT_LEASE_GOT) {
		if (slot->state != SLOT_LEASING)
			return;
		world->models[fd].leased = true;
	}
	step(world, fd, event);
}

static void check_list(const struct world *world, enum slot_state state)
{
	const struct slot_list *list = &world->slots.lists[state];
	const struct slot *previous = NULL, *slot;
	size_t length = 0;

	for (slot = list->first; slot && length <= SLOTS; slot = slot->next) {
		bool own = slot->flags & SLOT_IS_OWN;

		length++;
		CHECK(slot->state == state, "in the list of another state");
		CHECK(slot->prev == previous, "the list is broken");
		if (previous && state == SLOT_QUEUED && own)
			CHECK(previous->flags & SLOT_IS_OWN,
			      "did not overtake");
		else if (previous && (state != SLOT_QUEUED ||
				      !(previous->flags & SLOT_IS_OWN)))
			CHECK(previous->since <= slot->since, "out of order");
		previous = slot;
	}
	CHECK(list->last == previous, "the list's end is lost");
	CHECK(list->length == length, "%zu, not %zu", list->length, length);
}

static void check_lists(const struct world *world)
{
	size_t listed = 0, open = 0, own = 0;
	int i;

	for (i = 0; i < SLOT_STATES; i++) {
		check_list(world, (enum slot_state)i);
		listed += world->slots.lists[i].length;
	}
	for (i = 0; i < SLOTS; i++) {
		open += world->models[i].open;
		own += world->models[i].open && world->models[i].own;
	}
	CHECK(listed == open, "%zu in lists, %zu open", listed, open);
	CHECK(world->slots.own == own, "%zu, not %zu", world->slots.own, own);
}

#endif
