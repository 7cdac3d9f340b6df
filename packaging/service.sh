#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# service take-over|end|after-stop: what packages and the unit do about a service
# that runs, or did. Installed as /usr/libexec/imahost/service.
set -u
imahost=${IMAHOST:-/usr/sbin/imahost}
loader=${IMAHOST_BPF:-/usr/libexec/imahost/imahost-bpf}
settings=${IMAHOST_SETTINGS:-/etc/imahost/imahost.yaml}

# setting NAME DEFAULT: a path of the configuration; the last one counts.
setting() {
	found=$(cat "$settings" "$settings".d/*.yaml 2>/dev/null |
		sed -n "s/^$1:[[:space:]]*[\"']\{0,1\}\(\/[^\"'#[:space:]]*\).*/\1/p" | tail -n 1)
	echo "${found:-$2}"
}

# A guard holds the lock. No host is asked, which may be gone.
is_running() {
	[ -e "$state/lock" ] && ! flock --nonblock --shared "$state/lock" true
}

# After an upgrade: what is installed takes over, without a gap. Where that cannot
# be (another protocol) the service is restarted, which leaves the gate open for
# as long: the old guard could start no host any more, and would hold everything.
take_over() {
	is_running || return 0
	if said=$("$imahost" restart --state "$state" 2>&1); then
		echo "$said"
		return 0
	fi

	echo "imahost: warning: cannot take over from what runs: $said" >&2
	if [ -d /run/systemd/system ] && systemctl --quiet is-active imahost.service; then
		echo "imahost: warning: it is restarted; what runs in this moment is not held" >&2
		systemctl restart imahost.service
		return
	fi

	echo "imahost: warning: end it (imahost stop --open), and start it anew" >&2
	return 1
}

# Before the programs are removed: a guard that can start no host holds up the machine,
# and BPF programs that outlive it refuse what nobody will judge any more.
end() {
	! is_running || "$imahost" stop --open --state "$state" >/dev/null || true
	if is_running; then
		echo "imahost: the service with its state in $state does not end: end it, and try again" >&2
		return 1
	fi

	[ ! -d /sys/fs/bpf/imahost ] || "$loader" unload
}

# ExecStopPost=. A guard that was killed leaves a mount behind at which every
# reader fails (ENOTCONN). The gate is open until the next one is there, so nothing
# is executed for it that need not be. A start that was refused (status 2: the
# configuration, the machine) or never became ready (the kernel's command line says
# ima=off) is tried once a second, others at once.
after_stop() {
	while read -r _ _ _ _ place rest; do
		case $rest in
		*" - fuse.imahost "*)
			# Attributes are in the kernel's cache, also of a dead one; names are not.
			set -- "$place"/*
			[ -e "$1" ] || umount --lazy "$place"
			;;
		esac
	done </proc/self/mountinfo

	case ${EXIT_STATUS:-}/${SERVICE_RESULT:-} in
	2/* | */protocol) sleep 1 ;;
	esac
}

case ${1:-} in
after-stop) after_stop ;;
take-over | end)
	state=$(setting state /var/lib/imahost)
	if [ "$1" = end ]; then end; else take_over; fi
	;;
*)
	echo "service: take-over, end or after-stop, not '${1:-}'" >&2
	exit 2
	;;
esac
