#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh DEB: installs the package on a whole machine: three boots of a guest
# with systemd and a TPM, and one of another beside the kernel's own IMA; then
# those of code.sh, for what BPF sees. Shows what each has checked, and ends with
# `N passed, N failed`. What they left lies in build/guest/results.
# A machine that cannot do this says so, by a line `e2e [SKIP]: why`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
guest=$here/../../build/guest
deb=$1

skip() {
	echo "e2e [SKIP]: $*"
	echo "0 passed, 0 failed"
	exit 0
}
[ "$(uname -m)" = x86_64 ] || skip "the guest is an x86-64 machine, this is $(uname -m)"
for tool in qemu-system-x86_64 qemu-img swtpm mmdebstrap; do
	command -v "$tool" >/dev/null || skip "$tool is not installed (tests/deps.sh e2e)"
done
said=$("$here/make-guest.sh" "$guest" 2>&1) || skip "the guest cannot be made: $said"
[ -z "$said" ] || echo "$said"
guest=$(cd "$guest" && pwd)
results=$guest/results
machine=$guest/machine.e2e
rm -rf --one-file-system "$results" "$machine"
payload=$results/payload
mkdir -p "$payload"

# next_version DEB FILE: the same with a higher version. Its programs differ by a
# byte at their end, so that nobody can take the old ones for the new ones.
next_version() {
	local tree=$results/next program version
	dpkg-deb -R "$1" "$tree"
	for program in usr/sbin/imahost usr/libexec/imahost/imahost-guard; do
		printf x >>"$tree/$program"
	done
	version=$(dpkg-deb -f "$1" Version)
	sed -i "s/^Version: .*/Version: $version+next/" "$tree/DEBIAN/control"
	(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' |
		sort -z | xargs -0 md5sum >DEBIAN/md5sums)
	dpkg-deb --root-owner-group -Zgzip -z1 -b "$tree" "$2" >/dev/null
	rm -rf "$tree"
}

# tool VERSION: a package with a program that its maintainer script runs.
tool() {
	local tree=$results/tool
	mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
	echo "#include <stdio.h>
int main(void) { return puts(\"tool $1\") < 0; }" | gcc -O2 -x c -o "$tree/usr/bin/tool" -
	printf '%s\n' 'Package: tool' "Version: $1" 'Architecture: amd64' \
		'Maintainer: nobody <nobody@example.org>' 'Description: says its version' \
		>"$tree/DEBIAN/control"
	printf '#!/bin/sh\nset -e\ntool\n' >"$tree/DEBIAN/postinst"
	chmod 755 "$tree/DEBIAN/postinst"
	dpkg-deb --root-owner-group -Zgzip -z1 -b "$tree" "$payload/tool_$1.deb" >/dev/null
	rm -rf "$tree"
}

cp "$deb" "$payload/imahost_1.deb"
next_version "$deb" "$payload/imahost_2.deb"
tool 1
tool 2
# shellcheck disable=SC2016 # registers, not variables
echo 'void _start(void) { __asm__("mov $60, %eax; xor %edi, %edi; syscall"); }' |
	gcc -O2 -static -nostdlib -x c -o "$results/nothing" -
base64 "$results/nothing" >"$payload/nothing"
cp "$here"/jobs/{lib.sh,kinds.py} "$here/../demo/pcrs-for-evmctl.sh" "$payload/"

# shellcheck source=tests/EndToEnd/counts.sh
. "$here/counts.sh"
# boot JOB OPTION…: a boot; what it prints is kept.
boot() {
	local job=$1 status=0
	shift
	mkdir -p "$results/$job"
	setpriv --pdeathsig TERM "$here/guest.sh" "$@" -q -f "$payload" -r "$results/$job" \
		-t "${IMAHOST_BOOT_SECONDS:-600}" "$here/jobs/$job.sh" 2>"$results/$job/errors" || status=$?
	echo "$status" >"$results/$job/ended"
}
# show JOB: what its boot has printed, and counts it.
show() {
	echo "--- boot: $1"
	cat "$results/$1/errors"
	count "$results/$1/output" "$(cat "$results/$1/ended")"
}
# Other machines meanwhile: each keeps hardly more than one processor busy.
{
	boot side-by-side -k ima_policy=tcb
	setpriv --pdeathsig TERM "$here/code.sh" "$here/../../build" >"$results/code" 2>&1
} &
beside=$!
trap 'kill "$beside" 2>/dev/null || true' EXIT
for job in install enforce upgrade; do
	boot "$job" -m "$machine"
	show "$job"
done
wait "$beside" || true
trap - EXIT
show side-by-side
count "$results/code"
if python3 "$here/compare_lists.py" "$results/side-by-side" "$here/../../docs/kernel-differences.md"; then
	echo "passed  every difference between the two lists is explained"
	passed=$((passed + 1))
else
	echo "FAILED  every difference between the two lists is explained"
	failed=$((failed + 1))
fi
rm -rf --one-file-system "$machine" "$payload"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
