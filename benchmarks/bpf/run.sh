#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD RESULT: what the BPF programs cost a warm exec and a warm executable
# mapping, in a guest whose clock counts instructions: by jobs/code.sh, each kind of
# service twice in turn. RESULT is the page that is written.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tests=$here/../../tests/EndToEnd
guest=$here/../../build/guest
build=$(cd "$1" && pwd)
page=$2
"$tests/make-guest.sh" "$guest"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build/imahost" "$build/imahost-guard" "$build/imahost-bpf" "$work/"
gcc -O2 -static "$tests/code.c" -o "$work/code"

# measure SUFFIX [OPTION]…: a row for each kernel.
measure() {
	local results=$guest/results/cost$1
	shift
	"$tests/guest.sh" -b -q -i -f "$work" -r "$results" -t 600 "$@" "$tests/jobs/code.sh" cost || true
	tr -d '\r' <"$results/output" |
		sed -n 's/^warm \([a-z]*\): \([0-9]*\) ns without BPF, \([0-9]*\) ns with it$/\1 \2 \3/p' |
		awk -v kernel="$(tr -d '\r' <"$results/output" | sed -n 's/^kernel //p')" '
			{ printf "| %s | %s | %.1f | %.1f | %.3f |\n", kernel, $1, $2 / 1000, $3 / 1000, $3 / $2 }'
}
{
	echo '# What the BPF programs cost'
	echo
	echo 'A guest whose clock counts instructions (1 ns each), so that nothing else on the machine disturbs it. 200 execs of a'
	echo 'static program and 4,000 executable mappings of a page, after ten of each, under enforce, with verdicts kept; two'
	# shellcheck disable=SC2016 # not to be expanded
	echo 'services without and two with `bpf: auto`, in turn, the lesser of each. Microseconds. Made by `make bench-bpf`.'
	echo
	echo '| Linux | warm | without | with | ratio |'
	echo '|---|---|---|---|---|'
	measure ''
	measure .newest -K newest
	echo
	echo 'Wanted: at most 1.03.'
} >"$page"
cat "$page"
