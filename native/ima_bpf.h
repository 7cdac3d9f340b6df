/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the BPF programs (ima.bpf.c), their loader (bpf_load.c) and the guard
 * (verdicts.c) have in common: the maps that are pinned in IMA_BPF_DIR, which
 * outlive all three, and what is in them.
 */
#ifndef IMAHOST_IMA_BPF_H
#define IMAHOST_IMA_BPF_H

#include <linux/types.h>

/* Raised whenever a map changes its layout or the meaning of what is in it. */
#define IMA_BPF_VERSION 1

#define IMA_BPF_DIR "/sys/fs/bpf/imahost"

enum ima_bpf_mode {
	IMA_BPF_OFF = 0,     /* everything is let through, nothing is told */
	IMA_BPF_REPORT = 1,  /* what would be refused is let through and told */
	IMA_BPF_ENFORCE = 2, /* without a verdict nothing becomes code */
};

/* Files that no filesystem shows: memfd_create(2), shared memory segments. */
enum ima_bpf_fileless {
	IMA_BPF_FILELESS_DENY = 0,
	IMA_BPF_FILELESS_ALLOW = 1,
	IMA_BPF_FILELESS_MEASURE = 2, /* let through, and told each time */
};

/* The one element of "config". Written by the guard alone. */
struct ima_bpf_config {
	__u32 version;	      /* IMA_BPF_VERSION, by the loader */
	__u32 mode;	      /* enum ima_bpf_mode */
	__u32 fileless;	      /* enum ima_bpf_fileless */
	__u32 unwatched;      /* not 0: refuse what no watched filesystem has */
	__u32 layers;	      /* not 0: overlays are judged by their layers */
	__u32 host;	      /* process that may label without a loss, or 0 */
	__u64 grace_until;    /* ns of CLOCK_MONOTONIC: all is let through */
	__u64 previous_until; /* verdicts of the last epoch count until then */
	__u64 policy;	      /* the rules that this epoch's verdicts follow */
	__u64 spared; /* capabilities, as bits, that may end the service: 0: it
			 does not shelter itself */
	__u32 epoch;
	__u32 guard; /* process, or 0 */
};

enum ima_bpf_state {
	IMA_BPF_PENDING = 1, /* is being judged, and was not written since */
	IMA_BPF_ALLOWED = 2,
};

/* "verdicts": storage of an inode. Set by the guard, deleted by programs. */
struct ima_bpf_verdict {
	__u64 generation; /* no two of them are the same */
	__u32 epoch;
	__u32 state; /* enum ima_bpf_state */
};

/*
 * "rescue": files that count as judged while they are not written, although
 * their inode has left memory, and its storage with it. They start the service.
 */
struct ima_bpf_file {
	__u64 inode;
	__u32 device; /* as the kernel holds it: ima_bpf_device */
	__u32 reserved;
};

/*
 * "devices": the filesystems that are watched, by the number of their device,
 * and by which guard (its process).
 */
static inline __u32 ima_bpf_device(__u32 major, __u32 minor)
{
	return major << 20 | minor;
}

/*
 * "sheltered": files, directories with what is in them, filesystems (of inode
 * 0, against mounts) and the maps (of device IMA_BPF_MAPS, by their numbers).
 * "helpers": programs that may change and end them like who is spared.
 */
#define IMA_BPF_MAPS 0xffffffffu
/* How far above a file a sheltered directory is looked for. */
#define IMA_BPF_DEPTH 6

/* What was about to make code of a file, or to change or end the service. */
enum ima_bpf_hook {
	IMA_BPF_EXEC = 1,
	IMA_BPF_MMAP = 2,
	IMA_BPF_MPROTECT = 3,
	IMA_BPF_SIGNAL = 4,
	IMA_BPF_PTRACE = 5,
	IMA_BPF_CHANGE = 6, /* of a file or directory */
	IMA_BPF_MOUNT = 7,
	IMA_BPF_CALL = 8, /* bpf(2) */
};

enum ima_bpf_cause {
	IMA_BPF_UNJUDGED = 1,  /* no verdict since it was last written */
	IMA_BPF_UNSETTLED = 2, /* is being judged, by an access of its own */
	IMA_BPF_OUTDATED = 3,  /* a verdict by other rules */
	IMA_BPF_FILELESS = 4,
	IMA_BPF_UNWATCHED = 5,
	IMA_BPF_SHELTERED = 6, /* the service's own */
};

/* Bytes of the ring buffer "denials". */
#define IMA_BPF_RING (256 * 1024)
#define IMA_BPF_PATH 256

/* One record of the ring buffer "denials". */
struct ima_bpf_denial {
	__u64 time; /* ns of CLOCK_MONOTONIC */
	__u64 inode;
	__u32 device;
	__u32 hook;   /* enum ima_bpf_hook */
	__u32 cause;  /* enum ima_bpf_cause */
	__u32 denied; /* 0: it was let through */
	__u32 pid;    /* thread group, in the first pid namespace */
	__u32 uid;
	char name[16];		 /* of the task */
	char path[IMA_BPF_PATH]; /* or the last part of it; ends with a 0 */
};

/* The one element of "counters". */
struct ima_bpf_counters {
	__u64 denied;
	__u64 reported; /* let through, but told */
	__u64 lost;	/* of both: no room to tell of them */
	__u64 dropped;	/* verdicts that a change of the file ended */
};

/*
 * Who was let through just before the rules changed may not have come to where
 * it becomes code: for a moment the verdict before counts too.
 */
static inline int ima_bpf_is_current(const struct ima_bpf_verdict *verdict,
				     const struct ima_bpf_config *config,
				     __u64 now)
{
	return verdict->state == IMA_BPF_ALLOWED &&
	       (verdict->epoch == config->epoch ||
		(verdict->epoch + 1 == config->epoch &&
		 now < config->previous_until));
}

#endif
