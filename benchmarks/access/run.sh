#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh: what being measured costs, beside no daemon and beside fapolicyd, the
# other daemon that decides in user space; run by `sudo make bench`.
#
# Each round takes the modes in turn, beginning with another one each time. A turn
# mounts the image anew, so that whatever is read or run first is so for every
# mode, starts the daemon, does the work once as an ordinary user, and stops the
# daemon. The figures of a turn are medians; report.py compares them by rounds.
#
#   ROUNDS=N   rounds (7)
#   QUICK=1    for trying it: 2 rounds, a tenth of the files, results in build/
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/benchmarks/access
imahost=$root/build/imahost
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make bench" >&2
	exit 2
}
rounds=${ROUNDS:-7}
programs=2000
files=5000
results=$root/benchmarks/results
if [ -n "${QUICK:-}" ]; then
	rounds=${ROUNDS:-2}
	programs=200
	files=500
	results=$root/build/benchmarks
fi
passes=5
user=65534
turn_limit=240 # seconds that no daemon outlives

work=${TMPDIR:-/tmp}/imahost-bench-access
mnt=$work/mnt
state=$work/state
client=$work/client
daemon=
mkdir -p "$work" "$results"
mount -t tmpfs -o mode=0755 imahost-bench "$work"
trap 'umount -l "$mnt" 2>/dev/null || true; umount -l "$work"; rmdir "$work"' EXIT

fail() {
	echo "bench: $*" >&2
	tail -n 20 "$work/log" >&2
	exit 1
}

# shellcheck source=/dev/null # linted by itself
. "$here/fapolicyd.sh"

# watch_over: ends the daemon, should it outlive its turn.
watch_over() {
	{ timeout "$turn_limit" tail --pid="$daemon" -f /dev/null ||
		kill -KILL "$daemon"; } 2>/dev/null &
}

# The machine's own TPM, if it has one, is none of a benchmark's business.
imahost_start() {
	rm -rf "$state"
	mkdir -p "$state/swtpm"
	swtpm socket --tpm2 --daemon --tpmstate "dir=$state/swtpm" \
		--server "type=unixio,path=$state/swtpm/sock" \
		--ctrl "type=unixio,path=$state/swtpm/ctrl" \
		--flags not-need-init,startup-clear --pid "file=$state/swtpm/pid"
	"$imahost" daemon --watch "$mnt" --fs "$work/ima" --state "$state" \
		--tpm "swtpm:path=$state/swtpm/sock" >"$work/ready" 2>>"$work/log" &
	daemon=$!
	for _ in $(seq 600); do
		grep -q 'imahost: ready' "$work/ready" && return
		sleep 0.1
	done
	fail "imahost is not ready"
}

# imahost_answers: it has entered every program that was run.
imahost_answers() {
	local entries
	entries=$(grep -c "$mnt/programs/" "$work/ima/ascii_runtime_measurements" 2>/dev/null) || true
	[ "${entries:-0}" -eq "$programs" ] ||
		fail "imahost entered ${entries:-0} programs of $programs"
}

none_start() { :; }
none_answers() { :; }

stop() {
	[ -n "$daemon" ] || return 0
	kill -TERM "$daemon"
	for _ in $(seq 100); do
		grep -qs '^State:.*[^Z] (' "/proc/$daemon/status" || break
		sleep 0.1
	done
	[ ! -s "$state/swtpm/pid" ] || kill -KILL "$(cat "$state/swtpm/pid")"
	rm -rf "$state"
	daemon=
}

# measure ROW ARGUMENT...: notes what the client says.
measure() {
	local row=$1 took
	shift
	took=$("$client" -u "$user" "$@") || fail "$mode: $row"
	echo "$kind $round $mode $row $took" >>"$work/samples"
}

compile() {
	measure "$1" -r "$mnt/root" run "$2" /usr/bin/gcc -O2 -o /tmp/hello /src/hello.c
}

work_first() {
	measure programs-first exec 1 "${program_files[@]}"
	measure data-first read 1 "${data_files[@]}"
	measure big-first exec 1 "$mnt"/big/*
	measure programs-memory exec 1 "$mnt"/memory/programs/*
	measure data-memory read 1 "$mnt"/memory/data/*/*
	measure big-memory exec 1 "$mnt"/memory/big/*
	compile gcc-first 1
}

# What is done again has been done before, and some time has passed since.
meet() {
	"$client" -u "$user" exec 1 "$mnt/bin/tiny" >/dev/null
	"$client" -u "$user" map 1 "$mnt/lib/libx.so" >/dev/null
	"$client" -u "$user" open 1 "$mnt/data/one" >/dev/null
}

# Several passes, so that no short disturbance decides about a row.
work_again() {
	measure programs-again exec 1 "${program_files[@]}"
	for _ in $(seq "$passes"); do
		measure exec exec 2000 "$mnt/bin/tiny"
		measure open open 2000 "$mnt/data/one"
		measure map map 2000 "$mnt/lib/libx.so"
		measure storm storm 500 "$mnt/bin/tiny"
		measure walk run 1 /bin/sh -c \
			"find $mnt/data -type f -print0 | xargs -0 cat >/dev/null"
		compile gcc 3
	done
}

turn() {
	umount "$mnt"
	mount -o loop "$image" "$mnt"
	cat "$mnt"/memory/{programs,big}/* "$mnt"/memory/data/*/* >/dev/null
	"${mode}_start"
	[ -z "$daemon" ] || watch_over
	meet
	work_first
	work_again
	"${mode}_answers"
	stop
}

# plant KIND: makes the image, and lists what lies on it.
plant() {
	kind=$1
	image=$work/$kind.img
	truncate -s 1G "$image"
	"mkfs.$kind" -q "$image"
	mount -o loop "$image" "$mnt"
	"$here/tree.sh" "$mnt" "$programs" "$files"
	mapfile -t program_files < <(printf "$mnt/programs/%d\n" $(seq "$programs"))
	mapfile -t data_files < <(find "$mnt/data" -mindepth 2 -type f | sort -V)
}

# compare KIND MODE...: the rounds on a filesystem of that kind.
compare() {
	local modes=("${@:2}")
	plant "$1"
	[[ " ${modes[*]} " != *" fapolicyd "* ]] || fapolicyd_prepare
	for round in $(seq "$rounds"); do
		echo "$kind $round none hash $("$work/hash" 16777216 9)" >>"$work/samples"
		for mode in "${modes[@]}"; do
			echo "$kind: round $round of $rounds: $mode"
			turn
		done
		modes=("${modes[@]:1}" "${modes[0]}")
	done
	umount "$mnt"
	rm "$image"
}

mkdir "$mnt"
: >"$work/log"
gcc -O2 -static -o "$client" "$here/client.c"
gcc -O2 -o "$work/hash" "$here/hash.c" -lcrypto
modes=(none imahost fapolicyd)
lacking=$(fapolicyd_lacks)
if [ -z "$lacking" ]; then
	peer=(--version "$(fapolicyd_version)")
else
	echo "without fapolicyd: $lacking"
	modes=(none imahost)
	peer=(--lacking "$lacking")
fi
compare xfs "${modes[@]}"
compare ext4 none imahost
python3 "$here/report.py" "$work/samples" "$results/access" \
	--programs "$programs" --files "$files" "${peer[@]}"
cat "$results/access.md"
