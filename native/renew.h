/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one image of the guard leaves to the next. Both may be of different
 * versions: whatever changes here raises RENEW_VERSION, and `imahost restart`
 * does not hand over an image that says another one.
 */
#ifndef IMAHOST_RENEW_H
#define IMAHOST_RENEW_H

#include "host.h"
#include "verdicts.h"

#include <stdint.h>

#define RENEW_VERSION 2
/* Names the descriptor of the state for the next image. */
#define RENEW_ENV "IMAHOST_GUARD_STATE"

struct renew_state {
	uint32_t version;
	uint32_t slots; /* how many struct renew_slot follow */
	int32_t group, signals, inotify, shared, fuse, notify, companion;
	int32_t maps[VERDICT_MAPS];
	int32_t host_pid, host_process, host_socket;
	uint32_t host_ready;
	uint32_t ready;
	uint64_t policy;
	uint64_t sequence;
	uint64_t capacity;
	struct ghost ghosts[HOST_GHOSTS];
};

/* In the order of the lists: the oldest of a state first. */
struct renew_slot {
	int32_t fd;
	int32_t watch; /* inotify's, or -1 */
	uint32_t state;
	uint32_t access;
	uint32_t flags;
	uint32_t losses;
	int32_t pid;
	uint32_t reserved;
	uint64_t sequence, held, since, due, generation;
};

#endif
