#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch-fapolicyd.sh: unpacks the distribution's fapolicyd into build/fapolicyd and
# installs the libraries that it needs; run by `tests/deps.sh bench`. The package
# itself is not installed: that would enable a service whose rules deny every exec
# on the machine. Where there is none, build/fapolicyd/lacking says why.
set -eu
cd "$(dirname "$0")/../.."
target=build/fapolicyd
[ ! -x "$target/usr/sbin/fapolicyd" ] || exit 0
rm -rf "$target"
mkdir -p "$target"

lacks() {
	echo "$*" >"$target/lacking"
	echo "without fapolicyd: $*" >&2
	exit 0
}

command -v apt-get >/dev/null || lacks "this is not a Debian"
[ "$(id -u)" -eq 0 ] || lacks "only root may install what it needs"
export DEBIAN_FRONTEND=noninteractive
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
chmod 0755 "$download"
get() {
	(cd "$download" && apt-get download -qq fapolicyd >log 2>&1)
}
get || { apt-get update -qq >/dev/null 2>&1 && get; } ||
	lacks "its package cannot be had: $(tail -n 1 "$download/log")"
package=$(echo "$download"/*.deb)
needs=$(dpkg-deb -f "$package" Depends)
apt-get satisfy -y -qq --no-install-recommends "$needs" >"$download/log" 2>&1 ||
	lacks "its libraries cannot be had: $(tail -n 1 "$download/log")"
dpkg-deb -f "$package" Version >"$target/version"
dpkg-deb -x "$package" "$target"
