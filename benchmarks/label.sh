#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# label.sh [OTHER]: how long `imahost label` takes for a tree of small files, by
# one thread and by one for each processor, and to go on with a tree that is done,
# in interleaved rounds on tmpfs and ext4; run as root. OTHER is another build of
# imahost to compare with. UNDER="chrt --rr 1" keeps other work on the machine out.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${LABEL_PRIVATE:-}" ]; then
	LABEL_PRIVATE=1 exec "$root/tests/run-private.sh" 280 "$0" "$@"
fi
other=${1:-}
rounds=${ROUNDS:-7}
files=${FILES:-20000}
size=${SIZE:-4096}
work=$(mktemp -d)
mount -t tmpfs imahost-label "$work"
trap 'umount -l "$work"; rmdir "$work"' EXIT
mkdir "$work/tmpfs" "$work/ext4"
truncate -s 2G "$work/image"
mkfs.ext4 -q -F -N 100000 "$work/image"
mount -o loop "$work/image" "$work/ext4"

# measure NAME COMMAND...: milliseconds of one run, which must succeed.
measure() {
	local name=$1
	shift
	local begun ended
	begun=$(date +%s%N)
	# shellcheck disable=SC2086 # a command and its arguments
	${UNDER:-} "$@" >/dev/null 2>&1
	ended=$(date +%s%N)
	echo "$name $(((ended - begun) / 1000))" >>"$work/samples"
}
for place in tmpfs ext4; do
	tree=$work/$place/tree
	python3 - "$tree" "$files" "$size" <<'P'
import os, sys
for i in range(int(sys.argv[2])):
    if i % 200 == 0:
        os.makedirs(f"{sys.argv[1]}/{i // 200}")
    with open(f"{sys.argv[1]}/{i // 200}/{i}", "wb") as file:
        file.write(os.urandom(int(sys.argv[3])))
P
	journal=$work/journal
	"$root/build/imahost" label --hash sha512 "$tree" >/dev/null
	# Each run finds a label of the other kind, and so writes every file.
	for _ in $(seq "$rounds"); do
		if [ -n "$other" ]; then
			measure "$place other" "$other" label --hash sha256 "$tree"
			"$root/build/imahost" label --hash sha512 "$tree" >/dev/null
		fi
		measure "$place one" "$root/build/imahost" label --jobs 1 "$tree"
		"$root/build/imahost" label --hash sha512 "$tree" >/dev/null
		measure "$place all" "$root/build/imahost" label "$tree"
		"$root/build/imahost" label --hash sha512 "$tree" >/dev/null
		measure "$place journal" "$root/build/imahost" label --journal "$journal" "$tree"
		measure "$place compare" "$root/build/imahost" label --resume "$tree"
		measure "$place resume" "$root/build/imahost" label --resume --journal "$journal" "$tree"
		"$root/build/imahost" label --hash sha512 "$tree" >/dev/null
	done
done
umount "$work/ext4"
python3 - "$work/samples" "$files" "$rounds" "$size" <<'P'
import statistics, sys
runs = {}
for line in open(sys.argv[1], encoding="ascii"):
    place, name, micros = line.split()
    runs.setdefault((place, name), []).append(int(micros) / 1e6)
names = {"other": "the other build", "one": "one thread", "all": "all processors", "journal": "all processors, journal",
         "compare": "done: --resume", "resume": "done: --resume, journal"}
print(f"{sys.argv[2]} files of {sys.argv[4]} bytes, {sys.argv[3]} rounds: median (lowest to highest)")
print(f"{'':<32}{'seconds':>24}{'ratio':>8}")
for place in ("tmpfs", "ext4"):
    base = runs.get((place, "other")) or runs[place, "one"]
    for name, label in names.items():
        if times := runs.get((place, name)):
            ratio = statistics.median(a / b for a, b in zip(times, base))
            spread = f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"
            print(f"{place + ', ' + label:<32}{spread:>24}{ratio:>7.2f}x")
P
