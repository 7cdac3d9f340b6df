# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Third boot, under enforce: the package is upgraded, removed and purged.
# shellcheck source=tests/EndToEnd/jobs/lib.sh
. ./lib.sh
grew() { read -r -u 9 line && [ -n "$line" ]; }
in_a_loop() {
	while [ -e "$here/go-on" ]; do
		"$here/labelled" || echo "$?" >>"$here/refusals"
	done
}
systemctl is-system-running --wait
systemd-analyze | head -n 1

check "the system came up under enforce, without failed units" is "$(systemctl is-system-running)" running
check "it enforces" is "$(status .appraise)" enforce
check "by BPF programs, too" is "$(status .level)" 'measured and BPF-enforced'
check "which refused nothing" is "$(status '.bpf.refusals | tojson')" '[]'
check "nobody was refused, and none waited for too long" nobody_was_refused
check "the PCRs vouch for the list" pcrs_agree

program "$here/labelled"
imahost label "$here/labelled"
program "$here/stranger"
guard=$(systemctl show -P MainPID imahost)
entries=$(status .list.entries)
exec 9<"$list"
cat <&9 >/dev/null
touch "$here/go-on"
in_a_loop &
loop=$!
check "the package is upgraded" apt-get install -y -q ./imahost_2.deb
check "what runs is the new version's" cmp /usr/sbin/imahost "/proc/$(status .host_pid)/exe"
check "the service is active" systemctl is-active imahost
check "the guard is still the same process" is "$(systemctl show -P MainPID imahost)" "$guard"
check "it still enforces" refused "$here/stranger"
check "the list went on" [ "$(status .list.entries)" -gt "$entries" ]
check "who had it open sees it grow" grew
rm "$here/go-on"
wait "$loop"
check "no program was refused meanwhile" [ ! -e "$here/refusals" ]
check "the PCRs vouch for the list" pcrs_agree
exec 9<&-

check "the package is removed" apt-get remove -y -q imahost
check "nothing of it runs any more" [ ! -d "/proc/$guard" ]
check "the list is not mounted any more" sh -c '! mountpoint -q /run/ima'
check "nothing is refused any more" "$here/stranger"
check "no BPF program is left" [ ! -e /sys/fs/bpf/imahost ]
check "its unit cannot be started any more" sh -c '! systemctl start imahost.service'
check "its lists are kept" sh -c 'ls /var/lib/imahost/*'
check "sudo goes on" by_sudo true
check "ssh goes on" by_ssh true
check "the package is purged" apt-get purge -y -q imahost
check "its lists are gone" [ ! -e /var/lib/imahost ]
check "the system is still up, without failed units" is "$(systemctl is-system-running)" running
