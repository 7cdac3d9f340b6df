#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh DEB RESULT: what measuring costs in a guest, beside the kernel's own IMA
# doing the same: COUNT (6000) small programs, and the boot. RESULT is the page
# that is written. ROUNDS (3) boots of each kind where the clock is the wall's.
# PARTS: some of "instructions tpm wall boot" anew, the others as they were.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tests=$here/../../tests/EndToEnd
guest=$here/../../build/guest
deb=$1
page=$2
count=${COUNT:-6000}
rounds=${ROUNDS:-3}
parts=" ${PARTS:-instructions tpm wall boot} "
"$tests/make-guest.sh" "$guest"
work=$guest/beside
machine=$guest/machine.beside
[ -n "${PARTS:-}" ] || rm -rf --one-file-system "$work"
rm -rf --one-file-system "$machine"
mkdir -p "$work/payload"
cp "$deb" "$work/payload/imahost_1.deb"
gcc -O2 -static -o "$work/payload/many" "$here/many.c"
# shellcheck disable=SC2016 # registers, not variables
echo 'void _start(void) { __asm__("mov $60, %eax; xor %edi, %edi; syscall"); }' |
	gcc -O2 -static -nostdlib -x c -o "$work/payload/nothing" -

# executions NAME WHO OPTION…: one boot; WHO measures: off, kernel or host.
executions() {
	local name=$1 who=$2 host=off
	shift 2
	[ "$who" != kernel ] || set -- "$@" -k ima_policy=tcb
	[ "$who" != host ] || host=$tpm
	echo "$name"
	"$tests/guest.sh" -q -b -t "${IMAHOST_BOOT_SECONDS:-290}" "$@" -f "$work/payload" -r "$work/$name" \
		"$here/executions.sh" "$host" "$number" "$cold"
}

programs() {
	local who cold='' number=$count tpm=none
	for who in off kernel host; do
		executions "instructions.$who" "$who" -i -n
	done
}

programs_with_tpm() {
	local who cold='' number=$count tpm=device:/dev/tpmrm0
	for who in kernel host; do
		executions "tpm.$who" "$who" -i
	done
}

programs_from_disk() {
	local who round cold=cold number=$((count / 6)) tpm=device:/dev/tpmrm0
	for round in $(seq "$rounds"); do
		for who in off kernel host; do
			executions "wall.$who.$round" "$who"
		done
	done
}

# The boot of one machine: without, with the kernel, and with the host measuring.
boots() {
	local who round words
	"$tests/guest.sh" -q -m "$machine" -t "${IMAHOST_BOOT_SECONDS:-290}" -f "$work/payload" \
		-r "$work/install" "$here/boot.sh" install
	for round in $(seq "$rounds"); do
		for who in off kernel host; do
			words=''
			[ "$who" = host ] || words=systemd.mask=imahost.service
			[ "$who" != kernel ] || words+=' ima_policy=tcb'
			echo "boot.$who.$round"
			"$tests/guest.sh" -q -i -m "$machine" -k "$words" -t "${IMAHOST_BOOT_SECONDS:-290}" -f "$work/payload" \
				-r "$work/boot.$who.$round" "$here/boot.sh" time
		done
	done
}

[ "${parts/ instructions /}" = "$parts" ] || programs
[ "${parts/ tpm /}" = "$parts" ] || programs_with_tpm
[ "${parts/ wall /}" = "$parts" ] || programs_from_disk
[ "${parts/ boot /}" = "$parts" ] || boots
python3 "$here/report.py" "$work" "$count" >"$page"
rm -rf --one-file-system "$machine"
cat "$page"
