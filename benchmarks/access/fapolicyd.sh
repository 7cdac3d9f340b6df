#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fapolicyd.sh: to be sourced by run.sh, in its mount namespace: starts and stops
# the distribution's fapolicyd, as tests/deps.sh unpacked it.
#
# It marks every mount whose type its watch_fs names. The image of the benchmark
# is therefore of a type that nothing else here has, and each mark is one of a
# mount of this namespace, not of a filesystem.
# shellcheck disable=SC2154 # root, work, mnt and client are the caller's

# fapolicyd_lacks: says why there is no fapolicyd to measure, if so.
fapolicyd_lacks() {
	if [ ! -x "$root/build/fapolicyd/usr/sbin/fapolicyd" ]; then
		cat "$root/build/fapolicyd/lacking" 2>/dev/null ||
			echo "its package is not unpacked: tests/deps.sh bench"
	elif awk '$3 == "xfs"' /proc/self/mounts | grep -q .; then
		echo "another xfs is mounted here, and its rules would hold there too"
	elif ldd "$root/build/fapolicyd/usr/sbin/fapolicyd" | grep 'not found'; then
		:
	fi
}

# trusted: a line for each program and library, but for the stranger.
trusted() {
	find "$mnt"/{bin,big,lib,programs,root,memory/{big,programs}} -type f \
		! -name stranger -print0 | xargs -0 sha256sum | while read -r sum file; do
		echo "$file $(stat -c %s "$file") $sum"
	done
}

# fapolicyd_prepare: its configuration where it looks for it. The package as it
# is, but for: watch_fs; integrity; the one source of trust that Debian builds in;
# root, since a change of user takes CAP_SYS_RESOURCE, which a container may
# lack; and in place of the one rule, which denies all, the set of rules that the
# package's README-rules calls known-libs.
fapolicyd_prepare() {
	local base=$work/fapolicyd rule
	cp -a "$root/build/fapolicyd/." "$base"
	local etc=$base/etc/fapolicyd
	sed -i -e 's/^watch_fs = .*/watch_fs = xfs/' -e 's/^integrity = .*/integrity = sha256/' \
		-e 's/^trust = .*/trust = file/' -e 's/^\([ug]\)id = .*/\1id = root/' \
		"$etc/fapolicyd.conf"
	rm "$etc"/rules.d/* "$etc"/trust.d/*
	for rule in 10-languages 20-dracut 21-updaters 30-patterns 40-bad-elf \
		41-shared-obj 42-trusted-elf 70-trusted-lang 72-shell \
		90-deny-execute 95-allow-open; do
		grep -hv '^#' "$base/usr/share/fapolicyd/sample-rules/$rule.rules"
	done >"$etc/compiled.rules"
	trusted >"$etc/fapolicyd.trust"

	mkdir -p "$base/var/lib/fapolicyd"
	mount -t overlay -o "lowerdir=$base/etc:/etc" fapolicyd /etc
	mount -t overlay -o "lowerdir=$base/usr/share:/usr/share" fapolicyd /usr/share
	mount -t overlay -o "lowerdir=$base/var/lib:/var/lib" fapolicyd /var/lib
	mount -t tmpfs fapolicyd /var/lib/fapolicyd
	mount -t tmpfs fapolicyd /var/log # where it leaves a report
	mount -t tmpfs fapolicyd /run
	mkdir /run/fapolicyd
}

# is_harmless: whether the configuration that will be read marks the image alone.
is_harmless() {
	local conf=/etc/fapolicyd/fapolicyd.conf
	grep -qx 'watch_fs = xfs' "$conf" && grep -qx 'allow_filesystem_mark = 0' "$conf" &&
		[ "$(awk '$3 == "xfs" { print $2 }' /proc/self/mounts)" = "$mnt" ]
}

has_marked() {
	cat /proc/"$1"/fdinfo/* 2>/dev/null | grep -q '^fanotify mnt_id'
}

# fapolicyd_start: sets daemon.
fapolicyd_start() {
	is_harmless || fail "fapolicyd would mark more than the image"
	rm -f /run/fapolicyd.pid
	"$work/fapolicyd/usr/sbin/fapolicyd" 2>>"$work/log"
	for _ in $(seq 600); do
		daemon=$(cat /run/fapolicyd.pid 2>/dev/null || true)
		if [ -n "$daemon" ] && has_marked "$daemon"; then
			return
		fi
		sleep 0.1
	done
	fail "fapolicyd set no marks"
}

# fapolicyd_answers: it lets what it trusts run, and nothing else.
fapolicyd_answers() {
	"$client" -u 65534 exec 1 "$mnt/bin/tiny" >/dev/null || fail "fapolicyd denies what it trusts"
	! "$client" -u 65534 exec 1 "$mnt/bin/stranger" >/dev/null 2>&1 ||
		fail "fapolicyd denies nothing"
}

fapolicyd_version() {
	cat "$root/build/fapolicyd/version"
}
