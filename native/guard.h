/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's state and the parts of its loop. */
#ifndef IMAHOST_GUARD_H
#define IMAHOST_GUARD_H

#include "changes.h"
#include "denials.h"
#include "gate.h"
#include "host.h"
#include "slots.h"
#include "verdicts.h"

/*
 * What happens at once to accesses when no host comes up. Until that is so for
 * the configured time, each waits for its own deadline.
 */
enum host_down {
	HOST_DOWN_WAIT, /* what the deadline says */
	HOST_DOWN_DENY, /* programs are refused, what root repairs with is not
			 */
	HOST_DOWN_ALLOW,
};

struct options {
	char **watch; /* paths, watches of them */
	int watches;
	char **trust; /* what the host is made of, trusts of them */
	int trusts;
	const char *fs;	 /* where the list is published, or NULL */
	size_t cache;	 /* verdicts held in the kernel at most */
	uint64_t linger; /* ns a lease outlives its mark */
	/* ns until an access is answered without verdict, by enum ima_access */
	uint64_t deadlines[IMA_ACCESS_OPEN + 1];
	uint64_t heartbeat;
	bool fail_deny; /* the answer then: deny (enforce) or allow (measure) */
	enum host_down host_down;
	uint64_t host_down_limit; /* ns that accesses wait before that */
	bool may_label;
	enum ima_bpf_mode bpf; /* IMA_BPF_OFF: no programs are taken up */
	enum ima_bpf_fileless fileless;
	uint64_t spared;       /* capabilities that may end the service */
	bool refuse_unwatched; /* code from where nothing is watched */
	int companion;	/* a TPM emulator that ends with the guard, or 0 */
	char **command; /* the host */
};

/* Exit status 2 with a message when the command line is not understood. */
void options_parse(struct options *options, int argc, char **argv);

struct guard {
	struct options options;
	struct gate gate;
	struct changes changes;
	struct slot_table slots;
	struct verdicts verdicts;
	struct denials denials;
	struct host host;
	struct ima_counters *counters;
	uint32_t ready;	 /* IMA_READY_*, what the host wants to judge */
	uint64_t policy; /* which policy the cached verdicts follow */
	int signals;
	int notify;
	int companion;	   /* pidfd of the TPM emulator, or -1 */
	char **arguments;  /* of the command line, for another image */
	bool renew;	   /* host and guard are to be replaced by others */
	int image;	   /* by this program, or -1: the guard stays */
	uint64_t yielding; /* ns: since when the host gives way */
	uint64_t watchdog; /* ns between two signs of life, 0: none is wanted */
	uint64_t patted;   /* ns: the last one */
	bool announced;	   /* "ready" was said */
	uint64_t stopping; /* ns: since when, 0: not at all */
	uint64_t down_since; /* ns: no host comes up since then, 0: one did */
	bool is_down;	     /* and nobody waits for one any more */
	uint64_t now;	     /* ns, read once per turn of the loop */
	uint64_t judged;     /* ns: when the host last said anything of a job */
	uint64_t tidied;     /* ns: when many slots were last looked at */
	uint64_t counted;    /* ns: when the BPF programs were last asked */
	bool is_crowd;	     /* more wait than is usual by far */
	int watch_error; /* why changes of a file could not be watched, said */
};

/* guard.c */

/* Ends the watching: what is held is judged, then the gate is open. */
void guard_stop(struct guard *guard);

/* start.c */

/* Opens whatever there is to open; 0, or -errno, which was said. */
int start(struct guard *guard);
/* What a new image of the guard has to do again. */
void start_common(struct guard *guard);
/* @least: descriptors that must have their place. 0 or -errno. */
int start_slots(struct guard *guard, size_t least);

/* renew.c: another image of this process takes over, without a gap. */

/* Returns only when it fails, and then nothing has changed. */
void renew(struct guard *guard);
/* Has an earlier image left its state? The descriptor, or -1. */
int renew_inherited(void);
/* Goes on from there; 0, or -errno, which was said. */
int renew_resume(struct guard *guard, int state);

/* keep.c: that there is a host. */

/* The host's process has ended. */
void keep_lost(struct guard *guard);
/* Starts one, replaces one that hangs. */
void keep_host(struct guard *guard);
/* Has it finish and end, for another to follow. */
void keep_yield(struct guard *guard);

/* accesses.c: from a fanotify event to its answer. */

/* Reads and takes in the events there are; 0, or -errno of the group. */
int accesses_read(struct guard *guard);
/* A writer waits for the lease on descriptor @fd. */
void accesses_lease_break(struct guard *guard, int fd);
/*
 * Takes in what happened to the attributes of kept files. To be done before a
 * lease break is: a file that nobody could run may have become a program.
 */
void accesses_read_changes(struct guard *guard);
/*
 * Ends the opens of what nobody asks about until it is written. What it is, as
 * far as can be told now; only data is marked.
 */
enum ima_access accesses_mark_data(struct guard *guard, int fd);
/* False when no host takes it now. */
bool accesses_tell_writer(struct guard *guard, struct slot *slot);

/* One step of a slot's life, and the system calls it asks for. */
void accesses_step(struct guard *guard, struct slot *slot,
		   enum slot_event event);
/* The slots in a state, oldest first. */
struct slot_list *accesses_in(struct guard *guard, enum slot_state state);
/* How long, in ns, one may be held. */
uint64_t accesses_deadline(const struct guard *guard, const struct slot *slot);
/* No verdict came: the configured outcome. */
void accesses_fail(struct guard *guard, struct slot *slot);

/* room.c: what is kept, and what has to go. */

/* Is there room for the descriptors of one read? Trims the cache for it. */
bool accesses_make_room(struct guard *guard);
/* Gives up whatever the kernel was told not to ask about again. */
void accesses_drop_cache(struct guard *guard);
/* The same of one file, by its numbers: as ima_bpf.h has them. */
void accesses_forget(struct guard *guard, uint32_t device, uint64_t inode);
/* Answers whatever is still held, by the configured outcome. */
void accesses_finish(struct guard *guard);
/* It was answered, and no host will hear of it: it is only counted. */
void accesses_drop_record(struct guard *guard, struct slot *slot);

/* upkeep.c */

/* Deadlines, lease retries, lingers; the ns until it is needed again. */
uint64_t upkeep_tick(struct guard *guard);

/* jobs.c: what is said to the host and by it. */

/* A message without more to it. */
void jobs_tell(struct guard *guard, uint32_t message);
bool jobs_want_send(struct guard *guard);
/* Sends queued jobs for as long as the socket takes them. */
void jobs_send(struct guard *guard);
/* Tells the host what the BPF programs have refused. */
void jobs_tell_denials(struct guard *guard);
/* Tells the host of a writer. False when no host takes it now. */
bool jobs_tell_writer(struct guard *guard, const struct slot *slot);
/* Takes in what the host says; false when it hung up. */
bool jobs_receive(struct guard *guard);
/* Every job a dead host had goes back to the queue. */
void jobs_host_lost(struct guard *guard);

#endif
