#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-tests.sh DIR: runs every test that was built, keeps what each printed in
# DIR, and ends by saying how many passed: `N passed, N failed` on a line.
set -u
cd "$(dirname "$0")/.." || exit 2
results=$1
mkdir -p "$results"
passed=0
failed=0

# count NAME PASSED FAILED STATUS: a suite that ends badly without a failed
# test of its own counts as one failure.
count() {
	[ "$4" -eq 0 ] || [ "$3" -gt 0 ] || set -- "$1" "$2" 1 "$4"
	printf '%-28s %4d passed, %d failed\n' "$1" "$2" "$3"
	passed=$((passed + $2))
	failed=$((failed + $3))
	[ "$3" -eq 0 ] || cat "$results/$1.log"
}

native() {
	name=$(basename "$1" .sh)
	timeout 300 "$@" >"$results/$name.log" 2>&1
	status=$?
	line=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$results/$name.log" | tail -n 1)
	# shellcheck disable=SC2086 # two numbers
	set -- ${line:-0 1}
	count "$name" "$1" "$2" "$status"
}

managed() {
	name=$1
	shift
	"$@" -noColor -noLogo >"$results/$name.log" 2>&1
	status=$?
	line=$(sed -n 's/.*Total: \([0-9]*\), Errors: \([0-9]*\), Failed: \([0-9]*\), Skipped: \([0-9]*\),.*/\1 \2 \3 \4/p' "$results/$name.log" | tail -n 1)
	# shellcheck disable=SC2086 # four numbers
	set -- ${line:-0 0 0 0}
	count "$name" $(($1 - $2 - $3 - $4)) $(($2 + $3)) "$status"
	grep -a -A1 '\[SKIP\]' "$results/$name.log"
}

for test in build/tests/*_test build/tests/*_test-asan; do
	native "$test"
done
# libFuzzer rounds up: three seconds each. The same seed: a check repeats.
FUZZ_SEED=1 native tests/fuzz.sh 2
managed ImaHost.Tests timeout 300 tests/ImaHost.Tests/bin/Release/net10.0/ImaHost.Tests
# Its time is not the tests'; without it some are skipped and say why.
tests/run-private.sh 300 tests/private-root.sh build/private-root.tar
managed Interop.Tests tests/run-private.sh 1800 tests/Interop.Tests/bin/Release/net10.0/Interop.Tests
tests/run-private.sh 120 tests/demo/demo.sh >"$results/demo.log" 2>&1
status=$?
count demo $((status == 0)) $((status != 0)) "$status"
if [ -s build/private-root.tar ]; then
	tests/run-private.sh 120 tests/demo/session.sh build/private-root.tar >"$results/session.log" 2>&1
	status=$?
	count session $((status == 0)) $((status != 0)) "$status"
else
	echo "session [SKIP]: no private root"
fi

rmdir "${TMPDIR:-/tmp}/imahost-bench" 2>/dev/null
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
