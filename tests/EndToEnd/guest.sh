#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh [OPTION]… JOB [ARGUMENT]…: boots the guest in QEMU, which needs no
# KVM, with a TPM of swtpm as /dev/tpmrm0; runs the script JOB there as root, by
# bash and in /job; and brings back what it leaves in /results.
#   -g DIR    the guest that make-guest.sh made (build/guest)
#   -f DIR    files that the job finds beside it, in /job
#   -r DIR    where results go, with output, status, console and journal
#   -m DIR    the machine: its disk and TPM are kept, and the next call with it
#             is its next boot. Without, disk and TPM are thrown away
#   -K NAME   the other kernel of that name (newest)
#   -k WORDS  more of the kernel's command line; guest.crash: a reset at the end
#   -t N      seconds that all may take (180)
#   -c N, -M N, -s N   processors (2), MB of memory (1024), MB of results (64)
#   -i        the guest's clock counts instructions (1 ns each): what it times
#             does not depend on what else runs here. One processor
#   -b        bare: the job is the first program, without systemd
#   -n        no TPM
#   -q        do not show what the job prints
# Exit status: the job's; 124: time ran out; 125: the machine did not do its part.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
guest=$here/../../build/guest
files='' results='' machine='' kernel='' words='' seconds=180 processors=2 memory=1024 room=64
tpm=1 shown=1 clock=()
accel=tcg,thread=multi
while getopts g:f:r:m:K:k:t:c:M:s:ibnq option; do
	case $option in
	g) guest=$OPTARG ;;
	f) files=$OPTARG ;;
	r) results=$OPTARG ;;
	m) machine=$OPTARG ;;
	K) kernel=.$OPTARG ;;
	k) words+=" $OPTARG" ;;
	t) seconds=$OPTARG ;;
	c) processors=$OPTARG ;;
	M) memory=$OPTARG ;;
	s) room=$OPTARG ;;
	i) processors=1 accel=tcg,thread=single clock=(-icount "shift=0,sleep=off") ;;
	b) words+=" guest.init=/usr/local/lib/guest/job" ;;
	n) tpm='' ;;
	q) shown='' ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
job=$1
shift
guest=$(cd "$guest" && pwd)

# A run has a directory named by its process. Those of processes that are gone
# were killed; what they had started ended with them or at its time limit.
for old in "$guest"/run.*; do
	if [ -d "$old" ] && ! [ -d "/proc/${old##*.}" ]; then
		rm -rf --one-file-system "$old"
	fi
done
run=$guest/run.$$
mkdir "$run"
started=()
# shellcheck disable=SC2317 # by the trap
end() {
	for pid in "${started[@]}"; do
		if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
	done
	rm -rf --one-file-system "$run"
}
trap end EXIT
trap 'exit 125' INT TERM HUP
# begin SECONDS COMMAND…: in the background; it ends with us, or at the limit.
begin() {
	setpriv --pdeathsig TERM timeout -k 5 "$@" </dev/null &
	started+=($!)
}

mkdir "$run/job"
[ -z "$files" ] || cp -a "$files/." "$run/job/"
cp "$job" "$run/job/script"
: >"$run/job/arguments"
[ $# -eq 0 ] || printf '%s\0' "$@" >"$run/job/arguments"
tar -C "$run/job" --owner=0 --group=0 -cf "$run/in" .
truncate -s "${room}M" "$run/out"
: >"$run/output"

state=$run
disk=file=$guest/root.ext4,format=raw,if=virtio,snapshot=on
if [ -n "$machine" ]; then
	mkdir -p "$machine"
	state=$(cd "$machine" && pwd)
	[ -e "$state/disk" ] ||
		qemu-img create -q -f qcow2 -F raw -b "$guest/root.ext4" "$state/disk"
	disk=file=$state/disk,format=qcow2,if=virtio,cache=unsafe
fi

devices=()
if [ -n "$tpm" ]; then
	mkdir -p "$state/tpm"
	begin $((seconds + 10)) swtpm socket --tpm2 --terminate --tpmstate "dir=$state/tpm" \
		--ctrl "type=unixio,path=$run/tpm.sock" >"$run/swtpm.log" 2>&1
	for _ in {1..50}; do
		[ ! -S "$run/tpm.sock" ] || break
		sleep 0.1
	done
	devices=(-chardev "socket,id=tpm,path=$run/tpm.sock"
		-tpmdev "emulator,id=tpm0,chardev=tpm" -device "tpm-tis,tpmdev=tpm0")
fi

# tsc=unstable: the kernel would find out by itself, after a second or two.
# no_timer_check: it takes an interrupt that a busy machine delays for a broken board.
TMPDIR=$run begin "$seconds" qemu-system-x86_64 -accel "$accel" "${clock[@]}" -cpu max \
	-m "$memory" -smp "$processors" -no-reboot -display none -nodefaults \
	-kernel "$guest/vmlinuz$kernel" -initrd "$guest/initrd$kernel.gz" \
	-append "console=ttyS0 quiet loglevel=5 panic=-1 mitigations=off tsc=unstable no_timer_check systemd.getty_auto=no$words" \
	-drive "$disk" -drive "file=$run/in,format=raw,if=virtio,readonly=on" \
	-drive "file=$run/out,format=raw,if=virtio" \
	-serial "file:$run/console" -serial "file:$run/output" \
	-device virtio-rng-pci "${devices[@]}" >"$run/qemu.log" 2>&1
status=0
wait "${started[-1]}" || status=$?

[ -z "$shown" ] || tr -d '\r' <"$run/output"
if [ -n "$results" ]; then
	mkdir -p "$results"
	: >>"$run/console"
	cp "$run/console" "$run/output" "$results/"
fi
tar -xf "$run/out" -C "${results:-$run}" 2>"$run/tar.log" || true
[ "$status" != 124 ] && [ "$status" != 137 ] || exit 124
if [ "$status" != 0 ] || [ ! -s "${results:-$run}/status" ]; then
	cat "$run"/*.log >&2
	tail -n 15 "$run/console" >&2
	exit 125
fi
exit "$(cat "${results:-$run}/status")"
