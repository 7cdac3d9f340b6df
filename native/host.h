/* SPDX-License-Identifier: Apache-2.0 */
/* The host process: started, watched, replaced. */
#ifndef IMAHOST_HOST_H
#define IMAHOST_HOST_H

#include "imahost_abi.h"

#include <stdbool.h>
#include <sys/types.h>

/* Deaths before readiness, one after the other, that count as "down". */
#define HOST_TRIES 5
/* ns that a host may take to be ready for jobs; the next one gets more. */
#define HOST_START 10000000000ull
/* Killed hosts that a disk keeps from ending; beyond that none is started. */
#define HOST_GHOSTS 8

/* A host that was killed, and ends when the disk that it waits for answers. */
struct ghost {
	pid_t pid; /* 0: none */
	int process;
};

struct host {
	char *const *command;	   /* the program and its arguments */
	struct ima_shared *shared; /* what IMA_FD_SHARED names */
	int shared_fd;
	int fuse;	    /* what IMA_FD_FUSE names, or -1 */
	bool may_label;	    /* keeps CAP_SYS_ADMIN, to write security.ima */
	uint64_t heartbeat; /* ns without a beat after which it is hung */

	pid_t pid;   /* 0 while there is none */
	int process; /* its pidfd, or -1 */
	int socket;  /* our end, or -1 */
	bool ready;
	bool yields;	       /* was told that another one follows */
	unsigned int failures; /* deaths before readiness in a row */
	uint64_t started;      /* ns */
	uint64_t killed;       /* ns, 0: not yet */
	uint64_t restart_at;   /* ns */
	struct ghost ghosts[HOST_GHOSTS];
};

/* Moves @fd above the numbers the host starts with; the new one or -errno. */
int host_raise_fd(int fd);

/* Shared memory and state for @host; command, fuse, … are the caller's. */
int host_init(struct host *host);

/* The same with memory that an earlier image of this process has shared. */
int host_adopt(struct host *host, int shared);

/* Forks and execs; 0 or -errno. */
int host_start(struct host *host, uint64_t now);

/* Reaps a dead host and sets the time of the next start. */
void host_reap(struct host *host, uint64_t now);

/*
 * The host has closed its end: it is ending, or is ended. Whoever polled ours
 * until then would keep it from the processor that it needs for that.
 */
void host_hang_up(struct host *host, uint64_t now);

/* A hung host cannot be asked: it is killed, and reaped by its pidfd. */
void host_kill(struct host *host, uint64_t now);
/*
 * Gives up a killed host that does not end: nothing of it will ever run again,
 * and it must not keep the next one from starting. False: too many are left.
 */
bool host_abandon(struct host *host, uint64_t now);
/* Reaps the abandoned ones that have ended. */
void host_reap_ghosts(struct host *host);
bool host_is_hung(const struct host *host, uint64_t now);
/* It beats, and is not ready though it had time enough. */
bool host_is_late(const struct host *host, uint64_t now);
bool host_is_down(const struct host *host);

#endif
