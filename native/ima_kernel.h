/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Of the kernel's structures and constants what the BPF programs read. Where a
 * member is found in the kernel that runs comes from its own BTF (CO-RE).
 */
#ifndef IMAHOST_IMA_KERNEL_H
#define IMAHOST_IMA_KERNEL_H

#include <linux/types.h>

#define RELOCATED __attribute__((preserve_access_index))

#define EPERM 1
#define NULL ((void *)0)
#define PF_KTHREAD 0x00200000
#define PTRACE_MODE_ATTACH 0x02
#define PROT_EXEC 0x4
#define VM_EXEC 0x4
#define FMODE_WRITE 0x2
#define S_IFMT 00170000
#define S_IFREG 0100000
/* SB_KERNMOUNT, SB_NOUSER: a mount that only the kernel sees, as of memfds. */
#define SB_INTERNAL (1ul << 22 | 1ul << 31)
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define ATTR_MODE 0x1u
/* ATTR_UID, ATTR_GID */
#define ATTR_OWNERS 0x6u
#define ATTR_SIZE 0x8u
/* CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SYS_ADMIN */
#define CAPS_OF_OWNERS (1ull << 0 | 1ull << 1 | 1ull << 3 | 1ull << 21)

struct super_block {
	unsigned long s_flags;
	unsigned long s_magic;
	__u32 s_dev;
} RELOCATED;

typedef struct {
	__u32 val;
} RELOCATED kuid_t;

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
} RELOCATED;

struct qstr {
	const unsigned char *name;
} RELOCATED;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} RELOCATED;

struct vfsmount {
	struct super_block *mnt_sb;
} RELOCATED;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} RELOCATED;

struct file {
	unsigned int f_mode;
	struct inode *f_inode;
	struct path f_path;
} RELOCATED;

struct mm_struct {
	struct file *exe_file;
} RELOCATED;

struct user_namespace {
	int level;
} RELOCATED;

/* 64 bits, as two members or one: the kernel's own has changed in Linux 6.3. */
struct kernel_cap {
	__u32 bits[2];
} RELOCATED;

struct cred {
	kuid_t fsuid;
	struct kernel_cap cap_effective;
	struct user_namespace *user_ns;
} RELOCATED;

struct task_struct {
	unsigned int flags;
	int tgid;
	struct mm_struct *mm;
	const struct cred *cred;
} RELOCATED;

struct bpf_map {
	__u32 id;
} RELOCATED;

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
} RELOCATED;

struct linux_binprm {
	struct file *file;
} RELOCATED;

struct iattr {
	unsigned int ia_valid;
	unsigned short ia_mode;
} RELOCATED;

#endif
