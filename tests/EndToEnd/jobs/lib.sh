# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the jobs: what they check, and how the guest's list and TPM are read.
list=/run/ima/ascii_runtime_measurements
here=/srv/e2e
# shellcheck disable=SC2034 # of the jobs
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$here"
passed=0
failed=0
started=$(date +%s)
trap 'echo "$passed passed, $failed failed"' EXIT

# check SENTENCE COMMAND…: the command must succeed; what it says is shown if not.
check() {
	local sentence=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		passed=$((passed + 1))
		printf 'passed %4d s  %s\n' $(($(date +%s) - started)) "$sentence"
	else
		printf 'FAILED (status %d)  %s\n' $? "$sentence"
		failed=$((failed + 1))
		tail -c 2000 /tmp/said | cat -v
		return 1
	fi
}
# refused COMMAND…: a shell must not be able to execute it.
refused() {
	local status=0
	bash -c '"$@"' bash "$@" || status=$?
	[ "$status" -eq 126 ]
}
# within SECONDS COMMAND…: it must succeed by then.
within() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 1
	done
}
# status PLACE: what stands there in the status, as in: status .accesses.denied.
status() { imahost status --json | jq -r "$1"; }
is() { [ "$1" = "$2" ] || { echo "it is $1, not $2" && false; }; }

# listed DIGEST NAME: the list has it.
listed() {
	grep -F " sha256:$1 $2 " "$list" || {
		echo "no entry with sha256:$1 $2"
		grep -F -- "$(basename "$2")" "$list"
		false
	}
}
# measured FILE: the list has it with the content that it has now.
measured() { listed "$(sha256sum <"$1" | cut -d' ' -f1)" "$1"; }
# program FILE: one that does nothing, unlike any other; its digest is in $digest.
# It comes as text, because under enforce an ELF file cannot even be read.
program() {
	mkdir -p "$(dirname "$1")"
	# shellcheck disable=SC2034 # of the jobs
	digest=$({ base64 -d ./nothing && echo "$1"; } | tee "$1" | sha256sum | cut -d' ' -f1)
	chmod 755 "$1"
}
# runs FILE: it can be executed, and is in the list then.
runs() {
	"$1" && measured "$1"
}

# The PCRs first, the list after: evmctl stops where they agree.
pcrs_agree() {
	local violations=() bank
	tpm2_pcrread sha1:all+sha256:all >/tmp/pcrs
	cat "${1:-/run/ima/binary_runtime_measurements}" >/tmp/list
	for bank in sha1 sha256; do
		awk -v bank="$bank:" '/sha[0-9]*:$/ { on = $1 == bank; next } on' /tmp/pcrs |
			sh ./pcrs-for-evmctl.sh >"/tmp/pcrs.$bank"
	done
	[ "$(cat /run/ima/violations)" = 0 ] || violations=(--ignore-violations)
	evmctl ima_measurement "${violations[@]}" --pcrs sha1,/tmp/pcrs.sha1 /tmp/list &&
		evmctl ima_measurement "${violations[@]}" --pcrs sha256,/tmp/pcrs.sha256 /tmp/list
}
# The same with one byte of the list changed, in the middle.
a_changed_list_is_found() {
	cat /run/ima/binary_runtime_measurements >/tmp/changed
	python3 - <<'PROGRAM'
data = bytearray(open("/tmp/changed", "rb").read())
place = data.index(b"sha256:", len(data) // 2) + 12
data[place] ^= 1
open("/tmp/changed", "wb").write(data)
PROGRAM
	! pcrs_agree /tmp/changed
}

# What a machine does all day, each by a program that nobody ran before.
set_up_daily_work() {
	useradd --create-home worker
	echo 'worker ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/worker
	mkdir -p /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
	cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
}
by_sudo() { runuser -u worker -- sudo -n "$@"; }
by_ssh() {
	ssh -o StrictHostKeyChecking=no -o BatchMode=yes root@localhost "$@"
}
by_cron() {
	echo "* * * * * root $1 && touch $here/cron-ran" >/etc/cron.d/e2e
	rm -f "$here/cron-ran"
}
cron_ran() { [ -e "$here/cron-ran" ]; }
by_a_sandboxed_unit() {
	systemd-run --quiet --wait -p DynamicUser=yes -p PrivateTmp=yes -p ProtectSystem=strict "$@"
}
nobody_was_refused() {
	is "$(status '.accesses | "\(.denied) refused, \(.deadlines) late"')" '0 refused, 0 late'
}
