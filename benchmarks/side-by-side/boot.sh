# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# boot.sh install|time: in the guest, with systemd: installs the package, or
# says when this boot had reached its target, in microseconds since the kernel's start.
if [ "$1" = install ]; then
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q ./imahost_1.deb
	exit
fi
systemctl is-system-running --wait >/results/state
systemctl show -P UserspaceTimestampMonotonic >/results/kernel-time
systemctl show -P FinishTimestampMonotonic >/results/time
cat /sys/kernel/security/ima/runtime_measurements_count >/results/kernel
systemctl is-active imahost >/results/service
[ ! -e /run/ima/runtime_measurements_count ] || cat /run/ima/runtime_measurements_count >/results/host
exit 0
