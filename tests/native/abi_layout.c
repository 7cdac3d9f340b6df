/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what native/imahost_abi.h means to a C compiler, for comparison with
 * src/Interop/GuardAbi.cs:
 *	struct NAME SIZE
 *	field STRUCT NAME OFFSET SIZE
 *	const NAME VALUE
 */
#include "../../native/imahost_abi.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define STRUCT(type) printf("struct %s %zu\n", #type, sizeof(struct type))
#define FIELD(type, name)                                                      \
	printf("field %s %s %zu %zu\n", #type, #name,                          \
	       offsetof(struct type, name), sizeof(((struct type *)0)->name))
#define CONST(name) printf("const %s %" PRIu64 "\n", #name, (uint64_t)(name))

static void print_messages(void)
{
	STRUCT(ima_job);
	FIELD(ima_job, type);
	FIELD(ima_job, slot);
	FIELD(ima_job, sequence);
	FIELD(ima_job, access);
	FIELD(ima_job, flags);
	FIELD(ima_job, pid);
	FIELD(ima_job, reserved);

	STRUCT(ima_verdict);
	FIELD(ima_verdict, type);
	FIELD(ima_verdict, slot);
	FIELD(ima_verdict, sequence);
	FIELD(ima_verdict, decision);
	FIELD(ima_verdict, flags);
	FIELD(ima_verdict, policy);

	STRUCT(ima_ready);
	FIELD(ima_ready, type);
	FIELD(ima_ready, flags);
	FIELD(ima_ready, policy);

	STRUCT(ima_watch);
	FIELD(ima_watch, type);
	FIELD(ima_watch, error);
	FIELD(ima_watch, id);

	STRUCT(ima_denial);
	FIELD(ima_denial, type);
	FIELD(ima_denial, hook);
	FIELD(ima_denial, cause);
	FIELD(ima_denial, denied);
	FIELD(ima_denial, pid);
	FIELD(ima_denial, uid);
	FIELD(ima_denial, device);
	FIELD(ima_denial, reserved);
	FIELD(ima_denial, inode);
	FIELD(ima_denial, name);
	FIELD(ima_denial, path);

	STRUCT(ima_order);
	FIELD(ima_order, type);
	FIELD(ima_order, reserved);
}

static void print_counters(void)
{
	STRUCT(ima_counters);
	FIELD(ima_counters, events);
	FIELD(ima_counters, allowed);
	FIELD(ima_counters, denied);
	FIELD(ima_counters, unjudged);
	FIELD(ima_counters, marked);
	FIELD(ima_counters, own);
	FIELD(ima_counters, deadlines);
	FIELD(ima_counters, resent);
	FIELD(ima_counters, host_starts);
	FIELD(ima_counters, lease_breaks);
	FIELD(ima_counters, unleasable);
	FIELD(ima_counters, cached);
	FIELD(ima_counters, held);
	FIELD(ima_counters, unrecorded);
	FIELD(ima_counters, bpf_denied);
	FIELD(ima_counters, bpf_reported);
	FIELD(ima_counters, bpf_lost);
	FIELD(ima_counters, bpf_dropped);
	FIELD(ima_counters, holds);
}

static void print_shared(void)
{
	STRUCT(ima_shared);
	FIELD(ima_shared, version);
	FIELD(ima_shared, size);
	FIELD(ima_shared, heartbeat);
	FIELD(ima_shared, fuse_tries);
	FIELD(ima_shared, writer);
	FIELD(ima_shared, writer_size);
	FIELD(ima_shared, writer_base);
	FIELD(ima_shared, writer_failed);
	FIELD(ima_shared, bpf);
	FIELD(ima_shared, policy);
	FIELD(ima_shared, since);
	FIELD(ima_shared, recorded);
	FIELD(ima_shared, ran);
	FIELD(ima_shared, opens);
	FIELD(ima_shared, counters);
	FIELD(ima_shared, fuse_request);
	FIELD(ima_shared, policy_text);
}

static void print_constants(void)
{
	CONST(IMA_ABI_VERSION);
	printf("const IMA_GUARD_ENV %s\n", IMA_GUARD_ENV);
	CONST(IMA_FD_SOCKET);
	CONST(IMA_FD_SHARED);
	CONST(IMA_FD_FUSE);
	CONST(IMA_MSG_JOB);
	CONST(IMA_MSG_VERDICT);
	CONST(IMA_MSG_READY);
	CONST(IMA_MSG_PROGRESS);
	CONST(IMA_MSG_STOP);
	CONST(IMA_MSG_RELOAD);
	CONST(IMA_MSG_WRITER);
	CONST(IMA_MSG_WATCH);
	CONST(IMA_MSG_WATCHED);
	CONST(IMA_MSG_YIELD);
	CONST(IMA_MSG_RENEW);
	CONST(IMA_MSG_OPEN);
	CONST(IMA_MSG_DENIAL);
	CONST(IMA_ACCESS_EXEC);
	CONST(IMA_ACCESS_ELF);
	CONST(IMA_ACCESS_DATA);
	CONST(IMA_ACCESS_OPEN);
	CONST(IMA_JOB_LEASED);
	CONST(IMA_JOB_WRITER);
	CONST(IMA_JOB_NOTE);
	CONST(IMA_JOB_LATE);
	CONST(IMA_JOB_RESENT);
	CONST(IMA_JOB_MAY_RUN);
	CONST(IMA_ALLOW);
	CONST(IMA_DENY);
	CONST(IMA_BUSY);
	CONST(IMA_VERDICT_CACHE);
	CONST(IMA_VERDICT_CODE);
	CONST(IMA_READY_JUDGE_DATA);
	CONST(IMA_HOLD_BUCKETS);
	CONST(IMA_CROWD);
	CONST(IMA_FUSE_MAX_WRITE);
	CONST(IMA_FUSE_REQUEST);
	CONST(IMA_POLICY_MAX);
}

int main(void)
{
	print_messages();
	print_counters();
	print_shared();
	print_constants();
	return 0;
}
