/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE mount that publishes the list. The guard opens, mounts and
 * negotiates, so that the connection outlives the host, who does the rest.
 */
#ifndef IMAHOST_PUBLISH_H
#define IMAHOST_PUBLISH_H

/*
 * Mounts at @dir, which is made if it is missing; a mount left by a dead guard
 * is cleared first. *@fuse becomes the /dev/fuse descriptor, INIT answered.
 * -EBUSY: a living mount is there. Otherwise 0 or -errno.
 */
int publish_mount(const char *dir, int *fuse);
void publish_unmount(const char *dir);

#endif
