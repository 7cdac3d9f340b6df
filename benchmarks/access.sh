#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# access.sh: what an access costs on a watched ext4 beside an unwatched one, in
# interleaved rounds; run by `sudo make bench`. "first" is an access that is
# judged: hashed, listed, extended (swtpm). "again" is one that the kernel does
# not ask about any more, "warm" is the same when nothing has to come from memory
# that the processor does not have at hand. "walk" is find and cat over 5,000
# files. Figures are medians of the rounds' medians; compare the ratios.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
imahost=$root/build/imahost
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make bench" >&2
	exit 2
}
rounds=${ROUNDS:-7}
files=100
places=50
work=${TMPDIR:-/tmp}/imahost-bench-access
mkdir -p "$work"
mount -t tmpfs -o mode=0755 imahost-bench "$work"
trap 'umount -l "$work/watched" "$work/plain" "$work" 2>/dev/null; rmdir "$work"' EXIT
for volume in watched plain; do
	mkdir "$work/$volume"
	truncate -s 512M "$work/$volume.img"
	mkfs.ext4 -q -F "$work/$volume.img"
	mount -o loop "$work/$volume.img" "$work/$volume"
done
cc -O2 -o "$work/access" "$root/benchmarks/access.c"
printf 'int main(void) { return 0; }\n' | cc -O2 -static -x c -o "$work/tiny" -

"$imahost" daemon --watch "$work/watched" --fs "$work/ima" --state "$work/state" \
	>"$work/ready" 2>"$work/log" &
daemon=$!
for _ in $(seq 200); do
	grep -q 'imahost: ready' "$work/ready" && break
	sleep 0.05
done

# fill VOLUME ROUND: programs and data files that nobody has seen yet.
fill() {
	local i
	rm -rf "${work:?}/$1/set"
	mkdir "$work/$1/set"
	for i in $(seq "$files"); do
		{ cat "$work/tiny" && echo "$1 $2 $i"; } >"$work/$1/set/p$i"
		echo "$1 $2 $i" >"$work/$1/set/d$i"
	done
	chmod +x "$work/$1"/set/p*
}

measure() {
	printf '%s %s\n' "$1" "$("$work/access" "$2" "${@:3}")" >>"$work/samples"
}

# plant VOLUME: a tree of files, PLACES directories of 100.
plant() {
	local place i
	for place in $(seq "$places"); do
		mkdir -p "$work/$1/tree/$place"
		for i in $(seq 100); do
			echo "$i" >"$work/$1/tree/$place/$i"
		done
	done
}

# walk NAME VOLUME: as measure, of the whole walk.
walk() {
	local begun=${EPOCHREALTIME/./} ended
	find "$work/$2/tree" -type f -print0 | xargs -0 cat >/dev/null
	ended=${EPOCHREALTIME/./}
	printf '%s %s 0\n' "$1" "$((ended - begun))" >>"$work/samples"
}

for volume in plain watched; do
	plant "$volume"
	walk none "$volume"
done

for round in $(seq "$rounds"); do
	for volume in plain watched; do
		fill "$volume" "$round"
		measure "$volume-exec-first" exec "$work/$volume"/set/p*
		measure "$volume-exec-again" exec "$work/$volume"/set/p*
		measure "$volume-elf-again" open "$work/$volume"/set/p*
		measure "$volume-data-first" open "$work/$volume"/set/d*
		measure "$volume-data-again" open "$work/$volume"/set/d*
		mapfile -t same < <(yes "$work/$volume/set/d1" | head -n 2000)
		measure "$volume-data-warm" open "${same[@]}"
		walk "$volume-walk-again" "$volume"
	done
done
kill -TERM "$daemon"
wait "$daemon"

python3 - "$work/samples" "$rounds" "$files" <<'EOF'
import collections, statistics, sys
samples = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, median, _ = line.split()
    samples[name].append(float(median))
print(f"{sys.argv[2]} rounds of {sys.argv[3]} files, microseconds: median of the rounds' medians (lowest to highest)")
print(f"{'access':<12} {'unwatched':>26} {'watched':>26} {'ratio':>7}")
for kind in ("exec-first", "exec-again", "elf-again", "data-first", "data-again", "data-warm", "walk-again"):
    plain, watched = samples[f"plain-{kind}"], samples[f"watched-{kind}"]
    show = lambda v: f"{statistics.median(v):.1f} ({min(v):.1f} to {max(v):.1f})"
    ratio = statistics.median(w / p for w, p in zip(watched, plain))
    print(f"{kind:<12} {show(plain):>26} {show(watched):>26} {ratio:>6.2f}x")
EOF
