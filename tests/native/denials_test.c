/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of native/denials.c on a ring of our own, laid out as the kernel's is
 * (kernel/bpf/ringbuf.c), and of what native/ima_bpf.h says of verdicts.
 */
#include "denials.h"
#include "check.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 4096u
#define MOST 64

struct ring {
	uint64_t consumed;
	uint64_t produced;
	unsigned char *data;
	struct denials denials;
};

struct heard {
	uint32_t pids[MOST];
	size_t count;
	size_t room;
};

static struct ring make_ring(void)
{
	struct ring ring = { .data = calloc(2, SIZE) };

	return ring;
}

static void connect_ring(struct ring *ring)
{
	ring->denials = (struct denials){ .consumed = &ring->consumed,
					  .produced = &ring->produced,
					  .data = ring->data,
					  .size = SIZE };
}

/* Writes where the kernel would, and into the second mapping of the same. */
static void put(struct ring *ring, uint64_t at, const void *what, size_t size)
{
	const unsigned char *bytes = what;
	size_t i;

	for (i = 0; i < size; i++) {
		ring->data[(at + i) % SIZE] = bytes[i];
		ring->data[(at + i) % SIZE + SIZE] = bytes[i];
	}
}

static void produce(struct ring *ring, uint32_t pid, uint32_t bits)
{
	struct ima_bpf_denial denial = { .pid = pid };
	const uint32_t header[2] = { (uint32_t)sizeof(denial) | bits, 0 };

	memset(denial.name, 'n', sizeof(denial.name));
	memset(denial.path, 'p', sizeof(denial.path));
	put(ring, ring->produced, header, sizeof(header));
	put(ring, ring->produced + sizeof(header), &denial, sizeof(denial));
	ring->produced += (sizeof(header) + sizeof(denial) + 7) / 8 * 8;
}

static bool hear(void *context, const struct ima_bpf_denial *denial)
{
	struct heard *heard = context;

	if (heard->count == heard->room)
		return false;
	CHECK(strlen(denial->path) == IMA_BPF_PATH - 1, "%zu",
	      strlen(denial->path));
	CHECK(strlen(denial->name) == sizeof(denial->name) - 1, "%zu",
	      strlen(denial->name));
	heard->pids[heard->count++] = denial->pid;
	return true;
}

static void test_order(void)
{
	struct ring ring = make_ring();
	struct heard heard = { .room = MOST };
	uint32_t pid;

	begin("denials come in their order, also where the ring begins again");
	connect_ring(&ring);
	for (pid = 1; pid <= 40; pid++) {
		produce(&ring, pid, 0);
		if (pid % 4 == 0)
			denials_read(&ring.denials, hear, &heard);
	}
	CHECK(heard.count == 40 && ring.consumed == ring.produced, "%zu",
	      heard.count);
	for (pid = 1; pid <= heard.count; pid++)
		CHECK(heard.pids[pid - 1] == pid, "%u", heard.pids[pid - 1]);
	end();
	free(ring.data);
}

static void test_refused(void)
{
	struct ring ring = make_ring();
	struct heard heard = { .room = 1 };

	begin("what was not taken comes again");
	connect_ring(&ring);
	produce(&ring, 1, 0);
	produce(&ring, 2, 0);
	denials_read(&ring.denials, hear, &heard);
	CHECK(heard.count == 1 && denials_are_left(&ring.denials), "%zu",
	      heard.count);
	heard.room = MOST;
	denials_read(&ring.denials, hear, &heard);
	CHECK(heard.count == 2 && heard.pids[1] == 2, "%zu", heard.count);
	CHECK(!denials_are_left(&ring.denials), "one is left");
	end();
	free(ring.data);
}

static void test_unfinished(void)
{
	struct ring ring = make_ring();
	struct heard heard = { .room = MOST };
	const uint32_t done[2] = { sizeof(struct ima_bpf_denial), 0 };
	uint64_t at;

	begin("what is still written is waited for, what was discarded is not");
	connect_ring(&ring);
	produce(&ring, 1, BPF_RINGBUF_DISCARD_BIT);
	produce(&ring, 2, 0);
	at = ring.produced;
	produce(&ring, 3, BPF_RINGBUF_BUSY_BIT);
	produce(&ring, 4, 0);
	denials_read(&ring.denials, hear, &heard);
	CHECK(heard.count == 1 && heard.pids[0] == 2, "%zu", heard.count);
	put(&ring, at, done, sizeof(done));
	denials_read(&ring.denials, hear, &heard);
	CHECK(heard.count == 3 && heard.pids[2] == 4, "%zu", heard.count);
	end();
	free(ring.data);
}

static void test_none(void)
{
	struct denials denials;
	struct heard heard = { .room = MOST };

	begin("without a ring nothing is told");
	CHECK(denials_open(&denials, -1) == 0, "an error");
	denials_read(&denials, hear, &heard);
	CHECK(heard.count == 0 && !denials_are_left(&denials), "%zu",
	      heard.count);
	end();
}

static void test_current(void)
{
	static const struct {
		uint32_t state, epoch;
		uint64_t now;
		int current;
	} cases[] = {
		{ IMA_BPF_ALLOWED, 7, 0, 1 }, /* by the rules in force */
		{ IMA_BPF_ALLOWED, 7, 5000, 1 },
		{ IMA_BPF_PENDING, 7, 0, 0 },	 /* not judged yet */
		{ IMA_BPF_ALLOWED, 6, 999, 1 },	 /* by those before, at once */
		{ IMA_BPF_ALLOWED, 6, 1000, 0 }, /* and too late */
		{ IMA_BPF_PENDING, 6, 999, 0 },
		{ IMA_BPF_ALLOWED, 5, 999, 0 }, /* by older ones */
		{ IMA_BPF_ALLOWED, 8, 999, 0 }, /* by none there were */
		{ 0, 7, 0, 0 },
	};
	const struct ima_bpf_config config = { .epoch = 7,
					       .previous_until = 1000 };
	size_t i;

	begin("a verdict counts by its state and its rules");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ima_bpf_verdict verdict = {
			.epoch = cases[i].epoch, .state = cases[i].state
		};

		CHECK(ima_bpf_is_current(&verdict, &config, cases[i].now) ==
			      cases[i].current,
		      "case %zu", i);
	}
	end();
}

static void test_device(void)
{
	begin("a device has the number that the kernel holds it by");
	CHECK(ima_bpf_device(254, 3) == (254u << 20 | 3), "254:3");
	CHECK(ima_bpf_device(0, 1048575) == 1048575u, "0:1048575");
	end();
}

int main(void)
{
	test_order();
	test_refused();
	test_unfinished();
	test_none();
	test_current();
	test_device();
	printf("%lu passed, %lu failed\n", report.passed, report.failed);
	return report.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
