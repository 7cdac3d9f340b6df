# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by what boots guests: adds up what their jobs have counted.
passed=0
failed=0

# count OUTPUT [STATUS]: shows what a boot has printed and adds its counts. One
# that ended badly without a failed check of its own counts as one failure.
count() {
	local status=${2:-0} counts
	: >>"$1"
	tr -d '\r' <"$1" | grep -v '^[0-9]* passed, ' || true
	counts=$(tr -d '\r' <"$1" |
		sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' | tail -n 1)
	# shellcheck disable=SC2086 # two numbers
	set -- ${counts:-0 1}
	if [ "$status" -ne 0 ]; then
		echo "FAILED: the boot ended with status $status (124: time ran out)"
		[ "$2" -gt 0 ] || set -- "$1" 1
	fi
	passed=$((passed + $1))
	failed=$((failed + $2))
}
