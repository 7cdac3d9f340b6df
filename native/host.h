/* SPDX-License-Identifier: Apache-2.0 */
/* The host process: started, watched, replaced. */
#ifndef IMAHOST_HOST_H
#define IMAHOST_HOST_H

#include "imahost_abi.h"

#include <stdbool.h>
#include <sys/types.h>

/* Deaths before readiness, one after the other, that count as "down". */
#define HOST_TRIES 5

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
	unsigned int failures; /* deaths before readiness in a row */
	uint64_t restart_at;   /* ns */
};

/* Moves @fd above the numbers the host starts with; the new one or -errno. */
int host_raise_fd(int fd);

/* Shared memory and state for @host; command, fuse, … are the caller's. */
int host_init(struct host *host);

/* Forks and execs; 0 or -errno. */
int host_start(struct host *host, uint64_t now);

/* Reaps a dead host and sets the time of the next start. */
void host_reap(struct host *host, uint64_t now);

/* A hung host cannot be asked: it is killed, and reaped by its pidfd. */
void host_kill(const struct host *host);
bool host_is_hung(const struct host *host, uint64_t now);
bool host_is_down(const struct host *host);

#endif
