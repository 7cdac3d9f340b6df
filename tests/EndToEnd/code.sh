#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# code.sh BUILD: has a whole machine refuse whatever would become code without a
# verdict (jobs/code.sh), in boots of the guest with the programs of BUILD, of the
# oldest kernel that is supported and of the newest there is, there with a TPM of
# swtpm's in the guest. Ends with `N passed, N failed`; a machine that cannot do
# this says so, by a line `code [SKIP]: why`.
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
said=$("$here/make-guest.sh" "$guest" 2>&1) || skip "the guest cannot be made: $said"
guest=$(cd "$guest" && pwd)
results=$guest/results

payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT
cp "$build/imahost" "$build/imahost-guard" "$build/imahost-bpf" "$payload/"
gcc -O2 -static "$here/code.c" -o "$payload/code"
# shellcheck source=tests/EndToEnd/counts.sh
. "$here/counts.sh"
# boot NAME MODE [OPTION]…
boot() {
	local name=code.$1 mode=$2 status=0
	shift 2
	echo "--- boot: $name"
	setpriv --pdeathsig TERM "$here/guest.sh" -b -q -f "$payload" -r "$results/$name" \
		-t "${IMAHOST_BOOT_SECONDS:-600}" "$@" "$here/jobs/code.sh" "$mode" || status=$?
	count "$results/$name/output" "$status"
}
boot enforce enforce
boot enforce.newest enforce -K newest -n
boot shelter shelter
boot shelter.newest shelter -K newest
boot report report
boot off off -k imahost.bpf=off
boot cost cost -i
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
