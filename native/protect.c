/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "protect.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ull << (capability))

/*
 * What the host may do: read every file it is asked about, open the TPM, see
 * who asked, come first in a crowd, open what a process has mapped (map_files
 * of proc(5), for which the kernel asks CAP_CHECKPOINT_RESTORE). No mount, no
 * fanotify, no signal to anybody, unless it is to write labels, which the
 * kernel allows to CAP_SYS_ADMIN alone.
 */
#define HOST_NEEDS                                                             \
	(BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |                    \
	 BIT(CAP_SYS_PTRACE) | BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_NICE) |         \
	 BIT(CAP_CHECKPOINT_RESTORE))

/*
 * SYS_ADMIN: marks of filesystems, umount. LEASE: leases on files of others.
 * DAC_READ_SEARCH: marks and inotify want to read the file. IPC_LOCK: memory
 * to come. SYS_NICE: to come first in a crowd. SETPCAP: for the child, to leave
 * the bounding set.
 */
#define GUARD_NEEDS                                                            \
	(BIT(CAP_SYS_ADMIN) | BIT(CAP_LEASE) | BIT(CAP_DAC_READ_SEARCH) |      \
	 BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_NICE) | BIT(CAP_SETPCAP))

/* After the guard, which asks for -1000, and before all else. */
#define HOST_OOM_SCORE "-900"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
/* System calls of the x32 ABI, which have this architecture too. */
#define FOREIGN_BIT 0x40000000u
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0x80000000u
#else
#error "which AUDIT_ARCH_ is it?"
#endif

/* Other processes, the kernel's code, namespaces, keys, clocks, io_uring. */
static const uint32_t denied[] = {
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_setns,
	SYS_unshare,
	SYS_pivot_root,
	SYS_chroot,
	SYS_mount,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_open_by_handle_at,
	SYS_acct,
	SYS_quotactl,
	SYS_quotactl_fd,
	SYS_nfsservctl,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_personality,
	SYS_vhangup,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_sethostname,
	SYS_setdomainname,
#ifdef SYS_lookup_dcookie
	SYS_lookup_dcookie,
#endif
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
#endif
};

/* The guard's own business. */
static const uint32_t denied_to_host[] = {
	SYS_fanotify_init,
	SYS_fanotify_mark,
	SYS_umount2,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOST_DENIED (COUNT(denied) + COUNT(denied_to_host))
#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD + BPF_W + BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET + BPF_K, what)

static void report(const char *what, long result)
{
	if (result < 0)
		say("%s: %s; going on without", what, strerror(errno));
}

static void forbid_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	report("cannot forbid core files", setrlimit(RLIMIT_CORE, &none));
	/* A handler of core_pattern is not bound by the limit. */
	report("cannot forbid dumps", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static void leave_bounding_set(uint64_t keep)
{
	int capability;
	int there;

	/* Below 0: the kernel knows no more of them. */
	for (capability = 0; capability < 64; capability++) {
		there = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
		if (there < 0)
			return;
		if (!there || keep & BIT(capability))
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			report("cannot narrow the bounding set", -1);
			return;
		}
	}
}

/*
 * @permitted: for this process and those it starts. An exec must not gain any,
 * or the kernel would forget to end the host with the guard.
 */
static void keep_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2] = { 0 };
	int half;

	leave_bounding_set(permitted);
	report("cannot read capabilities", syscall(SYS_capget, &header, sets));
	for (half = 0; half < 2; half++) {
		sets[half].permitted &= (uint32_t)(permitted >> 32 * half);
		sets[half].effective = sets[half].permitted &
				       (uint32_t)(effective >> 32 * half);
		sets[half].inheritable = 0;
	}
	report("cannot give up capabilities",
	       syscall(SYS_capset, &header, sets));
}

static size_t append_denied(struct sock_filter *code, size_t at, size_t end,
			    const uint32_t *numbers, size_t count)
{
	size_t i;

	/* A jump counts from the instruction after it, up to 255. */
	_Static_assert(MOST_DENIED < 250, "the jumps below");
	for (i = 0; i < count; i++, at++)
		code[at] = (struct sock_filter)BPF_JUMP(
			BPF_JMP + BPF_JEQ + BPF_K, numbers[i],
			(uint8_t)(end - at - 1), 0);
	return at;
}

enum process { GUARD, GUARD_OF_MAPS, HOST };

/*
 * Calls that nobody here makes fail with EPERM, and so does every call by the
 * numbers of another architecture. None of them ends the process.
 */
static void deny_calls(enum process process)
{
	const size_t more = process == HOST ? COUNT(denied_to_host) : 0;
	const size_t first = process == GUARD_OF_MAPS ? 10 : 5;
	const size_t end = first + COUNT(denied) + more + 1;
	struct sock_filter code[10 + MOST_DENIED + 2] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, NATIVE_ARCH, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		LOAD(nr),
		BPF_JUMP(BPF_JMP + BPF_JGE + BPF_K, FOREIGN_BIT, 0, 0),
		/* Elements of maps that are there: look up, set, delete, list.
		 */
		BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, SYS_bpf, 0, 4),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, BPF_MAP_CREATE, 0, 0),
		BPF_JUMP(BPF_JMP + BPF_JGT + BPF_K, BPF_MAP_GET_NEXT_KEY, 0, 0),
		RETURN(SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { (unsigned short)(end + 1), code };
	size_t at = first;

	code[4].jt = (uint8_t)(end - 5);
	code[7].jt = (uint8_t)(end - 8);
	code[8].jt = (uint8_t)(end - 9);
	at = append_denied(code, at, end, denied, COUNT(denied));
	at = append_denied(code, at, end, denied_to_host, more);
	code[at++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	code[at] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	report("cannot filter system calls",
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

/* In the child, which may open: nothing waits for it. */
static void be_spared_after_guard(void)
{
	int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (score < 0)
		return;
	/* Refused where the guard was refused its own. */
	if (write(score, HOST_OOM_SCORE, strlen(HOST_OOM_SCORE)) < 0)
		errno = 0;
	close(score);
}

void protect_guard(bool host_may_label, bool bpf, bool again)
{
	const uint64_t host =
		HOST_NEEDS | (host_may_label ? BIT(CAP_SYS_ADMIN) : 0);

	forbid_dumps();
	report("cannot give up new privileges",
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	keep_capabilities(GUARD_NEEDS, GUARD_NEEDS | host);
	if (!again)
		deny_calls(bpf ? GUARD_OF_MAPS : GUARD);
}

void protect_host(bool may_label)
{
	const uint64_t host = HOST_NEEDS | (may_label ? BIT(CAP_SYS_ADMIN) : 0);

	be_spared_after_guard();
	keep_capabilities(host, host);
	deny_calls(HOST);
}
