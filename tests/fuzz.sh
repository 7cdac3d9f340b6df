#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh [SECONDS [FILE]]: lets libFuzzer feed each target of tests/Fuzz for so
# long (default: 60 s), or feeds each with that file once. An input that fails is
# kept in build/fuzz/found, what led to new code in build/fuzz/corpus. Ends with
# `N passed, N failed`. FUZZ_SEED repeats the random numbers of a run,
# FUZZ_TARGETS names some of the targets.
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
input=${2:-}
fuzz=build/fuzz
built=tests/Fuzz/bin/Release/net10.0
passed=0
failed=0

# The readers are instrumented in a copy, the build stays as it is.
rm -rf $fuzz/program $fuzz/seeds
mkdir -p $fuzz/found
cp -r $built $fuzz/program || exit 2
for assembly in imahost YamlDotNet; do
	$built/Fuzz instrument $fuzz/program/$assembly.dll || exit 2
done
$built/Fuzz seeds tests/testdata/vectors $fuzz/seeds || exit 2

# run TARGET ARGUMENT...: an input may take 5 s. The limit around it all is for a
# driver that hangs itself.
run() {
	target=$1
	shift
	FUZZ_PROGRAM=$fuzz/program/Fuzz FUZZ_TARGET=$target \
		timeout -s KILL $((seconds + 120)) $fuzz/driver -timeout=5 \
		-artifact_prefix="$fuzz/found/$target-" "$@" >"$log" 2>&1
}

for target in ${FUZZ_TARGETS:-binary ascii xattr kernel yaml sums list keylime quote}; do
	log=$fuzz/$target.log
	mkdir -p "$fuzz/corpus/$target"
	if [ -n "$input" ]; then
		run "$target" "$input"
	else
		run "$target" -max_total_time="$seconds" -max_len=16384 \
			-seed="${FUZZ_SEED:-0}" -dict=$fuzz/seeds/words -print_final_stats=1 \
			"$fuzz/corpus/$target" "$fuzz/seeds/$target"
	fi
	status=$?
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		sed -n "s/^Done \([0-9]*\) runs in \([0-9]*\) .*/$target: \1 inputs in \2 s/p" "$log"
	else
		failed=$((failed + 1))
		echo "$target failed (status $status, log $log):"
		# What the program says, the seed, and where the input is; not the driver's stack.
		grep -av -e '^ *#[0-9]' -e '^Dictionary:' -e '^NOTE:' -e '^  *Combine' "$log" | tail -n 40
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
