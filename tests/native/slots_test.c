/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of native/slots.c: the table of all states and events, and a random
 * walk against a model of what the kernel holds for each descriptor.
 * usage: slots_test [SEED [STEPS]]
 */
#include "../../native/slots.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_PRINTED 20

struct report {
	unsigned long passed, failed, printed;
	const char *test;
	bool ok;
};

static struct report report;

#define CHECK(condition, ...)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			check_failed(__LINE__, #condition, ##__VA_ARGS__);     \
	} while (0)

__attribute__((format(printf, 3, 4))) static void
check_failed(int line, const char *condition, const char *detail, ...)
{
	va_list arguments;

	report.ok = false;
	if (report.printed++ >= MOST_PRINTED)
		return;
	printf("%s: line %d: %s: ", report.test, line, condition);
	va_start(arguments, detail);
	vprintf(detail, arguments);
	va_end(arguments);
	printf("\n");
}

static void begin(const char *test)
{
	report.test = test;
	report.ok = true;
}

static void end(void)
{
	if (report.ok)
		report.passed++;
	else
		report.failed++;
}

/* How an access begins: a letter of its own, since exec is no event. */
struct beginning {
	char letter;
	enum slot_event event;
	bool exec;
	enum slot_state state;
	unsigned int actions;
	uint32_t flags;
};

static const struct beginning beginnings[] = {
	{ 'L', SLOT_HELD_LEASED, false, SLOT_QUEUED, 0, SLOT_IS_LEASED },
	{ 'P', SLOT_HELD_LEASED, true, SLOT_QUEUED, 0, SLOT_IS_LEASED },
	{ 'W', SLOT_HELD_WRITER, false, SLOT_QUEUED, 0, SLOT_IS_WRITER },
	{ 'E', SLOT_HELD_WRITER, true, SLOT_LEASING, 0, 0 },
	{ 'U', SLOT_HELD_UNLEASED, false, SLOT_QUEUED, 0, 0 },
	{ 'V', SLOT_HELD_UNLEASED, true, SLOT_QUEUED, 0, 0 },
	{ 'O', SLOT_HELD_OWN, false, SLOT_QUEUED, SLOT_DO_ALLOW,
	  SLOT_IS_OWN | SLOT_IS_ANSWERED },
	{ 'M', SLOT_HELD_OWN, true, SLOT_QUEUED, SLOT_DO_ALLOW,
	  SLOT_IS_OWN | SLOT_IS_ANSWERED },
};

/* The events of a life, in the order of the columns below. */
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
	{ 'o', SLOT_LINGER_OVER },
};

/*
 * A path of letters, and for each event that follows it the state (F free,
 * L leasing, Q queued, S sent, C cached, G lingering) and the actions
 * (u unmark, m mark, a allow, d deny, b busy, l unlease, c close).
 */
static const struct {
	const char *path, *outcomes;
} table[] = {
	/*          g  x  t  h  a   c   d    b    A   D   k  v  o */
	{ "E", "Q Q L L L L L L Qa Qd L L L" },
	{ "Ek", "Q Q L L L L L L Qa Qd L L L" },
	{ "L", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "P", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "W", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "U", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "V", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "O", "Q Q S Q Q Q Q Q Q Q Q Q Q" },
	{ "M", "Q Q S Q Q Q Q Q Q Q Q Q Q" },
	{ "Eg", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "Ex", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "EA", "Q Q S Q Q Q Q Q Q Q Q Q Q" },
	{ "LA", "Q Q S Q Q Q Q Q Q Q Ql Q Q" },
	{ "LD", "Q Q S Q Q Q Q Q Q Q Ql Q Q" },
	{ "Lk", "Q Q S Q Q Q Q Q Qal Qdl Q Q Q" },
	{ "LkA", "Q Q S Q Q Q Q Q Q Q Q Q Q" },
	{ "LAk", "Q Q S Q Q Q Q Q Q Q Q Q Q" },
	{ "Lth", "Q Q S Q Q Q Q Q Qa Qd Q Q Q" },
	{ "LtAh", "Q Q S Q Q Q Q Q Q Q Ql Q Q" },
	{ "Lt", "S S S Q Ga Cma Fdlc Fblc Sa Sd S S S" },
	{ "Pt", "S S S Q Ga Cma Fdlc Fblc Sa Sd S S S" },
	{ "Egt", "S S S Q Ga Cma Fdlc Fblc Sa Sd S S S" },
	{ "Ltht", "S S S Q Ga Cma Fdlc Fblc Sa Sd S S S" },
	{ "Ltk", "S S S Q Ga Ga Fdlc Fblc Sal Sdl S S S" },
	{ "Lkt", "S S S Q Ga Ga Fdlc Fblc Sal Sdl S S S" },
	{ "Wt", "S S S Q Fac Fac Fdc Fbc Sa Sd S S S" },
	{ "Ut", "S S S Q Fac Fac Fdc Fbc Sa Sd S S S" },
	{ "Utk", "S S S Q Fac Fac Fdc Fbc Sa Sd S S S" },
	{ "Ext", "S S S Q Fac Fac Fdc Fbc Sa Sd S S S" },
	{ "EAt", "S S S Q Fc Fc Fc Fc S S S S S" },
	{ "Ot", "S S S Q Fc Fc Fc Fc S S S S S" },
	{ "Otht", "S S S Q Fc Fc Fc Fc S S S S S" },
	{ "LtA", "S S S Q Flc Flc Flc Flc S S Sl S S" },
	{ "LtD", "S S S Q Flc Flc Flc Flc S S Sl S S" },
	{ "LtAk", "S S S Q Fc Fc Fc Fc S S S S S" },
	{ "LtkA", "S S S Q Fc Fc Fc Fc S S S S S" },
	{ "Ltc", "C C C C C C C C C C Gu Gu C" },
	{ "Ltck", "G G G G G G G G G G G G Flc" },
	{ "Ltcv", "G G G G G G G G G G G G Flc" },
	{ "Lta", "G G G G G G G G G G G G Flc" },
	{ "Ltak", "G G G G G G G G G G G G Flc" },
	{ "Ltkc", "G G G G G G G G G G G G Flc" },
	{ "Ltao", "F F F F F F F F F F F F F" },
	{ "Ltd", "F F F F F F F F F F F F F" },
};

static const char state_letters[SLOT_STATES] = {
	[SLOT_FREE] = 'F', [SLOT_LEASING] = 'L', [SLOT_QUEUED] = 'Q',
	[SLOT_SENT] = 'S', [SLOT_CACHED] = 'C',	 [SLOT_LINGERING] = 'G',
};

static const char action_letters[] = "umadblc";

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

static struct slot *claim(struct slot_table *slots, int fd, bool exec,
			  uint64_t now)
{
	struct slot *slot = slots_at(slots, fd);

	slots_claim(slots, slot, exec ? 1 : 3, 4711, now);
	if (exec)
		slot->flags |= SLOT_IS_EXEC;
	return slot;
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
	struct slot *slot = claim(slots, fd, how->exec, now);

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
		slot = claim(&slots, 1, how->exec, 5);
		actions = slots_step(&slots, slot, how->event, 5);
		CHECK(slot->state == how->state, "%c", how->letter);
		CHECK(actions == how->actions, "%c: %x", how->letter, actions);
		CHECK((slot->flags & ~SLOT_IS_EXEC) == how->flags, "%c: %x",
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
	};
	struct slot_table slots;
	struct slot *slot;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(rows[i].path);
		if (slots_init(&slots, 1))
			abort();
		slot = walk(&slots, 0, rows[i].path);
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
	CHECK(SLOT_DO_DENY < SLOT_DO_CLOSE && SLOT_DO_BUSY < SLOT_DO_CLOSE,
	      "answered while the descriptor is open");
	CHECK(SLOT_DO_UNLEASE < SLOT_DO_CLOSE, "order");
	end();
}

/* What the kernel holds for one descriptor. */
struct model {
	bool open, waiting, marked, leased, broken, own;
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
		CHECK(!model->marked, "marked twice");
		CHECK(model->waiting, "marked after the accessor went on");
		model->marked = true;
	}
	if (todo & SLOT_DO_ALLOW)
		answer(world, model);
	if (todo & SLOT_DO_DENY)
		answer(world, model);
	if (todo & SLOT_DO_BUSY)
		answer(world, model);
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
	struct slot *slot =
		claim(&world->slots, fd, draw(world, 2), world->now);

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

/* However an access stands, a verdict and the passing of time settle it. */
static void settle(struct world *world, int fd)
{
	static const enum slot_event ending[] = {
		SLOT_LEASE_GIVEN_UP, SLOT_TAKEN,       SLOT_VERDICT_CACHE,
		SLOT_EVICT,	     SLOT_LINGER_OVER,
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
