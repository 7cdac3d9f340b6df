/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's hand in the maps of the BPF programs (ima_bpf.h): which files may
 * become code, and when that is refused. Where no programs are loaded all of
 * this does nothing.
 */
#ifndef IMAHOST_VERDICTS_H
#define IMAHOST_VERDICTS_H

#include "ima_bpf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The pinned maps, in the order of their descriptors. */
enum verdict_map {
	VERDICT_CONFIG,
	VERDICT_INODES,
	VERDICT_DEVICES,
	VERDICT_RESCUE,
	VERDICT_COUNTERS,
	VERDICT_DENIALS,
	VERDICT_MAPS,
};

struct verdicts {
	int maps[VERDICT_MAPS]; /* all of them, or all -1 */
	struct ima_bpf_config config;
	uint64_t generation; /* the last one given out */
};

/*
 * How a file stands while it is judged: the generation of its verdict, 0 where
 * there is none. Whoever writes it ends the generation.
 */
typedef uint64_t verdict_generation;

/* No programs, until verdicts_open. */
void verdicts_none(struct verdicts *verdicts);
/* Takes up what is pinned. 0 or -errno; ENOENT: nothing is. */
int verdicts_open(struct verdicts *verdicts, uint64_t now);
/* The same with maps that an earlier image of this process has opened. */
int verdicts_resume(struct verdicts *verdicts, const int *maps, uint64_t now);
bool verdicts_are_kept(const struct verdicts *verdicts);

/*
 * Refuses (or reports) from now on. What was let through before the gate stood
 * may not have come to where it becomes code: that has until @grace, in ns of
 * CLOCK_MONOTONIC, unless the programs refuse already. @spared: as in the
 * configuration of the programs.
 */
int verdicts_arm(struct verdicts *verdicts, enum ima_bpf_mode mode,
		 uint64_t spared, uint64_t grace);
/* Is that another mode than they are in, so that no verdict counts any more? */
bool verdicts_will_change(const struct verdicts *verdicts,
			  enum ima_bpf_mode mode);
/* Lets everything through. What is pinned stays. */
void verdicts_disarm(struct verdicts *verdicts);

/* Counts the filesystem of @fd among those that are watched. 0 or -errno. */
int verdicts_watch(const struct verdicts *verdicts, int fd);
/* Which process may write labels without ending verdicts. */
void verdicts_set_host(struct verdicts *verdicts, int pid);
/* Verdicts by other rules than these count for a moment only. */
void verdicts_follow(struct verdicts *verdicts, uint64_t policy, uint64_t now);

/* The file is about to be judged; to be called before its lease is taken. */
verdict_generation verdicts_begin(struct verdicts *verdicts, int fd);
/*
 * It may become code, if nobody has written it since. To be called only for a
 * file that was leased after it began: whoever wrote it before may do so still.
 * @outdated: by the rules before.
 */
void verdicts_commit(const struct verdicts *verdicts, int fd,
		     verdict_generation generation, bool outdated);
/*
 * It may become code without being judged, also when its inode has left memory:
 * the service is started by it. False when somebody writes it, or too many have
 * been named.
 */
bool verdicts_trust(struct verdicts *verdicts, int fd);

/* What the programs have counted since they were loaded. */
void verdicts_count(const struct verdicts *verdicts,
		    struct ima_bpf_counters *counters);

#endif
