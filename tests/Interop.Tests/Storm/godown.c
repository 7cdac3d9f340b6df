/* SPDX-License-Identifier: Apache-2.0 */
/*
 * godown PATH: cuts the power of the ext4 filesystem at PATH, as far as it can
 * tell: nothing that is not on its disk by now gets there, not even the journal.
 */
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define SHUTDOWN _IOR('X', 125, __u32) /* EXT4_IOC_SHUTDOWN */
#define NO_LOG_FLUSH 2		       /* EXT4_GOING_FLAGS_NOLOGFLUSH */

int main(int argc, char **argv)
{
	__u32 how = NO_LOG_FLUSH;
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0 || ioctl(fd, SHUTDOWN, &how) < 0) {
		perror("godown");
		return 1;
	}
	return 0;
}
