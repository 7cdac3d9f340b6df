/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the ring buffer in which the BPF programs tell of what they refused.
 * It is shared memory: to look whether there is anything costs no system call.
 */
#ifndef IMAHOST_DENIALS_H
#define IMAHOST_DENIALS_H

#include "ima_bpf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct denials {
	uint64_t *consumed;	   /* bytes, by us; NULL: there is no ring */
	const uint64_t *produced;  /* bytes, by the kernel */
	const unsigned char *data; /* twice in a row, so that none is cut */
	size_t size;		   /* of one of them, a power of two */
};

/* False: it could not be taken now, and comes again. */
typedef bool denials_told(void *context, const struct ima_bpf_denial *denial);

/* @map: the ring, or -1 for none. 0 or -errno. */
int denials_open(struct denials *denials, int map);
/* Is there one that was not taken? */
bool denials_are_left(const struct denials *denials);
/* Hands over what there is, oldest first, as long as it is taken. */
void denials_read(struct denials *denials, denials_told *told, void *context);

#endif
