#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-private.sh SECONDS COMMAND [ARGUMENT]...: runs a command that marks
# filesystems where it cannot harm the machine: in a mount and a pid namespace
# of its own. When it ends, or after SECONDS, every process in there is killed
# and every mount is gone, whatever state they are in.
set -eu
limit=$1
shift
IMAHOST_OUTER_MOUNTS=$(readlink /proc/self/ns/mnt)
export IMAHOST_OUTER_MOUNTS
exec timeout --foreground --kill-after=5 "$limit" \
	unshare --mount --propagation private --pid --fork --kill-child \
	--mount-proc -- "$@"
