/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>

int slots_init(struct slot_table *table, size_t capacity)
{
	*table = (struct slot_table){ .capacity = capacity };
	table->slots = calloc(capacity, sizeof(*table->slots));
	return table->slots ? 0 : -ENOMEM;
}

void slots_destroy(struct slot_table *table)
{
	free(table->slots);
	table->slots = NULL;
	table->capacity = 0;
}

struct slot *slots_at(const struct slot_table *table, int fd)
{
	if (fd < 0 || (size_t)fd >= table->capacity)
		return NULL;
	return &table->slots[fd];
}

int slot_fd(const struct slot_table *table, const struct slot *slot)
{
	return (int)(slot - table->slots);
}

struct slot *slots_find(const struct slot_table *table, uint32_t index,
			uint64_t sequence)
{
	struct slot *slot = slots_at(table, (int)index);

	if (!slot || slot->state == SLOT_FREE || slot->sequence != sequence)
		return NULL;
	return slot;
}

void slots_claim(struct slot_table *table, struct slot *slot, uint32_t access,
		 int32_t pid, uint64_t now)
{
	*slot = (struct slot){
		.sequence = ++table->sequence,
		.held = now,
		.since = now,
		.pid = pid,
		.access = access,
		.state = SLOT_FREE,
	};
}

static void list_remove(struct slot_list *list, struct slot *slot)
{
	if (slot->prev)
		slot->prev->next = slot->next;
	else
		list->first = slot->next;
	if (slot->next)
		slot->next->prev = slot->prev;
	else
		list->last = slot->prev;
	slot->prev = NULL;
	slot->next = NULL;
	list->length--;
}

static void list_append(struct slot_list *list, struct slot *slot)
{
	slot->prev = list->last;
	slot->next = NULL;
	if (list->last)
		list->last->next = slot;
	else
		list->first = slot;
	list->last = slot;
	list->length++;
}

/*
 * The host's own accesses overtake all others in the queue: what the host is
 * made of is measured before anything it says.
 */
static void list_prepend(struct slot_list *list, struct slot *slot)
{
	slot->prev = NULL;
	slot->next = list->first;
	if (list->first)
		list->first->prev = slot;
	else
		list->last = slot;
	list->first = slot;
	list->length++;
}

/* Free slots are in no list: the kernel's descriptor table is their list. */
static void enter(struct slot_table *table, struct slot *slot,
		  enum slot_state state, uint64_t now)
{
	if (slot->state != SLOT_FREE)
		list_remove(&table->lists[slot->state], slot);
	slot->state = state;
	slot->since = now;
	if (state == SLOT_QUEUED && slot->flags & SLOT_IS_OWN)
		list_prepend(&table->lists[state], slot);
	else if (state != SLOT_FREE)
		list_append(&table->lists[state], slot);
}

void slots_resume(struct slot_table *table, int fd, const struct slot *was)
{
	struct slot *slot = &table->slots[fd];

	*slot = *was;
	list_append(&table->lists[was->state], slot);
	if (was->flags & SLOT_IS_OWN)
		table->own++;
}

bool slot_is_held(const struct slot *slot)
{
	return (slot->state == SLOT_LEASING || slot->state == SLOT_QUEUED ||
		slot->state == SLOT_SENT) &&
	       !(slot->flags & SLOT_IS_ANSWERED);
}

static bool is_pending(const struct slot *slot)
{
	return slot->state == SLOT_LEASING || slot->state == SLOT_QUEUED ||
	       slot->state == SLOT_SENT;
}

/* The one way out: what is still there is undone, the descriptor goes last. */
static unsigned int release(struct slot_table *table, struct slot *slot,
			    uint64_t now)
{
	unsigned int todo = SLOT_DO_CLOSE;

	if (slot->flags & SLOT_IS_LEASED)
		todo |= SLOT_DO_UNLEASE;
	if (slot->flags & SLOT_IS_OWN)
		table->own--;
	enter(table, slot, SLOT_FREE, now);
	return todo;
}

static unsigned int on_held(struct slot_table *table, struct slot *slot,
			    enum slot_event event, uint64_t now)
{
	bool exec = slot->flags & SLOT_IS_EXEC;

	if (event == SLOT_HELD_LEASED)
		slot->flags |= SLOT_IS_LEASED;
	if (event == SLOT_HELD_OWN) {
		slot->flags |= SLOT_IS_OWN | SLOT_IS_ANSWERED;
		table->own++;
	}
	if (event == SLOT_HELD_WRITER && !exec)
		slot->flags |= SLOT_IS_WRITER;
	enter(table, slot,
	      event == SLOT_HELD_WRITER && exec ? SLOT_LEASING : SLOT_QUEUED,
	      now);
	return event == SLOT_HELD_OWN ? SLOT_DO_ALLOW : 0;
}

static unsigned int on_leasing(struct slot_table *table, struct slot *slot,
			       enum slot_event event, uint64_t now)
{
	if (slot->state != SLOT_LEASING)
		return 0;
	slot->flags |=
		event == SLOT_LEASE_GOT ? SLOT_IS_LEASED : SLOT_IS_WRITER;
	enter(table, slot, SLOT_QUEUED, now);
	return 0;
}

static unsigned int on_host(struct slot_table *table, struct slot *slot,
			    enum slot_event event, uint64_t now)
{
	if (event == SLOT_TAKEN && slot->state == SLOT_QUEUED)
		enter(table, slot, SLOT_SENT, now);
	if (event == SLOT_HOST_LOST && slot->state == SLOT_SENT) {
		slot->flags |= SLOT_IS_RESENT;
		slot->losses++;
		enter(table, slot, SLOT_QUEUED, now);
	}
	/* It may have died before it looked who reads the file. */
	if (event == SLOT_HOST_LOST && slot->flags & SLOT_IS_TOLD)
		slot->flags ^= SLOT_IS_TOLD | SLOT_IS_UNTOLD;
	return 0;
}

/* The lease holds the writer back while the host looks who reads the file. */
static unsigned int tell_of_writer(struct slot *slot)
{
	slot->flags |= SLOT_IS_UNTOLD;
	return SLOT_DO_TELL;
}

/*
 * An exec that was let through may not have come to where the kernel keeps
 * writers out by itself: until it has, the lease does. What nobody runs needs
 * no such time.
 */
static unsigned int give_up_lease(struct slot_table *table, struct slot *slot,
				  bool writer, uint64_t now)
{
	if (slot->flags & SLOT_MAY_RUN)
		enter(table, slot, SLOT_LINGERING, now);
	else if (writer)
		enter(table, slot, SLOT_TELLING, now);
	else
		return release(table, slot, now);
	return writer ? tell_of_writer(slot) : 0;
}

static unsigned int on_allow(struct slot_table *table, struct slot *slot,
			     bool cache, uint64_t now)
{
	if (!(slot->flags & SLOT_IS_LEASED))
		return SLOT_DO_ALLOW | release(table, slot, now);
	if (cache && !(slot->flags & (SLOT_IS_BROKEN | SLOT_IS_CHANGED))) {
		enter(table, slot, SLOT_CACHED, now);
		return SLOT_DO_MARK | SLOT_DO_ALLOW;
	}
	return SLOT_DO_ALLOW |
	       give_up_lease(table, slot, slot->flags & SLOT_IS_BROKEN, now);
}

static unsigned int on_verdict(struct slot_table *table, struct slot *slot,
			       enum slot_event event, uint64_t now)
{
	if (slot->state != SLOT_SENT)
		return 0;
	if (slot->flags & SLOT_IS_ANSWERED)
		return release(table, slot, now);
	slot->flags |= SLOT_IS_ANSWERED;
	if (event == SLOT_VERDICT_DENY)
		return SLOT_DO_DENY | release(table, slot, now);
	if (event == SLOT_VERDICT_BUSY)
		return SLOT_DO_BUSY | release(table, slot, now);
	return on_allow(table, slot, event == SLOT_VERDICT_CACHE, now);
}

/* A writer must not wait for a judgement nobody waits for any more. */
static unsigned int drop_broken_lease(struct slot *slot)
{
	const uint32_t over =
		SLOT_IS_LEASED | SLOT_IS_BROKEN | SLOT_IS_ANSWERED;

	if ((slot->flags & over) != over)
		return 0;
	slot->flags &= ~SLOT_IS_LEASED;
	return SLOT_DO_UNLEASE;
}

/* The slot stays until the host has recorded that nobody judged it. */
static unsigned int on_fail(struct slot_table *table, struct slot *slot,
			    enum slot_event event, uint64_t now)
{
	if (!slot_is_held(slot))
		return 0;
	slot->flags |= SLOT_IS_ANSWERED | SLOT_IS_LATE;
	/* A host that has it may be stuck: another worker shall record it. */
	enter(table, slot, SLOT_QUEUED, now);
	return (event == SLOT_FAIL_DENY ? SLOT_DO_REFUSE : SLOT_DO_ALLOW) |
	       drop_broken_lease(slot);
}

static unsigned int on_leave_cache(struct slot_table *table, struct slot *slot,
				   enum slot_event event, uint64_t now)
{
	/* It may have become a program for a moment. */
	if (event == SLOT_CHANGED)
		slot->flags |= SLOT_IS_CHANGED | SLOT_MAY_RUN;
	if (event == SLOT_LEASE_BREAK && is_pending(slot)) {
		slot->flags |= SLOT_IS_BROKEN;
		return drop_broken_lease(slot);
	}
	if (slot->state == SLOT_LINGERING && event == SLOT_LEASE_BREAK &&
	    !(slot->flags & (SLOT_IS_UNTOLD | SLOT_IS_TOLD)))
		return tell_of_writer(slot);
	if (slot->state != SLOT_CACHED)
		return 0;
	return SLOT_DO_UNMARK |
	       give_up_lease(table, slot, event == SLOT_LEASE_BREAK, now);
}

static unsigned int on_notice(struct slot_table *table, struct slot *slot,
			      enum slot_event event, uint64_t now)
{
	if (event == SLOT_HEARD)
		slot->flags &= ~(SLOT_IS_UNTOLD | SLOT_IS_TOLD);
	else if (slot->flags & SLOT_IS_UNTOLD)
		slot->flags ^= SLOT_IS_UNTOLD | SLOT_IS_TOLD;
	if (event == SLOT_HEARD && slot->state == SLOT_TELLING)
		return release(table, slot, now);
	return 0;
}

unsigned int slots_step(struct slot_table *table, struct slot *slot,
			enum slot_event event, uint64_t now)
{
	switch (event) {
	case SLOT_HELD_LEASED:
	case SLOT_HELD_WRITER:
	case SLOT_HELD_UNLEASED:
	case SLOT_HELD_OWN:
		return on_held(table, slot, event, now);
	case SLOT_LEASE_GOT:
	case SLOT_LEASE_GIVEN_UP:
		return on_leasing(table, slot, event, now);
	case SLOT_TAKEN:
	case SLOT_HOST_LOST:
		return on_host(table, slot, event, now);
	case SLOT_VERDICT_ALLOW:
	case SLOT_VERDICT_CACHE:
	case SLOT_VERDICT_DENY:
	case SLOT_VERDICT_BUSY:
		return on_verdict(table, slot, event, now);
	case SLOT_FAIL_ALLOW:
	case SLOT_FAIL_DENY:
		return on_fail(table, slot, event, now);
	case SLOT_LEASE_BREAK:
	case SLOT_CHANGED:
	case SLOT_EVICT:
		return on_leave_cache(table, slot, event, now);
	case SLOT_TOLD:
	case SLOT_HEARD:
		return on_notice(table, slot, event, now);
	case SLOT_LINGER_OVER:
		if (slot->state != SLOT_LINGERING ||
		    slot->flags & (SLOT_IS_UNTOLD | SLOT_IS_TOLD))
			return 0;
		return release(table, slot, now);
	case SLOT_DROP:
		if (slot->state != SLOT_QUEUED ||
		    !(slot->flags & SLOT_IS_ANSWERED))
			return 0;
		return release(table, slot, now);
	case SLOT_EVENTS:
		break;
	}
	return 0;
}
