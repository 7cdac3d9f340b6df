#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# capacity.sh RESULTS: what long lists and many kept verdicts cost in memory and
# time, and how long a start takes; run by `sudo make bench-capacity`, and writes
# the tables into RESULTS. Everything it watches and keeps lies on a tmpfs and an
# ext4 image of its own.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make bench-capacity" >&2
	exit 2
}
work=${TMPDIR:-/tmp}/imahost-bench-capacity
mkdir -p "$work"
mount -t tmpfs -o mode=0755 imahost-bench "$work"
trap 'umount -l "$work/ext4" "$work" 2>/dev/null; rmdir "$work"' EXIT
mkdir "$work/ext4"
truncate -s 256M "$work/image"
mkfs.ext4 -q -F -N 20000 "$work/image"
mount -o loop "$work/image" "$work/ext4"
python3 "$root/benchmarks/capacity.py" "$root/build/imahost" "$work" "$1"
