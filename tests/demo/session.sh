#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# session.sh TAR [RECORD]: an administrator's way from a fresh Debian to one that
# enforces: learn, review, enforce, upgrade, tamper, why. Run by `make session` and
# `make check` through tests/run-private.sh. Every step is checked; the exit status
# tells. TAR is what tests/private-root.sh makes. RECORD is where the session is
# written as Markdown; without it docs/session.md has to show the same commands.
set -euo pipefail

tree=$(cd "$(dirname "$0")/../.." && pwd)
tar=$1
record=${2:-}
[ -n "${IMAHOST_OUTER_MOUNTS:-}" ] || {
	echo "run this by: sudo make session" >&2
	exit 2
}

work=${TMPDIR:-/tmp}/imahost-session
mkdir -p "$work"
mount -t tmpfs -o mode=0755 imahost-session "$work"
root=$work/root
log=$root/var/log/imahost.log
clean_up() {
	status=$?
	for mounted in "$root/run/ima" "$root/proc" "$root" "$work"; do
		umount -l "$mounted" 2>/dev/null || true
	done
	rmdir "$work" 2>/dev/null || true
	exit "$status"
}
trap clean_up EXIT

# tell TEXT: a sentence between the steps. No command writes the sign before it.
tell() {
	printf '\n# %s\n\n' "$*"
	printf '\001%s\n' "$*" >>"$work/session"
}
# inside COMMAND: in the private root, as its administrator would run it.
inside() {
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root \
		DEBIAN_FRONTEND=noninteractive chroot "$root" /bin/sh -c "cd; $1" 2>&1
}
# try COMMAND: shows it and what it says, and returns its status.
try() {
	local status=0
	printf '$ %s\n' "$1" | tee -a "$work/session"
	inside "$1" </dev/null >"$work/said" || status=$?
	tee -a "$work/session" <"$work/said"
	return "$status"
}
fail() {
	echo "session: $*" >&2
	cat "$log" >&2 || true
	exit 1
}
run() { try "$1" || fail "status $? of: $1"; }
# refused STATUS COMMAND: it must end with that status.
refused() {
	local status=0
	try "$2" || status=$?
	[ "$status" -eq "$1" ] || fail "status $status, not $1, of: $2"
}
# says TEXT...: what the last command has to have said.
says() {
	local text
	for text in "$@"; do
		grep -qF -- "$text" "$work/said" || fail "it does not say: $text"
	done
}
silent_about() { ! grep -qF -- "$1" "$work/said" || fail "it says: $1"; }

# start MODE: the daemon, in the background of its administrator's shell.
start() {
	printf '$ imahost daemon --appraise %s 2>>/var/log/imahost.log &\n' "$1" |
		tee -a "$work/session"
	: >"$work/ready"
	env -i PATH=/usr/sbin:/usr/bin chroot "$root" /usr/sbin/imahost daemon \
		--appraise "$1" >"$work/ready" 2>>"$log" &
	daemon=$!
	for _ in $(seq 200); do
		if grep -q 'imahost: ready' "$work/ready"; then
			tee -a "$work/session" <"$work/ready"
			return
		fi
		sleep 0.05
	done
	fail "the daemon is not ready"
}
stop() {
	run "imahost stop --open"
	wait "$daemon" || fail "the daemon ended badly"
}

make_root() {
	truncate -s 1G "$work/image"
	mkfs.ext4 -q -F "$work/image"
	mkdir "$root"
	mount -o loop "$work/image" "$root"
	tar -C "$root" --numeric-owner -xf "$tar"
	mount -t proc proc "$root/proc"
	mknod -m 666 "$root/dev/null" c 1 3
	mknod -m 666 "$root/dev/zero" c 1 5
	mknod -m 666 "$root/dev/urandom" c 1 9
	mknod -m 600 "$root/dev/fuse" c 10 229
	mkdir -p "$root/run/ima"
	install -D "$tree/build/imahost" "$root/usr/sbin/imahost"
	install -D "$tree/build/imahost-guard" "$root/usr/libexec/imahost/imahost-guard"
	install -D -m 644 "$tree/packaging/dpkg/imahost" "$root/etc/dpkg/dpkg.cfg.d/imahost"
	mkdir -p "$root/etc/imahost" "$root/srv/repository"
	printf '%s\n' 'watch: [/]' 'policy: [packages]' 'tpm: swtpm:path=/run/swtpm' \
		>"$root/etc/imahost/imahost.yaml"
	echo 'deb [trusted=yes] file:/srv/repository ./' >"$root/etc/apt/sources.list"
	rm -f "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*_*
	printf '%s\n' 'APT::Sandbox::User "root";' 'Dpkg::Use-Pty "0";' \
		'#clear DPkg::Pre-Install-Pkgs;' >"$root/etc/apt/apt.conf.d/90session"
	mkdir "$work/swtpm"
	swtpm socket --tpm2 --daemon --tpmstate "dir=$work/swtpm" \
		--server "type=unixio,path=$root/run/swtpm" \
		--ctrl "type=unixio,path=$work/swtpm.ctrl" --flags not-need-init,startup-clear
}

# compile TEXT FILE: a program that says it.
compile() {
	mkdir -p "$(dirname "$2")"
	printf '#include <stdio.h>\nint main(void) { return puts("%s") < 0; }\n' "$1" |
		gcc -O2 -x c -o "$2" -
}

# publish VERSION: the package "tool", in the repository of the private root. Its
# maintainer script runs the new program at once.
# shellcheck disable=SC2016 # the maintainer script expands it
publish() {
	local package=$work/tool-$1 archive=tool_$1_amd64.deb
	mkdir -p "$package/DEBIAN"
	compile "tool $1" "$package/usr/bin/tool"
	printf '%s\n' 'Package: tool' "Version: $1" 'Architecture: amd64' \
		'Maintainer: nobody <nobody@example.org>' 'Description: says its version' \
		>"$package/DEBIAN/control"
	printf '#!/bin/sh\nset -e\necho "postinst: $(tool)"\n' >"$package/DEBIAN/postinst"
	chmod 755 "$package/DEBIAN/postinst"
	dpkg-deb --root-owner-group -b "$package" "$root/srv/repository/$archive" >/dev/null
	{
		cat "$package/DEBIAN/control"
		echo "Filename: ./$archive"
		echo "Size: $(stat -c %s "$root/srv/repository/$archive")"
		echo "SHA256: $(sha256sum "$root/srv/repository/$archive" | cut -d' ' -f1)"
	} >"$root/srv/repository/Packages"
	inside "apt-get update -qq"
}

# record_as FILE: the session as Markdown.
# shellcheck disable=SC2016 # Markdown, not shell
record_as() {
	{
		printf '%s\n' '# A session: learn, review, enforce, upgrade, tamper, why' '' \
			'`sudo make session` runs this again, in a Debian of its own on a filesystem of its own, and checks each' \
			'step; `make check` does so too. The commands are those of root in there.'
		awk '/^\001/ { if (open) print "```"; open = 0; print ""; print substr($0, 2); next }
			!open { print ""; print "```"; open = 1 }
			{ print }
			END { if (open) print "```" }' "$work/session" |
			sed 's/[[:blank:]]*$//'
	} >"$1"
}

commands() { grep '^\$ ' "$1"; }

make_root
publish 1.0
compile "3 disks are fine" "$root/usr/local/bin/report"
compile "mining" "$root/tmp/miner"
inside "apt-get install -qq tool" >/dev/null

tell "A fresh Debian with a package named tool, a program of the site's own, and imahost, which is to watch all of it."
run "cat /etc/imahost/imahost.yaml"
run "tool && report"

tell "What is installed is recorded once: the packages vouch for it. imahost came by hand and gets a label."
run "imahost packages import"
says "imported"
run "imahost label /usr/sbin/imahost /usr/libexec/imahost/imahost-guard"

tell "Log mode: nothing is denied yet. The machine does what it always does; an intruder does, too."
start log
run "tool && report && /tmp/miner"
run "imahost status --would-deny"
says "  report: not-vouched-for" "  miner: not-vouched-for"
silent_about tool

tell "Learn: the list of what ran becomes a draft, which vouches for nothing yet."
run "imahost learn --would-deny --out site.sha256"
says /usr/local/bin /tmp
run "cat site.sha256"

tell "Review: nobody knows the program in /tmp, so its line goes; then the draft is shown once more and accepted."
run "sed -i '/\/tmp\//d' site.sha256"
run "imahost learn --review site.sha256"
silent_about /tmp
run "imahost learn --accept site.sha256 --yes"
says "loaded     by the running host"
run "report && imahost status --would-deny"
silent_about "  report"

tell "Enforce: what somebody vouches for runs, and nothing else does."
stop
start enforce
run "tool && report"
refused 126 /tmp/miner

tell "Upgrade under enforce: the hook records the archive before dpkg unpacks it, so that the new version runs at once."
publish 2.0
run "apt-get upgrade -qq"
says "postinst: tool 2.0"
run "tool"
says "tool 2.0"
run "grep -o 'denied \"[^\"]*\"' /var/log/imahost.log"
silent_about tool

tell "Tamper: somebody changes the file behind the package manager's back."
digest=$({ cat "$root/usr/bin/tool" && echo x; } | sha256sum | cut -d' ' -f1)
run "echo x >>/usr/bin/tool"
refused 126 tool

tell "Why: one command names the package, the digest, what has changed and the command that repairs it."
refused 1 "imahost why /usr/bin/tool"
says "tool 2.0 (dpkg), altered since it was installed" "sha256:$digest" "  changed    its content"
repair=$(sed -n 's/^  to allow *\(.*[^ ]\) *#.*/\1/p' "$work/said" | head -n 1)
[ -n "$repair" ] || fail "no command that allows it"

tell "That command, and it runs again."
run "$repair"
run "tool"
says "tool 2.0"

tell "The list has all of it, and the TPM vouches for the list."
run "imahost verify | tail -n 1"
says "verified"
stop

if [ -n "$record" ]; then
	record_as "$record"
elif ! diff <(commands "$tree/docs/session.md") <(commands "$work/session"); then
	fail "docs/session.md shows another session: sudo make session RECORD=docs/session.md"
fi
