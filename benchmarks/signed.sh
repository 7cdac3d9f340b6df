#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# signed.sh RESULTS: what a signature costs at the first start of a program of 1 MB;
# run by `sudo make bench-signed`, and writes RESULTS. One daemon enforces, on a
# filesystem with programs that are labelled by hash, by an RSA and by an ECDSA key;
# another one only measures, on one of its own. Their programs are started in turn,
# each once, and then once more.
#
#   COUNT=N   programs of each kind (300)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
imahost=$root/build/imahost
results=$1
count=${COUNT:-300}
warm_up=20
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make bench-signed" >&2
	exit 2
}

work=${TMPDIR:-/tmp}/imahost-bench-signed
mkdir -p "$work"
mount -t tmpfs -o mode=0755 imahost-bench "$work"
trap 'umount -l "$work"/{enforce,measure} "$work"; rmdir "$work"' EXIT
fail() {
	echo "bench: $*" >&2
	cat "$work"/*.log >&2
	exit 1
}

# plant NAME KIND...: a filesystem with programs of each kind, no two alike.
plant() {
	local kind i
	truncate -s "$((($# - 1) * count * 13 / 10 + 300))M" "$work/$1.img"
	mkfs.ext4 -q -F "$work/$1.img"
	mkdir "$work/$1"
	mount -o loop "$work/$1.img" "$work/$1"
	for kind in "${@:2}"; do
		mkdir "$work/$1/$kind"
		for i in $(seq "$((warm_up + count))"); do
			{ cat "$work/tiny" "$work/filler" && echo "$kind $i"; } >"$work/$1/$kind/$i"
		done
		chmod -R a+rx "$work/$1/$kind"
	done
}

# start NAME MODE: a daemon that watches that filesystem, without a TPM: its time would
# only make the difference look smaller.
start() {
	mkdir "$work/state-$1"
	"$imahost" daemon --config "$work/$1.yaml" --watch "$work/$1" --fs "$work/ima-$1" \
		--state "$work/state-$1" --tpm none --appraise "$2" >"$work/$1.ready" 2>"$work/$1.log" &
	for _ in $(seq 600); do
		grep -q 'imahost: ready' "$work/$1.ready" && return
		sleep 0.1
	done
	fail "the daemon of $1 is not ready"
}

# in_turn FIRST LAST: the programs from FIRST to LAST, another kind first each time.
in_turn() {
	local i place places=(enforce/hash enforce/rsa enforce/ecdsa measure/none)
	for i in $(seq "$1" "$2"); do
		for place in "${places[@]}"; do
			echo "$work/$place/$i"
		done
		places=("${places[@]:1}" "${places[0]}")
	done
}

# events: how many accesses the kernel has asked about.
events() {
	for name in enforce measure; do
		"$imahost" status --state "$work/state-$name" --json |
			python3 -c 'import json, sys; print(json.load(sys.stdin)["accesses"]["events"])'
	done | paste -sd+ | { read -r sum && echo "$((sum))"; }
}

# make_keys: $work/rsa.key and so on, and the certificates in $work/keys.
make_keys() {
	mkdir "$work/keys"
	for kind in rsa:rsa_keygen_bits:2048 ec:ec_paramgen_curve:P-256; do
		openssl req -x509 -newkey "${kind%%:*}" -pkeyopt "${kind#*:}" -nodes -subj "/CN=${kind%%:*}" \
			-addext keyUsage=digitalSignature -keyout "$work/${kind%%:*}.key" \
			-out "$work/keys/${kind%%:*}.pem" 2>/dev/null
	done
	echo "keys: [$work/keys]" >"$work/enforce.yaml"
	: >"$work/measure.yaml"
}

gcc -O2 -static -o "$work/client" "$root/benchmarks/access/client.c"
# shellcheck disable=SC2016 # C, not shell
gcc -O2 -static -nostdlib -x c -o "$work/tiny" - <<<'
void _start(void);
void _start(void)
{
	__asm__ volatile("mov $60, %eax; xor %edi, %edi; syscall");
	__builtin_unreachable();
}'
head -c 1M /dev/zero | tr '\0' x >"$work/filler"
make_keys
plant enforce hash rsa ecdsa
plant measure none
{
	"$imahost" label "$work/enforce/hash"
	"$imahost" label --sign "$work/rsa.key" "$work/enforce/rsa"
	"$imahost" label --sign "$work/ec.key" "$work/enforce/ecdsa"
} >"$work/label.log" 2>&1 || fail "labelling"
start enforce enforce
start measure off

mapfile -t early < <(in_turn 1 "$warm_up")
mapfile -t programs < <(in_turn "$((warm_up + 1))" "$((warm_up + count))")
"$work/client" exec 1 "${early[@]}" >/dev/null
"$work/client" -e exec 1 "${programs[@]}" | sed 's/^/first /' >"$work/samples"
before=$(events)
"$work/client" -e exec 1 "${programs[@]}" | sed 's/^/again /' >>"$work/samples"
[ "$(events)" -eq "$before" ] || fail "the kernel asked about a program that had been judged"
for name in enforce measure; do
	"$imahost" stop --open --state "$work/state-$name" >/dev/null
done
wait
python3 "$root/benchmarks/signed.py" "$work/samples" "$results"
cat "$results"
