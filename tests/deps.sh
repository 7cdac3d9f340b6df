#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh [build|demo|check]: installs what that needs from the distribution
# (default: check, which includes the others). Does nothing when all is there;
# says what is missing when it may not install.
set -eu
build="gcc libc6-dev zlib1g-dev libssl3"
demo="$build swtpm tpm2-tools libtss2-tcti-swtpm0 ima-evm-utils attr util-linux"
check="$demo clang xfsprogs e2fsprogs python3 procps openssl shellcheck binutils"

case ${1:-check} in
build) wanted=$build ;;
demo) wanted=$demo ;;
check) wanted=$check ;;
*)
	echo "deps.sh: build, demo or check, not '$1'" >&2
	exit 2
	;;
esac

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages:$missing" >&2
	echo "install them, or run this with sudo" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
	cat "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
