/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Shelters guard, host, their files and what is pinned from everybody, root
 * too, who neither has a capability of config.spared nor is one of the helpers.
 * Only where it is configured; pinned, it goes on when guard and host are dead.
 */
#include "ima_maps.h"

/* The kernel takes no other licence for programs of these hooks. */
char ima_license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct ima_bpf_file);
	__type(value, __u32);
} sheltered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct ima_bpf_file);
	__type(value, __u32);
} helpers SEC(".maps");

static __always_inline int is_helper(const struct task_struct *task)
{
	struct ima_bpf_file program;

	if (!task->mm || !task->mm->exe_file)
		return 0;
	program = name_of(task->mm->exe_file->f_inode);
	return bpf_map_lookup_elem(&helpers, &program) != NULL;
}

/* Guard, host, init, the kernel, and whoever is spared. */
static __always_inline int may(const struct ima_bpf_config *rules)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const __u32 process = bpf_get_current_pid_tgid() >> 32;
	__u64 effective = 0;

	if (process == rules->guard || process == rules->host || process == 1 ||
	    task->flags & PF_KTHREAD)
		return 1;
	bpf_probe_read_kernel(&effective, sizeof(effective),
			      &task->cred->cap_effective);
	return (effective & rules->spared && !task->cred->user_ns->level) ||
	       is_helper(task);
}

static __always_inline int refuse(__u32 hook, const struct dentry *file)
{
	struct ima_bpf_denial *denial =
		begin_denial(hook, IMA_BPF_SHELTERED, 1);

	if (denial) {
		if (file)
			bpf_probe_read_kernel_str(denial->path, IMA_BPF_PATH,
						  file->d_name.name);
		bpf_ringbuf_submit(denial, 0);
	}
	return -EPERM;
}

static __always_inline int is_listed(__u64 inode, __u32 device)
{
	const struct ima_bpf_file key = { .inode = inode, .device = device };

	return bpf_map_lookup_elem(&sheltered, &key) != NULL;
}

/* It, or a directory above it. */
static __always_inline int is_sheltered(const struct dentry *place)
{
	int i;

#pragma unroll
	for (i = 0; i < IMA_BPF_DEPTH; i++) {
		const struct inode *inode = place->d_inode;

		if (inode && is_listed(inode->i_ino, inode->i_sb->s_dev))
			return 1;
		place = place->d_parent;
	}
	return 0;
}

static __noinline int change(const struct dentry *place)
{
	const struct ima_bpf_config *rules = rules_now();

	return rules && rules->spared && is_sheltered(place) && !may(rules)
		       ? refuse(IMA_BPF_CHANGE, place)
		       : 0;
}

static __noinline int touch(const struct task_struct *task, __u32 hook)
{
	const struct ima_bpf_config *rules = rules_now();
	const __u32 process = (__u32)task->tgid;

	return rules && rules->spared &&
			       (process == rules->guard ||
				process == rules->host) &&
			       !may(rules)
		       ? refuse(hook, NULL)
		       : 0;
}

/* kill(2) and its like; what the kernel sends does not come here. */
SEC("lsm/task_kill")
int shelter_kill(unsigned long long *ctx)
{
	/* 0 asks whether it is there. */
	return ctx[2] ? touch((struct task_struct *)ctx[0], IMA_BPF_SIGNAL) : 0;
}

/* Also of /proc/PID/mem and process_vm_writev(2). */
SEC("lsm/ptrace_access_check")
int shelter_ptrace(unsigned long long *ctx)
{
	return ctx[1] & PTRACE_MODE_ATTACH
		       ? touch((struct task_struct *)ctx[0], IMA_BPF_PTRACE)
		       : 0;
}

SEC("lsm/file_open")
int shelter_open(unsigned long long *ctx)
{
	const struct file *file = (void *)ctx[0];

	return file->f_mode & FMODE_WRITE ? change(file->f_path.dentry) : 0;
}

/* notify_change; Linux 6.9 put an argument before these. */
SEC("lsm/inode_setattr")
int shelter_setattr(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_setattr")
int shelter_setattr_6_8(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[0]);
}

SEC("lsm/inode_setxattr")
int shelter_setxattr(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_removexattr")
int shelter_removexattr(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

/* Of these the first argument is the directory. */
SEC("lsm/inode_create")
int shelter_create(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_mkdir")
int shelter_mkdir(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_mknod")
int shelter_mknod(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_symlink")
int shelter_symlink(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_unlink")
int shelter_unlink(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_rmdir")
int shelter_rmdir(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[1]);
}

SEC("lsm/inode_link")
int shelter_link(unsigned long long *ctx)
{
	return change((struct dentry *)ctx[2]);
}

SEC("lsm/inode_rename")
int shelter_rename(unsigned long long *ctx)
{
	const int refused = change((struct dentry *)ctx[1]);

	return refused ? -EPERM : change((struct dentry *)ctx[3]);
}

static __noinline int hide(const struct path *place)
{
	const struct ima_bpf_config *rules = rules_now();

	return rules && rules->spared &&
			       (is_listed(0, place->mnt->mnt_sb->s_dev) ||
				is_sheltered(place->dentry)) &&
			       !may(rules)
		       ? refuse(IMA_BPF_MOUNT, place->dentry)
		       : 0;
}

SEC("lsm/sb_mount")
int shelter_mount(unsigned long long *ctx)
{
	return hide((struct path *)ctx[1]);
}

SEC("lsm/move_mount")
int shelter_move(unsigned long long *ctx)
{
	const int refused = hide((struct path *)ctx[0]);

	return refused ? -EPERM : hide((struct path *)ctx[1]);
}

SEC("lsm/sb_umount")
int shelter_umount(unsigned long long *ctx)
{
	const struct vfsmount *mount = (void *)ctx[0];
	const struct ima_bpf_config *rules = rules_now();

	return rules && rules->spared && is_listed(0, mount->mnt_sb->s_dev) &&
			       !may(rules)
		       ? refuse(IMA_BPF_MOUNT, NULL)
		       : 0;
}

/* bpf_map_new_fd: by its pin and by its number. */
SEC("lsm/bpf_map")
int shelter_map(unsigned long long *ctx)
{
	const struct bpf_map *map = (void *)ctx[0];
	const struct ima_bpf_config *rules = rules_now();

	return rules && rules->spared && ctx[1] & FMODE_WRITE &&
			       is_listed(map->id, IMA_BPF_MAPS) && !may(rules)
		       ? refuse(IMA_BPF_CALL, NULL)
		       : 0;
}

/* A link can be taken off by its number, which no other hook sees. */
SEC("lsm/bpf")
int shelter_call(unsigned long long *ctx)
{
	const struct ima_bpf_config *rules = rules_now();

	return rules && rules->spared && (int)ctx[0] == BPF_LINK_DETACH &&
			       !may(rules)
		       ? refuse(IMA_BPF_CALL, NULL)
		       : 0;
}
