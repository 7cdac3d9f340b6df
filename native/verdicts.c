/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "verdicts.h"
#include "gate.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* How long who was let through by the rules before may take to run. */
#define PREVIOUS_COUNTS 2000000000ull

static const char *const pins[VERDICT_MAPS] = {
	[VERDICT_CONFIG] = IMA_BPF_DIR "/config",
	[VERDICT_INODES] = IMA_BPF_DIR "/verdicts",
	[VERDICT_DEVICES] = IMA_BPF_DIR "/devices",
	[VERDICT_RESCUE] = IMA_BPF_DIR "/rescue",
	[VERDICT_COUNTERS] = IMA_BPF_DIR "/counters",
	[VERDICT_DENIALS] = IMA_BPF_DIR "/denials",
};

static int bpf(int command, union bpf_attr *attributes)
{
	long result =
		syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return result < 0 ? -errno : (int)result;
}

static int open_pin(const char *path)
{
	union bpf_attr attributes = { 0 };

	attributes.pathname = (uintptr_t)path;
	return bpf(BPF_OBJ_GET, &attributes);
}

static int lookup(int map, const void *key, void *value)
{
	union bpf_attr attributes = { 0 };

	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)key;
	attributes.value = (uintptr_t)value;
	return bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

static int update(int map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attributes = { 0 };

	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)key;
	attributes.value = (uintptr_t)value;
	attributes.flags = flags;
	return bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

static void delete (int map, const void *key)
{
	union bpf_attr attributes = { 0 };

	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)key;
	(void)bpf(BPF_MAP_DELETE_ELEM, &attributes);
}

static int save_config(const struct verdicts *verdicts)
{
	const uint32_t only = 0;

	return update(verdicts->maps[VERDICT_CONFIG], &only, &verdicts->config,
		      BPF_ANY);
}

void verdicts_none(struct verdicts *verdicts)
{
	size_t i;

	*verdicts = (struct verdicts){ 0 };
	for (i = 0; i < VERDICT_MAPS; i++)
		verdicts->maps[i] = -1;
}

bool verdicts_are_kept(const struct verdicts *verdicts)
{
	return verdicts->maps[VERDICT_CONFIG] >= 0;
}

static void close_maps(struct verdicts *verdicts)
{
	size_t i;

	for (i = 0; i < VERDICT_MAPS; i++)
		if (verdicts->maps[i] >= 0)
			close(verdicts->maps[i]);
	verdicts_none(verdicts);
}

int verdicts_resume(struct verdicts *verdicts, const int *maps, uint64_t now)
{
	const uint32_t only = 0;
	int error;

	memcpy(verdicts->maps, maps, sizeof(verdicts->maps));
	/* Nothing that an earlier guard gave out comes again. */
	verdicts->generation = now;
	if (!verdicts_are_kept(verdicts))
		return 0;
	error = lookup(maps[VERDICT_CONFIG], &only, &verdicts->config);
	if (!error && verdicts->config.version != IMA_BPF_VERSION)
		error = -EPROTO;
	if (error)
		close_maps(verdicts);
	return error;
}

int verdicts_open(struct verdicts *verdicts, uint64_t now)
{
	int maps[VERDICT_MAPS];
	size_t i;

	verdicts_none(verdicts);
	for (i = 0; i < VERDICT_MAPS; i++) {
		maps[i] = open_pin(pins[i]);
		if (maps[i] < 0) {
			const int error = maps[i];

			close_maps(verdicts);
			return error;
		}
		verdicts->maps[i] = maps[i];
	}
	return verdicts_resume(verdicts, maps, now);
}

static int next_key(int map, const void *key, void *next)
{
	union bpf_attr attributes = { 0 };

	attributes.map_fd = (uint32_t)map;
	attributes.key = (uintptr_t)key;
	attributes.next_key = (uintptr_t)next;
	return bpf(BPF_MAP_GET_NEXT_KEY, &attributes);
}

/* What an earlier guard watched, and nobody does now, would never be judged. */
static void forget_devices(const struct verdicts *verdicts)
{
	const int map = verdicts->maps[VERDICT_DEVICES];
	uint32_t device;
	uint32_t next;
	uint32_t guard;
	bool more = next_key(map, NULL, &next) == 0;

	while (more) {
		device = next;
		more = next_key(map, &device, &next) == 0;
		if (lookup(map, &device, &guard) == 0 &&
		    guard != (uint32_t)getpid())
			delete (map, &device);
	}
}

int verdicts_arm(struct verdicts *verdicts, enum ima_bpf_mode mode,
		 uint64_t spared, uint64_t grace)
{
	if (!verdicts_are_kept(verdicts))
		return 0;
	forget_devices(verdicts);
	if (verdicts->config.mode == IMA_BPF_OFF)
		verdicts->config.grace_until = grace;
	/* What was only reported is not allowed: no earlier verdict counts. */
	if (verdicts->config.mode != mode)
		verdicts->config.epoch += 2;
	verdicts->config.mode = mode;
	verdicts->config.guard = (uint32_t)getpid();
	verdicts->config.spared = spared;
	return save_config(verdicts);
}

bool verdicts_will_change(const struct verdicts *verdicts,
			  enum ima_bpf_mode mode)
{
	return verdicts_are_kept(verdicts) && verdicts->config.mode != mode;
}

void verdicts_disarm(struct verdicts *verdicts)
{
	verdicts->config.mode = IMA_BPF_OFF;
	verdicts->config.spared = 0;
	if (verdicts_are_kept(verdicts))
		(void)save_config(verdicts);
}

int verdicts_watch(const struct verdicts *verdicts, int fd)
{
	const uint32_t watched = (uint32_t)getpid();
	struct stat file;
	uint32_t device;

	if (!verdicts_are_kept(verdicts))
		return 0;
	if (fstat(fd, &file) < 0)
		return -errno;
	device = ima_bpf_device(major(file.st_dev), minor(file.st_dev));
	return update(verdicts->maps[VERDICT_DEVICES], &device, &watched,
		      BPF_ANY);
}

void verdicts_set_host(struct verdicts *verdicts, int pid)
{
	verdicts->config.host = (uint32_t)pid;
	if (verdicts_are_kept(verdicts))
		(void)save_config(verdicts);
}

void verdicts_follow(struct verdicts *verdicts, uint64_t policy, uint64_t now)
{
	struct ima_bpf_config *config = &verdicts->config;

	if (!verdicts_are_kept(verdicts) || config->policy == policy)
		return;
	config->policy = policy;
	config->previous_until = now + PREVIOUS_COUNTS;
	config->epoch++;
	(void)save_config(verdicts);
}

/*
 * This process alone makes verdicts, the programs only end them: what is there
 * is of the generation that it was, or gone.
 */
verdict_generation verdicts_begin(struct verdicts *verdicts, int fd)
{
	const int map = verdicts->maps[VERDICT_INODES];
	struct ima_bpf_verdict verdict;

	if (!verdicts_are_kept(verdicts))
		return 0;
	if (lookup(map, &fd, &verdict) == 0)
		return verdict.generation;
	verdict = (struct ima_bpf_verdict){
		.generation = ++verdicts->generation,
		.state = IMA_BPF_PENDING,
	};
	return update(map, &fd, &verdict, BPF_ANY) ? 0 : verdict.generation;
}

void verdicts_commit(const struct verdicts *verdicts, int fd,
		     verdict_generation generation, bool outdated)
{
	const int map = verdicts->maps[VERDICT_INODES];
	struct ima_bpf_verdict verdict;

	if (!generation || !verdicts_are_kept(verdicts) ||
	    lookup(map, &fd, &verdict) || verdict.generation != generation)
		return;
	if (outdated && verdict.state == IMA_BPF_ALLOWED)
		return;
	verdict.epoch = verdicts->config.epoch - outdated;
	verdict.state = IMA_BPF_ALLOWED;
	/* ENOENT: it was written after the lookup. */
	(void)update(map, &fd, &verdict, BPF_EXIST);
}

bool verdicts_trust(struct verdicts *verdicts, int fd)
{
	const uint32_t trusted = 1;
	verdict_generation generation;
	struct ima_bpf_file file = { 0 };
	struct stat stat;

	if (!verdicts_are_kept(verdicts))
		return true;
	if (fstat(fd, &stat) < 0)
		return false;
	file.inode = stat.st_ino;
	file.device = ima_bpf_device(major(stat.st_dev), minor(stat.st_dev));
	/* Both before it is known that nobody writes: a writer ends both. */
	generation = verdicts_begin(verdicts, fd);
	if (update(verdicts->maps[VERDICT_RESCUE], &file, &trusted, BPF_ANY))
		return false;
	if (gate_lease(fd) < 0) {
		delete (verdicts->maps[VERDICT_RESCUE], &file);
		return false;
	}
	gate_unlease(fd);
	verdicts_commit(verdicts, fd, generation, false);
	return true;
}

void verdicts_count(const struct verdicts *verdicts,
		    struct ima_bpf_counters *counters)
{
	const uint32_t only = 0;

	if (!verdicts_are_kept(verdicts) ||
	    lookup(verdicts->maps[VERDICT_COUNTERS], &only, counters))
		*counters = (struct ima_bpf_counters){ 0 };
}
