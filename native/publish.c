/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "publish.h"
#include "imahost_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/*
 * The protocol level we speak for ever: a host of any version must be able to
 * take over the connection. 7.31 is Linux 5.3.
 */
#define PUBLISH_MINOR 31
#define PUBLISH_PAGES 256 /* a read of up to 1 MiB in one request */

static int clear_stale(const char *dir)
{
	struct statfs fs;
	int turns;

	/* Several guards may have died over each other. */
	for (turns = 0; turns < 64; turns++) {
		if (statfs(dir, &fs) == 0)
			return fs.f_type == FUSE_SUPER_MAGIC ? -EBUSY : 0;
		if (errno == ENOENT)
			return mkdir(dir, 0755) < 0 ? -errno : 0;
		if (errno != ENOTCONN && errno != ECONNABORTED)
			return -errno;
		if (umount2(dir, MNT_DETACH) < 0)
			return -errno;
	}
	return -EBUSY;
}

static int answer_init(int fuse)
{
	/* The kernel refuses to fill a buffer smaller than this. */
	static const size_t size = IMA_FUSE_REQUEST;
	char request[IMA_FUSE_REQUEST];
	const struct fuse_in_header *header = (void *)request;
	const struct fuse_init_in *init = (void *)(header + 1);
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} reply = { 0 };
	const uint32_t wanted = FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC |
				FUSE_MAX_PAGES | FUSE_PARALLEL_DIROPS;
	ssize_t got = read(fuse, request, size);

	if (got < 0)
		return -errno;
	if ((size_t)got < sizeof(*header) + sizeof(*init) ||
	    header->opcode != FUSE_INIT || init->major != FUSE_KERNEL_VERSION ||
	    init->minor < PUBLISH_MINOR)
		return -EPROTO;
	reply.header.len = sizeof(reply);
	reply.header.unique = header->unique;
	reply.init.major = FUSE_KERNEL_VERSION;
	reply.init.minor = PUBLISH_MINOR;
	reply.init.max_readahead = init->max_readahead;
	reply.init.flags = init->flags & wanted;
	reply.init.max_write = IMA_FUSE_MAX_WRITE;
	reply.init.max_pages = PUBLISH_PAGES;
	reply.init.time_gran = 1;
	if (write(fuse, &reply, sizeof(reply)) != sizeof(reply))
		return -errno;
	return 0;
}

int publish_mount(const char *dir, int *fuse)
{
	char options[128];
	int error = clear_stale(dir);

	if (error)
		return error;
	*fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (*fuse < 0)
		return -errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,"
		 "default_permissions",
		 *fuse);
	if (mount("imahost", dir, "fuse.imahost",
		  MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0) {
		error = -errno;
		goto out_close;
	}
	error = answer_init(*fuse);
	if (!error)
		return 0;
	publish_unmount(dir);
out_close:
	close(*fuse);
	*fuse = -1;
	return error;
}

void publish_unmount(const char *dir)
{
	(void)umount2(dir, MNT_DETACH);
}
