# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# executions.sh HOST COUNT [cold]: in the guest, without systemd: what COUNT small
# programs cost that were never run before, and again. HOST: none, or the TPM
# that imahost extends (none: --tpm none). cold: from the disk, not from memory.
host=$1
count=$2
drop() {
	[ "${1:-}" != cold ] || { echo 3 >/proc/sys/vm/drop_caches && sleep 2; }
}
mkdir -p /executions
./many ./nothing /executions "$count" 0
if [ "$host" != off ]; then
	# /lib is a link, which dpkg -x would put a directory in the place of.
	dpkg-deb --fsys-tarfile ./imahost_1.deb | tar -x -C / --keep-directory-symlink
	modprobe fuse
	imahost daemon --config /dev/null --watch / --policy tcb --tpm "$host" \
		>/tmp/ready 2>/tmp/log &
	for _ in {1..300}; do
		! grep -q 'imahost: ready' /tmp/ready || break
		sleep 0.1
	done
	grep -q 'imahost: ready' /tmp/ready || { cat /tmp/log && exit 1; }
	# What the start leaves to do, and what the work itself is made of.
	sleep 3
fi
mkdir -p /other
./many ./nothing /other 20 2 >/dev/null
drop "${3:-}"
./many - /executions "$count" 3 | tee /results/times
drop "${3:-}"
[ "${3:-}" != cold ] || ./many - /executions "$count" 1 | tee -a /results/times
cat /sys/kernel/security/ima/runtime_measurements_count >/results/kernel
[ "$host" = off ] || {
	cat /run/ima/runtime_measurements_count >/results/host
	imahost status --json >/results/status.json
	imahost stop --open >/dev/null
}
exit 0
