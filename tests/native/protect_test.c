/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of native/protect.c, each in a child that gives up what the guard or
 * the host does: which system calls it may still make. As root.
 */
#define _GNU_SOURCE
#include "check.h"
#include "protect.h"
#include "say.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A foreign call that nothing could answer in another way. */
#define X32_GETPID (0x40000000l | SYS_getpid)

enum process { NEITHER, GUARD, HOST };

/* None of these fails with EPERM when root calls it like this. */
struct call {
	const char *name;
	long number;
	long first;
	enum process allowed; /* the last that may */
};

static const struct call calls[] = {
	{ "ptrace", SYS_ptrace, 0, NEITHER },
	{ "process_vm_readv", SYS_process_vm_readv, -1, NEITHER },
	{ "process_vm_writev", SYS_process_vm_writev, -1, NEITHER },
	{ "pidfd_getfd", SYS_pidfd_getfd, -1, NEITHER },
	{ "finit_module", SYS_finit_module, -1, NEITHER },
	{ "unshare", SYS_unshare, 0, NEITHER },
	{ "setns", SYS_setns, -1, NEITHER },
	{ "open_tree", SYS_open_tree, -1, NEITHER },
	{ "fsconfig", SYS_fsconfig, -1, NEITHER },
	{ "add_key", SYS_add_key, 0, NEITHER },
	{ "keyctl", SYS_keyctl, 9999, NEITHER },
	{ "io_uring_enter", SYS_io_uring_enter, -1, NEITHER },
	{ "personality", SYS_personality, 0xffffffff, NEITHER },
#ifdef __x86_64__
	{ "getpid of x32", X32_GETPID, 0, NEITHER },
#endif
	{ "bpf that makes a map", SYS_bpf, BPF_MAP_CREATE, NEITHER },
	{ "bpf that opens a pin", SYS_bpf, BPF_OBJ_GET, NEITHER },
	{ "bpf that looks up", SYS_bpf, BPF_MAP_LOOKUP_ELEM, GUARD },
	{ "bpf that sets", SYS_bpf, BPF_MAP_UPDATE_ELEM, GUARD },
	{ "bpf that deletes", SYS_bpf, BPF_MAP_DELETE_ELEM, GUARD },
	{ "fanotify_mark", SYS_fanotify_mark, -1, GUARD },
	{ "fanotify_init", SYS_fanotify_init, -1, GUARD },
	{ "umount2", SYS_umount2, 0, GUARD },
	{ "memfd_create", SYS_memfd_create, 0, HOST },
	{ "execve", SYS_execve, 0, HOST },
	{ "getpid", SYS_getpid, 0, HOST },
};

static unsigned int said;
/* The guard has BPF maps. */
static bool maps = true;

/* What protect.c has to tell. */
void say(const char *format, ...)
{
	(void)format;
	said++;
}

/* The host keeps CAP_SYS_ADMIN here, so that nothing else says EPERM. */
static void become(enum process process)
{
	if (process >= GUARD)
		protect_guard(true, maps, false);
	if (process == HOST)
		protect_host(true);
}

/* errno of a call, or 0. */
static int outcome(enum process process, const struct call *call)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		become(process);
		if (said)
			_exit(255);
		errno = 0;
		(void)syscall(call->number, call->first, 0l, 0l, 0l, 0l, 0l);
		_exit(errno);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void test_calls(void)
{
	size_t i;
	int process;
	int error;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		begin(calls[i].name);
		for (process = NEITHER; process <= HOST; process++) {
			error = outcome((enum process)process, &calls[i]);
			CHECK(error != 255 &&
				      (error == EPERM) ==
					      (process > (int)calls[i].allowed),
			      "process %d: errno %d", process, error);
		}
		end();
	}
}

static void test_without_maps(void)
{
	const struct call lookup = { "", SYS_bpf, BPF_MAP_LOOKUP_ELEM, GUARD };

	begin("bpf of a guard without maps");
	maps = false;
	CHECK(outcome(GUARD, &lookup) == EPERM, "it is allowed");
	maps = true;
	end();
}

/* The host looks by it who holds a file. */
static void test_kcmp(void)
{
	const struct call kcmp = { "kcmp", SYS_kcmp, getpid(), HOST };

	begin("kcmp");
	CHECK(outcome(HOST, &kcmp) != EPERM, "it is denied");
	end();
}

#ifdef __x86_64__
/* getpid by the table of i386, where it has number 20. */
static void test_foreign_architecture(void)
{
	pid_t pid = fork();
	int status = -1;
	long result = 20;

	begin("foreign architecture");
	if (pid == 0) {
		become(GUARD);
		__asm__ volatile("int $0x80"
				 : "+a"(result)
				 :
				 : "memory", "r8", "r9", "r10", "r11");
		_exit(result == -EPERM ? 0 : 1);
	}
	(void)waitpid(pid, &status, 0);
	/* A kernel without that table ends the process by a signal. */
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "status %d",
	      status);
	end();
}
#endif

/* What a renewed guard does: nothing gets worse, and nothing is said. */
static void test_again(void)
{
	pid_t pid = fork();
	int status = -1;
	int i;

	begin("again");
	if (pid == 0) {
		for (i = 0; i < 20; i++)
			become(GUARD);
		_exit(said ? 1 : 0);
	}
	(void)waitpid(pid, &status, 0);
	CHECK(status == 0, "status %d", status);
	end();
}

int main(void)
{
	if (geteuid() != 0) {
		printf("protect_test: not root: nothing can be given up\n");
		printf("0 passed, 1 failed\n");
		return EXIT_FAILURE;
	}
	test_calls();
	test_without_maps();
	test_kcmp();
#ifdef __x86_64__
	test_foreign_architecture();
#endif
	test_again();
	printf("%lu passed, %lu failed\n", report.passed, report.failed);
	return report.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
