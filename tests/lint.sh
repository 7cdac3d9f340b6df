#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.sh BUILD: what no compiler checks.
set -eu
cd "$(dirname "$0")/.."
guard=$1/imahost-guard

# No global state of ours in the guard: it would survive nothing and hide much.
for source in native/*.c; do
	# No part of the guard: of maps, and of a program that ends.
	case $source in *.bpf.c | */bpf_load.c) continue ;; esac
	object=$(mktemp)
	cc -c -O2 -Inative "$source" -o "$object"
	writable=$(nm -f sysv "$object" | awk -F'|' '$7 ~ /^\.(data|bss)$/ { print $1 }')
	rm -f "$object"
	[ -z "$writable" ] || {
		echo "$source: writable globals: $writable" >&2
		exit 1
	}
done

if [ -x "$guard" ] && ! readelf -h "$guard" | grep -q 'DYN'; then
	echo "$guard is not position independent" >&2
	exit 1
fi

if command -v shellcheck >/dev/null; then
	shellcheck packaging/*.sh packaging/*/*.sh packaging/debian/*.p* tests/*.sh tests/demo/*.sh tests/EndToEnd/*.sh tests/EndToEnd/jobs/*.sh tests/EndToEnd/guest/job benchmarks/*.sh benchmarks/*/*.sh .ci/run
fi

# It looks for the program of ExecStart=, and exits 0 whatever it has to say.
if command -v systemd-analyze >/dev/null; then
	unit=$(mktemp -d)/imahost.service
	sed 's,/usr/\(sbin/imahost\|libexec/imahost/service\),/bin/true,' packaging/imahost.service >"$unit"
	said=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F imahost.service || true)
	rm -r "$(dirname "$unit")"
	[ -z "$said" ] || {
		echo "packaging/imahost.service: $said" >&2
		exit 1
	}
fi

# What of systemd's sandbox leaves the mount namespace alone is used: 4.6 of 10.
if command -v systemd-analyze >/dev/null && systemd-analyze security --help | grep -q -- --offline; then
	systemd-analyze security --offline=true --threshold=47 packaging/imahost.service >/dev/null || {
		echo "packaging/imahost.service: less is taken away than was (systemd-analyze security)" >&2
		exit 1
	}
fi

marks='TO''DO|FIX''ME|X''XX'
if git grep -nE "$marks" -- src native tests packaging; then
	echo "unfinished work stands in the tree" >&2
	exit 1
fi
