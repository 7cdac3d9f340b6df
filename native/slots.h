/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One held access and its life, as a pure state machine: no system call is
 * made here. The caller reports what happened and carries out the actions it
 * gets back, always in the order of their values. That order is the safety of
 * the whole: a mark never outlives its lease, and a descriptor is closed last.
 */
#ifndef IMAHOST_SLOTS_H
#define IMAHOST_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum slot_state {
	SLOT_FREE,
	SLOT_LEASING,	/* held; a writer is there, the lease is asked for again
			 */
	SLOT_QUEUED,	/* held; waits for a host that takes it */
	SLOT_SENT,	/* held; a host judges it */
	SLOT_CACHED,	/* answered; ignore mark and lease are in place */
	SLOT_LINGERING, /* answered, no mark; the lease covers execs under way
			 */
	SLOT_TELLING,	/* answered, no mark, no exec can be under way; the
			   lease holds a writer until the host looked */
	SLOT_STATES,
};

enum slot_event {
	SLOT_HELD_LEASED,   /* a new access, the read lease is ours */
	SLOT_HELD_WRITER,   /* a new access, a writer refused the lease */
	SLOT_HELD_UNLEASED, /* a new access, the filesystem has no leases */
	SLOT_HELD_OWN,	    /* a new access by the host itself */
	SLOT_LEASE_GOT,	    /* the lease, asked for again, is ours */
	SLOT_LEASE_GIVEN_UP,
	SLOT_TAKEN, /* the job was sent */
	SLOT_HOST_LOST,
	SLOT_VERDICT_ALLOW,
	SLOT_VERDICT_CACHE, /* allow, and hold the verdict in the kernel */
	SLOT_VERDICT_DENY,
	SLOT_VERDICT_BUSY,
	SLOT_FAIL_ALLOW, /* no verdict came in time: the configured outcome */
	SLOT_FAIL_DENY,
	SLOT_LEASE_BREAK, /* a writer waits for the lease */
	SLOT_CHANGED,	  /* its attributes or its name, or that is unknown */
	SLOT_EVICT,	  /* its place in the cache is needed */
	SLOT_LINGER_OVER,
	SLOT_TOLD,  /* the host was told of the writer */
	SLOT_HEARD, /* it has looked after it, or is not waited for any more */
	SLOT_DROP,  /* answered, and no host shall have it: it killed several */
	SLOT_EVENTS,
};

/* Carried out in ascending order. */
#define SLOT_DO_UNMARK 0x01u
#define SLOT_DO_MARK 0x02u
#define SLOT_DO_ALLOW 0x04u
#define SLOT_DO_DENY 0x08u
#define SLOT_DO_BUSY 0x10u
#define SLOT_DO_REFUSE 0x20u /* deny: nobody could judge it in time */
#define SLOT_DO_TELL 0x40u   /* the host is to hear that a writer came */
#define SLOT_DO_UNLEASE 0x80u
#define SLOT_DO_CLOSE 0x100u

#define SLOT_IS_EXEC 0x1u
#define SLOT_IS_LEASED 0x2u
#define SLOT_IS_BROKEN 0x4u   /* a writer waits: the verdict must not be kept */
#define SLOT_IS_ANSWERED 0x8u /* the accessor has gone on */
#define SLOT_IS_WRITER 0x10u
#define SLOT_IS_OWN 0x20u
#define SLOT_IS_LATE 0x40u
#define SLOT_IS_RESENT 0x80u
#define SLOT_IS_UNTOLD 0x100u  /* the host is to be told of a writer */
#define SLOT_IS_TOLD 0x200u    /* it was, and looks after it now */
#define SLOT_IS_CHANGED 0x400u /* what was judged may not be so any more */
#define SLOT_MAY_RUN 0x800u    /* somebody may be within an exec of it */

struct slot {
	struct slot *prev, *next; /* in the list of its state, oldest first */
	uint64_t sequence;	  /* tells one use of the slot from the next */
	uint64_t held;		  /* ns: the access was read */
	uint64_t since;		  /* ns: the state was entered */
	uint64_t due;		  /* ns: the deadline */
	uint64_t generation;	  /* of its verdict, see verdicts.h */
	int32_t pid;
	uint32_t access;
	uint32_t flags;	 /* SLOT_IS_* */
	uint32_t losses; /* hosts that died while they had it */
	enum slot_state state;
};

struct slot_list {
	struct slot *first, *last;
	size_t length;
};

/* Slot i belongs to descriptor i: the kernel hands out the free ones. */
struct slot_table {
	struct slot *slots;
	size_t capacity;
	uint64_t sequence;
	size_t own; /* the host's own accesses that are not settled yet */
	struct slot_list lists[SLOT_STATES];
};

/* 0, or -ENOMEM. */
int slots_init(struct slot_table *table, size_t capacity);
void slots_destroy(struct slot_table *table);

/* The slot of @fd, or NULL when the descriptor is beyond the table. */
struct slot *slots_at(const struct slot_table *table, int fd);
int slot_fd(const struct slot_table *table, const struct slot *slot);

/* The slot only if @sequence is its present use, else NULL: a late word. */
struct slot *slots_find(const struct slot_table *table, uint32_t index,
			uint64_t sequence);

/* Prepares a free slot for a new access; follow with a SLOT_HELD_* event. */
void slots_claim(struct slot_table *table, struct slot *slot, uint32_t access,
		 int32_t pid, uint64_t now);

/* Puts in what slot @fd was in an earlier image of this process. */
void slots_resume(struct slot_table *table, int fd, const struct slot *was);

/* Moves @slot as @event says and returns the actions (SLOT_DO_*). */
unsigned int slots_step(struct slot_table *table, struct slot *slot,
			enum slot_event event, uint64_t now);

/* Is the accessor still waiting? */
bool slot_is_held(const struct slot *slot);

#endif
