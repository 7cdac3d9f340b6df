/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes between imahost-guard (C) and the host (C#): the messages on
 * their SOCK_SEQPACKET pair, the descriptors the host starts with and the
 * memory both see. src/Interop/GuardAbi.cs mirrors this page; a test on either
 * side compares every size and offset.
 *
 * All integers are in host byte order. Fields called "reserved" must be 0.
 */
#ifndef IMAHOST_ABI_H
#define IMAHOST_ABI_H

#include <stdint.h>

/* Raised whenever anything on this page changes its meaning or its place. */
#define IMA_ABI_VERSION 5

/*
 * The guard sets this variable to the ABI version for the host it starts. Its
 * absence tells `imahost daemon` that it has to start a guard first.
 */
#define IMA_GUARD_ENV "IMAHOST_GUARD"

/* Descriptors the host starts with. IMA_FD_FUSE is closed without --fs. */
#define IMA_FD_SOCKET 3
#define IMA_FD_SHARED 4
#define IMA_FD_FUSE 5

enum ima_message {
	IMA_MSG_JOB = 1,      /* guard to host, the file in SCM_RIGHTS */
	IMA_MSG_VERDICT = 2,  /* host to guard, ends a job */
	IMA_MSG_READY = 3,    /* host to guard: send me jobs, see ima_ready */
	IMA_MSG_PROGRESS = 4, /* host to guard: the deadline starts anew */
	IMA_MSG_STOP = 5,     /* guard to host: no job will follow, end */
	IMA_MSG_RELOAD = 6,   /* guard to host: the guard got SIGHUP */
	IMA_MSG_WRITER = 7,   /* guard to host, the file in SCM_RIGHTS */
	IMA_MSG_WATCH = 8,    /* host to guard, a mount's root in SCM_RIGHTS */
	IMA_MSG_WATCHED = 9,  /* guard to host, what came of it */
	IMA_MSG_YIELD = 10,   /* guard to host: another host follows, end */
	IMA_MSG_RENEW = 11,   /* host to guard: what is installed is newer */
	IMA_MSG_OPEN = 12,    /* host to guard: stop, and open the gate */
	IMA_MSG_DENIAL = 13,  /* guard to host: what the BPF programs refused */
};

/* Which access is held, from the fanotify event that announced it. */
enum ima_access {
	IMA_ACCESS_EXEC = 1, /* FAN_OPEN_EXEC_PERM */
	IMA_ACCESS_ELF =
		2, /* FAN_OPEN_PERM of a file that starts as ELF does */
	IMA_ACCESS_DATA = 3, /* FAN_OPEN_PERM of any other file */
	IMA_ACCESS_OPEN = 4, /* FAN_OPEN_PERM, the start is not in memory */
};

/* Flags of a job. */
#define IMA_JOB_LEASED 0x1u   /* a read lease keeps writers out */
#define IMA_JOB_WRITER 0x2u   /* the lease was refused: a writer is there */
#define IMA_JOB_NOTE 0x4u     /* answered already: the host's own access */
#define IMA_JOB_LATE 0x8u     /* answered already: its deadline passed */
#define IMA_JOB_RESENT 0x10u  /* an earlier host died over it */
#define IMA_JOB_MAY_RUN 0x20u /* somebody may be within an exec of it */

/*
 * IMA_MSG_WRITER: somebody opens this file to write, or truncates it, while its
 * verdict is held in the kernel or on its way there. The writer waits until a
 * verdict says that the host has looked after it; which one does not matter.
 */
struct ima_job {
	uint32_t type;	   /* IMA_MSG_JOB or IMA_MSG_WRITER */
	uint32_t slot;	   /* to be returned with the verdict */
	uint64_t sequence; /* to be returned with the verdict */
	uint32_t access;   /* enum ima_access */
	uint32_t flags;	   /* IMA_JOB_* */
	int32_t pid;	   /* thread group of the accessor, 0: not visible */
	uint32_t reserved;
};

enum ima_decision {
	IMA_ALLOW = 1,
	IMA_DENY = 2, /* EPERM */
	IMA_BUSY = 3, /* ETXTBSY where the kernel can say it, else EPERM */
};

#define IMA_VERDICT_CACHE 0x1u /* holds until the file changes */
#define IMA_VERDICT_CODE 0x2u  /* IMA_ACCESS_OPEN: it may be mapped, as ELF */

/* IMA_MSG_VERDICT and IMA_MSG_PROGRESS (which leaves decision 0). */
struct ima_verdict {
	uint32_t type;
	uint32_t slot;
	uint64_t sequence;
	uint32_t decision; /* enum ima_decision */
	uint32_t flags;	   /* IMA_VERDICT_* */
	uint64_t policy;   /* which policy it was judged by, see ima_ready; 0:
			      by none, nobody could judge it */
};

#define IMA_READY_JUDGE_DATA 0x1u /* send IMA_ACCESS_DATA too */

/*
 * IMA_MSG_READY, from each host once and again when the policy changes.
 * `policy` names the rules in force (any number that differs when they do): on
 * another one every verdict held in the kernel is dropped, and so is every mark
 * on what nobody asked about; a verdict by another policy is not kept.
 */
struct ima_ready {
	uint32_t type;
	uint32_t flags; /* IMA_READY_* */
	uint64_t policy;
};

/*
 * IMA_MSG_WATCH: mark the filesystem that holds the descriptor. The host opens
 * it, because that may wait, and keeps it open until IMA_MSG_WATCHED comes: the
 * guard's close is then never the last one, which may unmount.
 */
struct ima_watch {
	uint32_t type;
	int32_t error; /* IMA_MSG_WATCHED: 0, or an errno, positive */
	uint64_t id;   /* the host's, returned with the answer */
};

/*
 * IMA_MSG_OPEN, and IMA_MSG_RENEW with the guard's new image, a sealed memfd,
 * in SCM_RIGHTS, or without when the guard itself is to stay.
 */
struct ima_order {
	uint32_t type;
	uint32_t reserved;
};

/*
 * IMA_MSG_DENIAL: a file was about to become code without a verdict. The values
 * of hook and cause are those of native/ima_bpf.h.
 */
struct ima_denial {
	uint32_t type;
	uint32_t hook;	 /* enum ima_bpf_hook */
	uint32_t cause;	 /* enum ima_bpf_cause */
	uint32_t denied; /* 0: it was let through, and is only told */
	uint32_t pid;	 /* thread group, in the first pid namespace */
	uint32_t uid;
	uint32_t device; /* major << 20 | minor */
	uint32_t reserved;
	uint64_t inode;
	char name[16];	/* of the task */
	char path[256]; /* or the last part of it */
};

/*
 * How long accesses were held, from the guard's read of the event to the
 * answer. Bucket i counts holds below 2^i microseconds (and not below
 * 2^(i-1)); the last one takes all longer ones.
 */
#define IMA_HOLD_BUCKETS 32

/* So many held accesses are a crowd: who answers them has to come first. */
#define IMA_CROWD 256

/* Counted by the guard since its start, read by the host. */
struct ima_counters {
	uint64_t events;       /* permission events read */
	uint64_t allowed;      /* answered FAN_ALLOW, by whomever */
	uint64_t denied;       /* answered FAN_DENY, by whomever */
	uint64_t unjudged;     /* allowed by the guard: nothing to decide */
	uint64_t marked;       /* of these: not asked about again until written
				*/
	uint64_t own;	       /* the host's own accesses */
	uint64_t deadlines;    /* answered by the guard: the host was late */
	uint64_t resent;       /* jobs sent again after a host's death */
	uint64_t host_starts;  /* hosts started */
	uint64_t lease_breaks; /* writers that waited for a held or cached file
				*/
	uint64_t unleasable;   /* files whose filesystem has no leases */
	uint64_t cached;       /* verdicts held in the kernel now */
	uint64_t held;	       /* accesses held now */
	uint64_t unrecorded;   /* answered without a host: in no list yet */
	/* By the BPF programs, since they were loaded: */
	uint64_t bpf_denied;   /* code without a verdict, refused */
	uint64_t bpf_reported; /* or let through, and told */
	uint64_t bpf_lost;     /* of both: there was no room to tell of them */
	uint64_t bpf_dropped;  /* verdicts that a change of the file ended */
	uint64_t holds[IMA_HOLD_BUCKETS];
};

/*
 * The request of /dev/fuse that is being answered. The host read()s straight
 * into it, so the request outlives the host; `unique` inside (bytes 8 to 15 of
 * fuse_in_header) is 0 when nothing is pending. `tries` counts the hosts that
 * took it up.
 */
#define IMA_FUSE_MAX_WRITE 131072u
#define IMA_FUSE_REQUEST (IMA_FUSE_MAX_WRITE + 4096u)

/*
 * The open write handle of <fs>/policy: its text so far must outlive the host
 * too. `writer` is the handle's number, 0 when nobody writes.
 */
#define IMA_POLICY_MAX 262144u

struct ima_shared {
	uint32_t version;	/* IMA_ABI_VERSION, written by the guard */
	uint32_t size;		/* sizeof(struct ima_shared) */
	uint64_t heartbeat;	/* host: CLOCK_MONOTONIC, ns */
	uint64_t fuse_tries;	/* host: hosts that took up the request */
	uint64_t writer;	/* host: handle that writes the policy */
	uint32_t writer_size;	/* host: bytes of policy_text in use */
	uint32_t writer_base;	/* host: offset at which an append began */
	uint32_t writer_failed; /* host: a write was refused */
	uint32_t bpf;		/* guard: enum ima_bpf_mode, 0: no programs */
	uint64_t policy;   /* guard: which policy its kept verdicts follow */
	uint64_t since;	   /* guard: CLOCK_REALTIME, ns, when its marks stood */
	uint64_t recorded; /* host: of counters.unrecorded, those in the list */
	uint32_t ran;	   /* host: what ran before us is in the list */
	uint32_t opens;	   /* host: it opens what others may have written */
	struct ima_counters counters;
	uint8_t fuse_request[IMA_FUSE_REQUEST] __attribute__((aligned(4096)));
	uint8_t policy_text[IMA_POLICY_MAX];
};

#endif
