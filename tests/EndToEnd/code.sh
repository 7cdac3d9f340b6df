#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# code.sh BUILD: has a whole machine refuse whatever would become code without a
# verdict (jobs/code.sh), in three boots of the guest with the programs of BUILD.
# Ends with `N passed, N failed`; a machine that cannot do this says so, by a
# line `code [SKIP]: why`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
guest=$here/../../build/guest

skip() {
	echo "code [SKIP]: $*"
	echo "0 passed, 0 failed"
	exit 0
}
[ -x "$build/imahost-bpf" ] || skip "imahost-bpf was not built (tests/deps.sh build)"
[ -x "$here/guest.sh" ] || skip "there is no guest to boot"
said=$("$here/make-guest.sh" "$guest" 2>&1) || skip "the guest cannot be made: $said"

payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT
cp "$build/imahost" "$build/imahost-guard" "$build/imahost-bpf" "$payload/"
gcc -O2 -static "$here/code.c" -o "$payload/code"
passed=0
failed=0
# boot MODE [OPTION]…
boot() {
	local mode=$1 status=0 counts
	shift
	echo "--- code: $mode"
	"$here/guest.sh" -b -f "$payload" -r "$guest/results/code-$mode" -t 240 "$@" \
		"$here/jobs/code.sh" "$mode" || status=$?
	counts=$(tr -d '\r' <"$guest/results/code-$mode/output" |
		sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' | tail -n 1)
	# shellcheck disable=SC2086 # two numbers
	set -- ${counts:-0 1}
	[ "$status" -eq 0 ] || [ "$2" -gt 0 ] || set -- "$1" 1
	passed=$((passed + $1))
	failed=$((failed + $2))
}
boot enforce
boot report
boot off -k imahost.bpf=off
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
