/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of native/host.c: when a host counts as hung, and when as late. */
#include "check.h"
#include "host.h"
#include "protect.h"

#define SECOND 1000000000ull

/* Only a host that is started needs it; none is here. */
void protect_host(bool may_label)
{
	(void)may_label;
}

static struct ima_shared shared;

static bool hung_after(unsigned int failures, bool ready, uint64_t silence)
{
	const struct host host = {
		.shared = &shared,
		.heartbeat = 2 * SECOND,
		.pid = 1,
		.ready = ready,
		.failures = failures,
	};

	shared.heartbeat = 100 * SECOND;
	return host_is_hung(&host, shared.heartbeat + silence);
}

static void a_ready_host_is_hung_after_the_heartbeat(void)
{
	begin(__func__);
	CHECK(!hung_after(0, true, 2 * SECOND), " ");
	CHECK(hung_after(0, true, 2 * SECOND + 1), " ");
	CHECK(hung_after(9, true, 2 * SECOND + 1), " ");
	end();
}

static void a_starting_host_gets_more_time_after_each_that_was_killed(void)
{
	begin(__func__);
	CHECK(hung_after(0, false, 2 * SECOND + 1), " ");
	CHECK(!hung_after(1, false, 4 * SECOND), " ");
	CHECK(hung_after(1, false, 4 * SECOND + 1), " ");
	CHECK(!hung_after(3, false, 16 * SECOND), " ");
	CHECK(hung_after(1000, false, 16 * SECOND + 1), " ");
	end();
}

static bool late_after(unsigned int failures, bool ready, uint64_t start)
{
	const struct host host = {
		.shared = &shared,
		.pid = 1,
		.ready = ready,
		.failures = failures,
		.started = 100 * SECOND,
	};

	return host_is_late(&host, host.started + start);
}

static void a_host_that_beats_gets_more_time_to_start_each_time(void)
{
	begin(__func__);
	CHECK(!late_after(0, false, 10 * SECOND), " ");
	CHECK(late_after(0, false, 10 * SECOND + 1), " ");
	CHECK(!late_after(1, false, 20 * SECOND), " ");
	CHECK(late_after(1, false, 20 * SECOND + 1), " ");
	CHECK(!late_after(3, false, 80 * SECOND), " ");
	CHECK(late_after(1000, false, 80 * SECOND + 1), " ");
	CHECK(!late_after(0, true, 1000 * SECOND), " ");
	end();
}

int main(void)
{
	a_ready_host_is_hung_after_the_heartbeat();
	a_starting_host_gets_more_time_after_each_that_was_killed();
	a_host_that_beats_gets_more_time_to_start_each_time();
	printf("%lu passed, %lu failed\n", report.passed, report.failed);
	return report.failed != 0;
}
