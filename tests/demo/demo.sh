#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh: the main job on real input, in a mount and pid namespace of its own
# (started by `make demo` through tests/run-private.sh). Nothing outside the
# private filesystem is watched, and nothing stays behind.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
imahost=$root/build/imahost
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make demo" >&2
	exit 2
}

work=${TMPDIR:-/tmp}/imahost-demo
mkdir -p "$work"
mount -t tmpfs -o mode=0755 imahost-demo "$work"
disk=$work/disk
state=$work/state
fs=$work/ima
mkdir "$disk" "$state"
mount -t tmpfs -o mode=0755 imahost-disk "$disk"
daemon=0
clean_up() {
	status=$?
	for mounted in "$fs" "$disk" "$work"; do
		umount -l "$mounted" 2>/dev/null || true
	done
	rmdir "$work" 2>/dev/null || true
	exit "$status"
}
trap clean_up EXIT

bold=
plain=
if [ -t 1 ]; then
	bold=$'\033[1m'
	plain=$'\033[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}
fail() {
	echo "demo: $*" >&2
	cat "$work/log" >&2
	exit 1
}

start() {
	# Here, not in the background: the last daemon said "ready" there too.
	: >"$work/ready"
	"$imahost" daemon --watch "$disk" --fs "$fs" --state "$state" \
		--appraise "$1" >"$work/ready" 2>>"$work/log" &
	daemon=$!
	for _ in $(seq 200); do
		grep -q 'imahost: ready' "$work/ready" && return
		sleep 0.05
	done
	fail "the daemon is not ready"
}
stop() {
	kill -TERM "$daemon"
	wait "$daemon" || fail "the daemon ended badly"
}
verify() {
	tpm="swtpm:path=$state/swtpm/sock"
	for bank in sha1 sha256; do
		tpm2_pcrread -T "$tpm" "$bank" |
			"$root/tests/demo/pcrs-for-evmctl.sh" >"$work/pcrs"
		printf '$ evmctl ima_measurement --pcrs %s,PCRS %s\n' "$bank" \
			"$fs/binary_runtime_measurements"
		evmctl ima_measurement --pcrs "$bank,$work/pcrs" \
			"$fs/binary_runtime_measurements" ||
			fail "evmctl does not confirm the list"
	done
	run "$imahost" verify --list "$fs/binary_runtime_measurements" \
		--state "$state" --exact
}

say "1. A filesystem, two programs on it, and the daemon watching (TPM: swtpm)"
cp /bin/echo "$disk/hello"
cp /bin/date "$disk/clock"
start off
grep . "$work/log"

say "2. Programs run as ever; each was held until it stood in the list and the TPM"
run "$disk/hello" "hello, world"
run "$disk/clock"
run "$disk/hello" "again: this time the kernel did not even ask"
run cat "$fs/ascii_runtime_measurements"

say "3. evmctl replays the list against PCR 10 of the TPM; so do we, in all banks"
verify

say "4. A service can have measured what it knows; one byte changed is found"
printf '$ echo site=7 | imahost measure --name site-settings -\n'
echo site=7 | "$imahost" measure --state "$state" --name site-settings -
run tail -n 1 "$fs/ascii_runtime_measurements"
sed 's/site-settings/side-settings/' "$fs/ascii_runtime_measurements" \
	>"$work/changed"
run "$imahost" verify --list "$work/changed" --state "$state" &&
	fail "a changed list was verified"
stop

say "5. Labels, and enforcing: what nobody vouches for does not run"
run "$imahost" label "$disk/hello"
start enforce
run "$disk/hello" "labelled, so I may run"
printf '$ %s\n' "$disk/clock"
"$disk/clock" && fail "an unlabelled program ran"
printf '$ echo tampered >> %s; %s hello\n' "$disk/hello" "$disk/hello"
echo tampered >>"$disk/hello"
"$disk/hello" hello && fail "a tampered program ran"

say "6. Both stand in the list all the same, and the log says why they were denied"
run tail -n 2 "$fs/ascii_runtime_measurements"
grep 'denied.*BPRM_CHECK' "$work/log"

say "7. The host is killed; the guard starts another, and the gate stayed shut"
host=$(cat /proc/"$daemon"/task/"$daemon"/children)
for pid in $host; do
	grep -q imahost "/proc/$pid/comm" && run kill -9 "$pid"
done
printf '$ %s\n' "$disk/clock"
"$disk/clock" && fail "an unlabelled program ran"
grep 'imahost-guard: host' "$work/log"
run "$imahost" label "$disk/hello"
run "$disk/hello" "labelled anew"
verify
run "$imahost" status --state "$state"
stop
say "Done: evmctl, imahost verify and the TPM agree with the list."
