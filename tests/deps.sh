#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh [build|package|demo|check|e2e|bench]: installs what that needs from the distribution
# (default: check, which includes those before it, as e2e and bench do). Does nothing
# when all is there; says what is missing when it may not install.
set -eu
# a/b: the same package under the names of different releases.
build="gcc libc6-dev libssl3/libssl3t64 clang llvm libbpf-dev libelf-dev zlib1g-dev"
package="$build binutils debhelper rpm scdoc"
demo="$build swtpm tpm2-tools ima-evm-utils attr util-linux mount procps"
demo="$demo libtss2-tcti-swtpm0/libtss2-tcti-swtpm0t64"
check="$demo softhsm2 pkcs11-provider/libengine-pkcs11-openssl clang libclang-rt-dev xfsprogs e2fsprogs python3 openssl shellcheck binutils"
check="$check $package debootstrap lintian man-db bsdextrautils"
check="$check curl python3-prometheus-client python3-jsonschema systemd"
e2e="$check qemu-system-x86 qemu-utils mmdebstrap cpio kmod"
bench="$check cpp libssl-dev findutils"

case ${1:-check} in
build) wanted=$build ;;
package) wanted=$package ;;
demo) wanted=$demo ;;
check) wanted=$check ;;
e2e) wanted=$e2e ;;
bench)
	wanted=$bench
	"$(dirname "$0")/../benchmarks/access/fetch-fapolicyd.sh"
	;;
*)
	echo "deps.sh: build, package, demo, check, e2e or bench, not '$1'" >&2
	exit 2
	;;
esac

is_installed() {
	[ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]
}

missing=
for names in $wanted; do
	is_installed "${names%/*}" || is_installed "${names#*/}" ||
		missing="$missing $names"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || {
	echo "not a Debian: install the counterparts of$missing" >&2
	exit 1
}

if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages:$missing" >&2
	echo "install them, or run this with sudo" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt-get update -qq >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi

chosen=
for names in $missing; do
	if apt-cache show "${names%/*}" >/dev/null 2>&1; then
		chosen="$chosen ${names%/*}"
	else
		chosen="$chosen ${names#*/}"
	fi
done
# shellcheck disable=SC2086 # a list of words
if ! apt-get install -y -qq --no-install-recommends $chosen >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
