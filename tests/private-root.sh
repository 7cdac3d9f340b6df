#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# private-root.sh TAR: makes a minimal Debian of the release of this machine,
# once, for the tests that install packages. Needs root and the mirror that apt
# uses here (or IMAHOST_MIRROR). Says why not, and fails, when it cannot.
set -eu
tar=$1
[ ! -s "$tar" ] || exit 0
command -v debootstrap >/dev/null || {
	echo "debootstrap is not installed" >&2
	exit 1
}

# shellcheck disable=SC1091 # of the machine
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
# shellcheck disable=SC2016 # apt expands it
uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
mirror=${IMAHOST_MIRROR:-${uri:-http://deb.debian.org/debian}}
proxy=$(apt-config shell proxy Acquire::http::Proxy)
eval "$proxy"
if [ -n "${proxy:-}" ] && [ "$proxy" != DIRECT ]; then
	export http_proxy="$proxy"
fi

mkdir -p "$(dirname "$tar")"
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
log=$(mktemp)
if ! timeout -k 5 "${IMAHOST_MIRROR_SECONDS:-280}" debootstrap --variant=minbase --include=libssl3,rpm \
	"$suite" "$work/root" "$mirror" >"$log" 2>&1; then
	tail -n 3 "$log" "$work/root/debootstrap/debootstrap.log" >&2 || true
	rm -f "$log"
	echo "debootstrap of $suite from $mirror failed" >&2
	exit 1
fi
rm -f "$log" "$work"/root/var/cache/apt/archives/*.deb
tar -C "$work/root" --numeric-owner --exclude='./dev/*' -cf "$tar.new" .
mv "$tar.new" "$tar"
