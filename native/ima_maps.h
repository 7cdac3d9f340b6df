/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The maps of the BPF programs, and what all of them do with these. What is in
 * them says ima_bpf.h.
 */
#ifndef IMAHOST_IMA_MAPS_H
#define IMAHOST_IMA_MAPS_H

#include "ima_bpf.h"
#include "ima_kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct ima_bpf_verdict);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ima_bpf_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ima_bpf_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct ima_bpf_file);
	__type(value, __u32);
} rescue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, IMA_BPF_RING);
} denials SEC(".maps");

static __always_inline const struct ima_bpf_config *rules_now(void)
{
	const __u32 only = 0;

	return bpf_map_lookup_elem(&config, &only);
}

static __always_inline struct ima_bpf_counters *sums(void)
{
	const __u32 only = 0;

	return bpf_map_lookup_elem(&counters, &only);
}

static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline struct ima_bpf_file name_of(const struct inode *inode)
{
	return (struct ima_bpf_file){ .inode = inode->i_ino,
				      .device = inode->i_sb->s_dev };
}

/* To be submitted with what it is about; NULL: there is no room. */
static __always_inline struct ima_bpf_denial *
begin_denial(__u32 hook, __u32 cause, __u32 denied)
{
	struct ima_bpf_counters *sum = sums();
	struct ima_bpf_denial *denial;

	if (!sum)
		return NULL;
	count(denied ? &sum->denied : &sum->reported);
	denial = bpf_ringbuf_reserve(&denials, sizeof(*denial), 0);
	if (!denial) {
		count(&sum->lost);
		return NULL;
	}
	denial->time = bpf_ktime_get_ns();
	denial->inode = 0;
	denial->device = 0;
	denial->hook = hook;
	denial->cause = cause;
	denial->denied = denied;
	denial->pid = bpf_get_current_pid_tgid() >> 32;
	denial->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(denial->name, sizeof(denial->name));
	denial->path[0] = '\0';
	return denial;
}

#endif
