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
	shellcheck tests/*.sh tests/demo/*.sh benchmarks/*.sh benchmarks/*/*.sh .ci/run
fi

# It looks for the program of ExecStart=, and exits 0 whatever it has to say.
if command -v systemd-analyze >/dev/null; then
	unit=$(mktemp -d)/imahost.service
	sed 's|/usr/sbin/imahost|/bin/true|' packaging/imahost.service >"$unit"
	said=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F imahost.service || true)
	rm -r "$(dirname "$unit")"
	[ -z "$said" ] || {
		echo "packaging/imahost.service: $said" >&2
		exit 1
	}
fi

marks='TO''DO|FIX''ME|X''XX'
if git grep -nE "$marks" -- src native tests packaging; then
	echo "unfinished work stands in the tree" >&2
	exit 1
fi
