/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What fanotify cannot see: the moment in which a file becomes code. A program
 * start, an executable mapping and mprotect(PROT_EXEC) of a file are refused
 * unless the guard has left a verdict on the inode since it was last written.
 *
 * The verdict is dropped here, in the kernel, before a writer has got his
 * descriptor: whoever judges a file leaves it PENDING first, and what he
 * commits afterwards counts only if that is still there. Pinned, all of this
 * goes on when guard and host are dead.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include "ima_maps.h"

/* The kernel takes no other licence for programs of these hooks. */
char ima_license[] SEC("license") = "GPL";

/* Why this file may not become code, or 0. */
static __always_inline __u32 why_not(const struct ima_bpf_config *rules,
				     const struct ima_bpf_verdict *verdict,
				     const struct inode *inode)
{
	const struct ima_bpf_file file = name_of(inode);
	const struct super_block *filesystem = inode->i_sb;

	if (filesystem->s_magic == OVERLAYFS_SUPER_MAGIC && rules->layers)
		return 0;
	if (bpf_map_lookup_elem(&devices, &file.device)) {
		if (bpf_map_lookup_elem(&rescue, &file))
			return 0;
		if (!verdict)
			return IMA_BPF_UNJUDGED;
		return verdict->state == IMA_BPF_ALLOWED ? IMA_BPF_OUTDATED
							 : IMA_BPF_UNSETTLED;
	}
	if (filesystem->s_flags & SB_INTERNAL)
		return rules->fileless == IMA_BPF_FILELESS_ALLOW
			       ? 0
			       : IMA_BPF_FILELESS;
	return rules->unwatched ? IMA_BPF_UNWATCHED : 0;
}

/* @whole: this hook may ask for the path, the others for its last part. */
static __always_inline void tell(struct file *file, __u32 hook, __u32 cause,
				 __u32 denied, int whole)
{
	struct ima_bpf_denial *denial = begin_denial(hook, cause, denied);
	long length = 0;

	if (!denial)
		return;
	denial->inode = file->f_inode->i_ino;
	denial->device = file->f_inode->i_sb->s_dev;
	if (whole)
		length = bpf_d_path(&file->f_path, denial->path, IMA_BPF_PATH);
	if (!whole || length < 0)
		bpf_probe_read_kernel_str(denial->path, IMA_BPF_PATH,
					  file->f_path.dentry->d_name.name);
	bpf_ringbuf_submit(denial, 0);
}

static __always_inline int judge(struct file *file, __u32 hook, int whole)
{
	const struct ima_bpf_config *rules = rules_now();
	const struct ima_bpf_verdict *verdict;
	struct inode *inode = file->f_inode;
	__u32 denied;
	__u32 cause;
	__u64 now;

	if (!rules || rules->mode == IMA_BPF_OFF ||
	    (inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	verdict = bpf_inode_storage_get(&verdicts, inode, 0, 0);
	if (verdict && ima_bpf_is_current(verdict, rules, ~0ull))
		return 0;
	now = bpf_ktime_get_ns();
	if (now < rules->grace_until ||
	    (verdict && ima_bpf_is_current(verdict, rules, now)))
		return 0;
	cause = why_not(rules, verdict, inode);
	if (!cause)
		return 0;
	denied = rules->mode == IMA_BPF_ENFORCE &&
		 !(cause == IMA_BPF_FILELESS &&
		   rules->fileless == IMA_BPF_FILELESS_MEASURE);
	tell(file, hook, cause, denied, whole);
	/* Negated instead of chosen, the verifier would not know its range. */
	barrier_var(denied);
	return denied ? -EPERM : 0;
}

/* What is judged next finds nothing left of what was judged before. */
static __always_inline void drop(struct inode *inode)
{
	struct ima_bpf_counters *sum = sums();
	struct ima_bpf_file file;

	if (!inode || (inode->i_mode & S_IFMT) != S_IFREG)
		return;
	file = name_of(inode);
	bpf_map_delete_elem(&rescue, &file);
	if (bpf_inode_storage_delete(&verdicts, inode) == 0 && sum)
		count(&sum->dropped);
}

/* search_binary_handler: of a script, then of what interprets it. */
SEC("lsm/bprm_check_security")
int ima_exec(unsigned long long *ctx)
{
	struct linux_binprm *program = (void *)ctx[0];

	return judge(program->file, IMA_BPF_EXEC, 1);
}

SEC("lsm/mmap_file")
int ima_mmap(unsigned long long *ctx)
{
	struct file *file = (void *)ctx[0];

	if (!file || !(ctx[2] & PROT_EXEC))
		return 0;
	return judge(file, IMA_BPF_MMAP, 1);
}

SEC("lsm/file_mprotect")
int ima_mprotect(unsigned long long *ctx)
{
	struct vm_area_struct *area = (void *)ctx[0];
	struct file *file = area->vm_file;

	/* What is executable already was judged when it became so. */
	if (!file || !(ctx[2] & PROT_EXEC) || area->vm_flags & VM_EXEC)
		return 0;
	return judge(file, IMA_BPF_MPROTECT, 0);
}

/* do_dentry_open: a writer is counted by now, and waits for no lease yet. */
SEC("lsm/file_open")
int ima_open(unsigned long long *ctx)
{
	struct file *file = (void *)ctx[0];

	if (file->f_mode & FMODE_WRITE)
		drop(file->f_inode);
	return 0;
}

/*
 * The hooks of attributes are asked before it is known whether somebody may:
 * who may not must not end the verdict of what everybody runs. Who may by a
 * user namespace of his own is told to the guard alone, when it is done.
 */
static __always_inline int may_change(const struct inode *inode)
{
	const struct cred *cred = bpf_get_current_task_btf()->cred;
	__u64 effective = 0;

	if (cred->fsuid.val == inode->i_uid.val)
		return 1;
	bpf_probe_read_kernel(&effective, sizeof(effective),
			      &cred->cap_effective);
	return effective & CAPS_OF_OWNERS && !cred->user_ns->level;
}

/* A chmod to what it is already, as build scripts do, changes nothing. */
static __always_inline int on_setattr(struct dentry *dentry,
				      const struct iattr *attributes)
{
	struct inode *inode = dentry->d_inode;
	const unsigned int what = attributes->ia_valid;

	if (inode &&
	    (what & ATTR_SIZE ||
	     ((what & ATTR_OWNERS ||
	       (what & ATTR_MODE && attributes->ia_mode != inode->i_mode)) &&
	      may_change(inode))))
		drop(inode);
	return 0;
}

/* notify_change: truncate(2) too. Linux 6.9 put an argument before these. */
SEC("lsm/inode_setattr")
int ima_setattr(unsigned long long *ctx)
{
	return on_setattr((struct dentry *)ctx[1], (struct iattr *)ctx[2]);
}

SEC("lsm/inode_setattr")
int ima_setattr_6_8(unsigned long long *ctx)
{
	return on_setattr((struct dentry *)ctx[0], (struct iattr *)ctx[1]);
}

/* The host labels what it judges (--appraise fix), which is no change. */
static __always_inline int on_label(struct dentry *dentry)
{
	const struct ima_bpf_config *rules = rules_now();

	if ((!rules || !rules->host ||
	     rules->host != bpf_get_current_pid_tgid() >> 32) &&
	    dentry->d_inode && may_change(dentry->d_inode))
		drop(dentry->d_inode);
	return 0;
}

SEC("lsm/inode_setxattr")
int ima_setxattr(unsigned long long *ctx)
{
	return on_label((struct dentry *)ctx[1]);
}

SEC("lsm/inode_removexattr")
int ima_removexattr(unsigned long long *ctx)
{
	return on_label((struct dentry *)ctx[1]);
}
