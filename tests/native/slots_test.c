/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of native/slots.c: the table of all states and events, and a random
 * walk against a model of what the kernel holds for each descriptor.
 * usage: slots_test [SEED [STEPS]]
 */
#include "slots_world.h"

#include <stdlib.h>
#include <string.h>

/* How an access begins: a letter of its own, since exec is no event. */
struct beginning {
	char letter;
	enum slot_event event;
	uint32_t kind;
	enum slot_state state;
	unsigned int actions;
	uint32_t flags;
};

#define PROGRAM (SLOT_IS_EXEC | SLOT_MAY_RUN)

static const struct beginning beginnings[] = {
	{ 'L', SLOT_HELD_LEASED, SLOT_MAY_RUN, SLOT_QUEUED, 0, SLOT_IS_LEASED },
	{ 'J', SLOT_HELD_LEASED, 0, SLOT_QUEUED, 0, SLOT_IS_LEASED },
	{ 'P', SLOT_HELD_LEASED, PROGRAM, SLOT_QUEUED, 0, SLOT_IS_LEASED },
	{ 'W', SLOT_HELD_WRITER, SLOT_MAY_RUN, SLOT_QUEUED, 0, SLOT_IS_WRITER },
	{ 'E', SLOT_HELD_WRITER, PROGRAM, SLOT_LEASING, 0, 0 },
	{ 'U', SLOT_HELD_UNLEASED, SLOT_MAY_RUN, SLOT_QUEUED, 0, 0 },
	{ 'V', SLOT_HELD_UNLEASED, PROGRAM, SLOT_QUEUED, 0, 0 },
	{ 'O', SLOT_HELD_OWN, SLOT_MAY_RUN, SLOT_QUEUED, SLOT_DO_ALLOW,
	  SLOT_IS_OWN | SLOT_IS_ANSWERED },
	{ 'M', SLOT_HELD_OWN, PROGRAM, SLOT_QUEUED, SLOT_DO_ALLOW,
	  SLOT_IS_OWN | SLOT_IS_ANSWERED },
};

/*
 * A path of letters, and for each event that follows it the state (F free,
 * L leasing, Q queued, S sent, C cached, G lingering, T telling) and the
 * actions (u unmark, m mark, a allow, d deny, b busy, r refuse, t tell, l
 * unlease, c close).
 */
static const struct {
	const char *path, *outcomes;
} table[] = {
	/*          g  x  t  h  a   c   d    b    A   D   k  v  o  z  w  e  n */
	{ "E", "Q Q L L L L L L Qa Qr L L L L L L L" },
	{ "Ek", "Q Q L L L L L L Qa Qr L L L L L L L" },
	{ "L", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "P", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "W", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "U", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "V", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "O", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "M", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "Eg", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "Ex", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "EA", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "LA", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "LD", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "Lk", "Q Q S Q Q Q Q Q Qal Qrl Q Q Q Q Q Q Q" },
	{ "LkA", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "LAk", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "Lth", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "LtAh", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "Lt", "S S S Q Ga Cma Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Pt", "S S S Q Ga Cma Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Egt", "S S S Q Ga Cma Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Ltht", "S S S Q Ga Cma Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Ltk", "S S S Q Gat Gat Fdlc Fblc Qal Qrl S S S S S S S" },
	{ "Lkt", "S S S Q Gat Gat Fdlc Fblc Qal Qrl S S S S S S S" },
	{ "Wt", "S S S Q Fac Fac Fdc Fbc Qa Qr S S S S S S S" },
	{ "Ut", "S S S Q Fac Fac Fdc Fbc Qa Qr S S S S S S S" },
	{ "Utk", "S S S Q Fac Fac Fdc Fbc Qa Qr S S S S S S S" },
	{ "Ext", "S S S Q Fac Fac Fdc Fbc Qa Qr S S S S S S S" },
	{ "EAt", "S S S Q Fc Fc Fc Fc S S S S S S S S S" },
	{ "Ot", "S S S Q Fc Fc Fc Fc S S S S S S S S S" },
	{ "Otht", "S S S Q Fc Fc Fc Fc S S S S S S S S S" },
	{ "LtA", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "LtD", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "LtAt", "S S S Q Flc Flc Flc Flc S S Sl S S S S S S" },
	{ "LtAtk", "S S S Q Fc Fc Fc Fc S S S S S S S S S" },
	{ "LtAk", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "LtkA", "Q Q S Q Q Q Q Q Q Q Q Q Q Fc Q Q Q" },
	{ "Ltc", "C C C C C C C C C C Gut Gu C C C C Gu" },
	{ "Ltck", "G G G G G G G G G G G G G G G G G" },
	{ "Ltcke", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Ltckw", "G G G G G G G G G G G G G G G G G" },
	{ "Ltckwe", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Ltckwh", "G G G G G G G G G G G G G G G G G" },
	{ "Ltckwhw", "G G G G G G G G G G G G G G G G G" },
	{ "Ltcv", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Lta", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Ltak", "G G G G G G G G G G G G G G G G G" },
	{ "Ltkc", "G G G G G G G G G G G G G G G G G" },
	{ "Ltkcw", "G G G G G G G G G G G G G G G G G" },
	{ "Ltkcwe", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Ltao", "F F F F F F F F F F F F F F F F F" },
	{ "Ltn", "S S S Q Ga Ga Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Ltnk", "S S S Q Gat Gat Fdlc Fblc Qal Qrl S S S S S S S" },
	{ "Ltcn", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "J", "Q Q S Q Q Q Q Q Qa Qr Q Q Q Q Q Q Q" },
	{ "Jt", "S S S Q Falc Cma Fdlc Fblc Qa Qr S S S S S S S" },
	{ "Jtk", "S S S Q Tat Tat Fdlc Fblc Qal Qrl S S S S S S S" },
	{ "Jtn", "S S S Q Ga Ga Fdlc Fblc Qa Qr S S S S S S S" },
	{ "JtA", "Q Q S Q Q Q Q Q Q Q Ql Q Q Flc Q Q Q" },
	{ "Jtc", "C C C C C C C C C C Tut Fulc C C C C Gu" },
	{ "Jtcn", "G G G G G G G G G G Gt G Flc G G G G" },
	{ "Jtck", "T T T T T T T T T T T T T T T Flc T" },
	{ "Jtckw", "T T T T T T T T T T T T T T T Flc T" },
	{ "Jtckwh", "T T T T T T T T T T T T T T T Flc T" },
	{ "Ltd", "F F F F F F F F F F F F F F F F F" },
};

static const char action_letters[] = "umadbrtlc";

/* Actions as letters in ascending order: the order they are carried out in. */
static void describe(char *into, enum slot_state state, unsigned int actions)
{
	size_t bit;

	*into++ = state_letters[state];
	for (bit = 0; bit < sizeof(action_letters) - 1; bit++)
		if (actions & 1u << bit)
			*into++ = action_letters[bit];
	*into = '\0';
}

static const struct beginning *beginning_of(char letter)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (beginnings[i].letter == letter)
			return &beginnings[i];
	abort();
}

static enum slot_event event_of(char letter)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].letter == letter)
			return events[i].event;
	abort();
}

/* Leads a new access in slot @fd along @path. */
static struct slot *walk(struct slot_table *slots, int fd, const char *path)
{
	const struct beginning *how = beginning_of(*path);
	uint64_t now = 1;
	struct slot *slot = claim(slots, fd, how->kind, now);

	(void)slots_step(slots, slot, how->event, now);
	while (*++path)
		(void)slots_step(slots, slot, event_of(*path), ++now);
	return slot;
}

static void test_cell(const char *path, size_t column, const char *expected)
{
	char name[32], found[16];
	struct slot_table slots;
	struct slot *slot;
	enum slot_state before;
	unsigned int actions;

	(void)snprintf(name, sizeof(name), "%s then %c", path,
		       events[column].letter);
	begin(name);
	if (slots_init(&slots, 4))
		abort();
	slot = walk(&slots, 2, path);
	before = slot->state;
	actions = slots_step(&slots, slot, events[column].event, 1000);
	describe(found, slot->state, actions);
	CHECK(!strcmp(found, expected), "%s, not %s", found, expected);
	if (slot->state != before)
		CHECK(slot->since == 1000, "since %" PRIu64, slot->since);
	slots_destroy(&slots);
	end();
}

static void test_table(void)
{
	char outcomes[128], *word, *rest;
	size_t row, column;

	for (row = 0; row < ARRAY_SIZE(table); row++) {
		(void)snprintf(outcomes, sizeof(outcomes), "%s",
			       table[row].outcomes);
		word = strtok_r(outcomes, " ", &rest);
		for (column = 0; column < ARRAY_SIZE(events); column++) {
			test_cell(table[row].path, column, word ? word : "?");
			word = strtok_r(NULL, " ", &rest);
		}
		begin(table[row].path);
		CHECK(!word, "the row has more columns than events");
		end();
	}
}

static void test_beginnings(void)
{
	struct slot_table slots;
	struct slot *slot;
	unsigned int actions;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(beginnings); i++) {
		const struct beginning *how = &beginnings[i];

		begin("an access begins");
		if (slots_init(&slots, 4))
			abort();
		slot = claim(&slots, 1, how->kind, 5);
		actions = slots_step(&slots, slot, how->event, 5);
		CHECK(slot->state == how->state, "%c", how->letter);
		CHECK(actions == how->actions, "%c: %x", how->letter, actions);
		CHECK((slot->flags & ~PROGRAM) == how->flags, "%c: %x",
		      how->letter, slot->flags);
		CHECK(slot_is_held(slot) == !(how->flags & SLOT_IS_OWN), "%c",
		      how->letter);
		CHECK(slots.own == !!(how->flags & SLOT_IS_OWN), "%zu",
		      slots.own);
		CHECK(slot->held == 5 && slot->pid == 4711, "claimed");
		slots_destroy(&slots);
		end();
	}
}

static void test_flags(void)
{
	static const struct {
		const char *path;
		uint32_t flags, losses;
	} rows[] = {
		{ "Jtn", SLOT_IS_LEASED | SLOT_IS_CHANGED | SLOT_MAY_RUN, 0 },
		{ "Jt", SLOT_IS_LEASED, 0 },
		{ "Ex", SLOT_IS_EXEC | SLOT_IS_WRITER, 0 },
		{ "Eg", SLOT_IS_EXEC | SLOT_IS_LEASED, 0 },
		{ "Lk", SLOT_IS_LEASED | SLOT_IS_BROKEN, 0 },
		{ "Lth", SLOT_IS_LEASED | SLOT_IS_RESENT, 1 },
		{ "Lththth", SLOT_IS_LEASED | SLOT_IS_RESENT, 3 },
		{ "UA", SLOT_IS_ANSWERED | SLOT_IS_LATE, 0 },
		{ "UtD", SLOT_IS_ANSWERED | SLOT_IS_LATE, 0 },
		{ "LtAk", SLOT_IS_ANSWERED | SLOT_IS_LATE | SLOT_IS_BROKEN, 0 },
		{ "Lta", SLOT_IS_LEASED | SLOT_IS_ANSWERED, 0 },
		{ "Ltc", SLOT_IS_LEASED | SLOT_IS_ANSWERED, 0 },
		{ "Ltck", SLOT_IS_LEASED | SLOT_IS_ANSWERED | SLOT_IS_UNTOLD,
		  0 },
		{ "Ltckw", SLOT_IS_LEASED | SLOT_IS_ANSWERED | SLOT_IS_TOLD,
		  0 },
		{ "Ltckwe", SLOT_IS_LEASED | SLOT_IS_ANSWERED, 0 },
		{ "Ltckwh", SLOT_IS_LEASED | SLOT_IS_ANSWERED | SLOT_IS_UNTOLD,
		  0 },
	};
	struct slot_table slots;
	struct slot *slot;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(rows[i].path);
		if (slots_init(&slots, 1))
			abort();
		slot = walk(&slots, 0, rows[i].path);
		if (*rows[i].path != 'J')
			slot->flags ^= SLOT_MAY_RUN;
		CHECK(slot->flags == rows[i].flags, "%x", slot->flags);
		CHECK(slot->losses == rows[i].losses, "%u", slot->losses);
		slots_destroy(&slots);
		end();
	}
}

static void test_find(void)
{
	struct slot_table slots;
	struct slot *slot;
	uint64_t first;

	begin("a slot is found by its present use alone");
	if (slots_init(&slots, 8))
		abort();
	CHECK(!slots_find(&slots, 3, 0), "never used");
	slot = walk(&slots, 3, "Ut");
	first = slot->sequence;
	CHECK(slots_find(&slots, 3, first) == slot, "in use");
	CHECK(!slots_find(&slots, 3, first + 1), "not used yet");
	CHECK(!slots_find(&slots, 2, first), "another slot");
	CHECK(!slots_find(&slots, 8, first), "beyond the table");
	CHECK(!slots_find(&slots, UINT32_MAX, first), "far beyond the table");
	CHECK(!slots_find(&slots, UINT32_C(1) << 31, first), "negative");
	(void)slots_step(&slots, slot, SLOT_VERDICT_DENY, 9);
	CHECK(!slots_find(&slots, 3, first), "settled");
	(void)walk(&slots, 3, "Ut");
	CHECK(!slots_find(&slots, 3, first), "used again");
	CHECK(slots_find(&slots, 3, first + 1) == slot, "used again");
	CHECK(slot_fd(&slots, slot) == 3, "descriptor");
	CHECK(!slots_at(&slots, -1) && !slots_at(&slots, 8), "no descriptor");
	slots_destroy(&slots);
	CHECK(!slots_at(&slots, 0), "destroyed");
	end();
}

static void test_own_overtakes(void)
{
	struct slot_table slots;
	struct slot *slot;

	begin("the host's own accesses overtake the queue");
	if (slots_init(&slots, 8))
		abort();
	(void)walk(&slots, 0, "L");
	(void)walk(&slots, 1, "U");
	(void)walk(&slots, 2, "O");
	(void)walk(&slots, 3, "L");
	CHECK(slots.own == 1, "%zu", slots.own);
	slot = slots.lists[SLOT_QUEUED].first;
	CHECK(slot == slots_at(&slots, 2), "slot %d is first",
	      slot_fd(&slots, slot));
	(void)slots_step(&slots, slot, SLOT_TAKEN, 2);
	CHECK(slots.lists[SLOT_QUEUED].first == slots_at(&slots, 0), "oldest");
	(void)slots_step(&slots, slot, SLOT_HOST_LOST, 3);
	CHECK(slots.lists[SLOT_QUEUED].first == slot, "again first");
	(void)slots_step(&slots, slot, SLOT_TAKEN, 4);
	CHECK(slots.own == 1, "not settled before it is judged");
	(void)slots_step(&slots, slot, SLOT_VERDICT_ALLOW, 5);
	CHECK(slots.own == 0, "settled");
	CHECK(slots.lists[SLOT_QUEUED].length == 3, "the others wait");
	CHECK(slots.lists[SLOT_QUEUED].last == slots_at(&slots, 3), "youngest");
	slots_destroy(&slots);
	end();
}

static void test_order_of_actions(void)
{
	begin("a mark goes before its lease, the descriptor last");
	CHECK(SLOT_DO_UNMARK < SLOT_DO_UNLEASE, "order");
	CHECK(SLOT_DO_MARK < SLOT_DO_ALLOW,
	      "marked before the accessor goes on");
	CHECK(SLOT_DO_ALLOW < SLOT_DO_UNLEASE, "answered under the lease");
	CHECK(SLOT_DO_DENY < SLOT_DO_CLOSE && SLOT_DO_BUSY < SLOT_DO_CLOSE &&
		      SLOT_DO_REFUSE < SLOT_DO_CLOSE,
	      "answered while the descriptor is open");
	CHECK(SLOT_DO_TELL < SLOT_DO_UNLEASE, "told while the writer waits");
	CHECK(SLOT_DO_UNLEASE < SLOT_DO_CLOSE, "order");
	end();
}

/* However an access stands, a verdict and the passing of time settle it. */
static void settle(struct world *world, int fd)
{
	static const enum slot_event ending[] = {
		SLOT_LEASE_GIVEN_UP, SLOT_TAKEN, SLOT_VERDICT_CACHE,
		SLOT_EVICT,	     SLOT_HEARD, SLOT_LINGER_OVER,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ending) && world->models[fd].open; i++)
		step(world, fd, ending[i]);
	CHECK(!world->models[fd].open, "slot %d was never settled", fd);
}

static void check_reached(const struct world *world)
{
	int state;
	size_t i;

	for (state = SLOT_FREE + 1; state < SLOT_STATES; state++)
		for (i = 0; i < ARRAY_SIZE(events); i++)
			CHECK(world->reached[state][events[i].event] ||
				      (events[i].event == SLOT_LEASE_GOT &&
				       state != SLOT_LEASING),
			      "no %c in state %c", events[i].letter,
			      state_letters[state]);
}

static void test_random_walk(uint64_t seed, unsigned long steps)
{
	static struct world world;
	unsigned long i;
	int fd;

	begin("random walk");
	world = (struct world){ .random = seed ? seed : 1 };
	if (slots_init(&world.slots, SLOTS))
		abort();
	for (i = 0; i < steps && report.ok; i++) {
		fd = (int)draw(&world, SLOTS);
		world.now += draw(&world, 3);
		if (world.models[fd].open)
			live(&world, fd);
		else
			hold(&world, fd);
		if (i % 64 == 0)
			check_lists(&world);
	}
	for (fd = 0; fd < SLOTS; fd++)
		settle(&world, fd);
	check_lists(&world);
	check_reached(&world);
	CHECK(world.accesses == world.answers && world.answers == world.closes,
	      "%lu accesses, %lu answers, %lu closes", world.accesses,
	      world.answers, world.closes);
	CHECK(world.accesses > steps / 100, "%lu accesses", world.accesses);
	if (!report.ok)
		printf("seed %" PRIu64 ", step %lu\n", seed, i);
	slots_destroy(&world.slots);
	end();
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20;
	unsigned long steps = argc > 2 ? strtoul(argv[2], NULL, 0) : 500000;
	uint64_t walk_number;

	test_beginnings();
	test_table();
	test_flags();
	test_find();
	test_own_overtakes();
	test_order_of_actions();
	for (walk_number = 0; walk_number < 4; walk_number++)
		test_random_walk(seed + walk_number, steps);
	printf("%lu passed, %lu failed\n", report.passed, report.failed);
	return report.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
