# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Second boot: what the boot runs is measured; then enforcing, and a program that
# somebody tampered with.
# shellcheck source=tests/EndToEnd/jobs/lib.sh
. ./lib.sh
is_earlier() {
	local times
	mapfile -t times < <(systemctl show -P ActiveEnterTimestampMonotonic imahost.service sysinit.target | grep .)
	[ "${times[0]}" -le "${times[1]}" ]
}
another_guard() {
	systemctl is-active --quiet imahost && [ "$(systemctl show -P MainPID imahost)" != "$1" ]
}
says_enforced() { [ "$(status .level)" = 'measured and BPF-enforced' ]; }
systemctl is-system-running --wait
systemd-analyze | head -n 1

check "the system came up, without failed units" is "$(systemctl is-system-running)" running
check "the service came up with it" systemctl is-active imahost
check "before sysinit.target was reached" is_earlier
check "the list of this boot begins with the kernel's boot_aggregate" \
	cmp <(head -n 1 "$list") <(head -n 1 /sys/kernel/security/ima/ascii_runtime_measurements)
check "the boot's own programs are measured" measured /usr/sbin/sshd
check "and mapped libraries" grep -E ' /usr/lib/x86_64-linux-gnu/libcrypto.so.3 ' "$list"
check "the PCRs vouch for the list" pcrs_agree
check "nobody was refused, and none waited for too long" nobody_was_refused

program "$here/from-cron"
check "the site's own program is labelled" imahost label "$here/from-cron"
check "what is installed is vouched for" imahost packages import
mkdir -p /etc/imahost/imahost.yaml.d
printf '%s\n' 'appraise: enforce' 'bpf: auto' >/etc/imahost/imahost.yaml.d/50-enforce.yaml
check "the service is restarted to enforce" systemctl restart imahost
check "it enforces" is "$(status .appraise)" enforce
check "by BPF programs, too" is "$(status .level)" 'measured and BPF-enforced'
by_cron "$here/from-cron"
check "a packaged program runs" tool
program "$here/tampered"
program "$here/unknown"
check "a program that nobody vouches for is refused" refused "$here/unknown"
check "it stands in the list, too" listed "$digest" "$here/unknown"
imahost label "$here/unknown"
check "once it is labelled it runs" "$here/unknown"

cp /usr/bin/tool /root/tool
echo tampered >>/usr/bin/tool
check "a tampered program is refused" refused tool
check "the list has it as it was tampered with" \
	listed "$({ cat /root/tool && echo tampered; } | sha256sum | cut -d' ' -f1)" /usr/bin/tool
check "the journal tells of it" sh -c "journalctl -b -u imahost | grep 'denied \"/usr/bin/tool\"'"
check "imahost why names the cause" sh -c "imahost why /usr/bin/tool | grep altered"
cat /root/tool >/usr/bin/tool
check "restored, it runs again" tool

check "apt by sudo upgrades a package, whose script runs the new program" \
	by_sudo apt-get install -y -q ./tool_2.deb
check "the new version runs" tool
imahost label "$here/from-sudo" "$here/from-ssh" "$here/from-unit"
check "sudo goes on" by_sudo "$here/from-sudo"
check "ssh goes on" by_ssh "$here/from-ssh"
check "a sandboxed unit goes on" by_a_sandboxed_unit "$here/from-unit"
check "cron goes on" within 75 cron_ran
rm -f /etc/cron.d/e2e
check "BPF refused nothing that fanotify allows" is "$(status '.bpf.refusals | tojson')" '[]'
check "the PCRs vouch for the list" pcrs_agree
check "imahost verify agrees" imahost verify --ignore-violations

guard=$(systemctl show -P MainPID imahost)
kill -KILL "$guard" "$(status .host_pid)"
check "killed with its host, the guard is replaced by systemd" within 60 another_guard "$guard"
check "which enforces" within 30 says_enforced
check "a trusted program runs" tool
check "what nobody vouches for is refused" refused "$here/tampered"
check "the PCRs vouch for the list that goes on" pcrs_agree
check "the system is still up, without failed units" is "$(systemctl is-system-running)" running
