# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# First boot: the package is installed, and measures.
# shellcheck source=tests/EndToEnd/jobs/lib.sh
. ./lib.sh
systemctl is-system-running --wait
systemd-analyze | head -n 1

set_up_daily_work
check "apt installs the package" apt-get install -y -q ./imahost_1.deb
check "the service is active" systemctl is-active imahost
program "$here/from-cron"
by_cron "$here/from-cron"
check "it measures, and does not enforce" is "$(status .appraise)" off
check "no fault is told of" is "$(status '.faults | length')" 0
check "the list begins with the kernel's boot_aggregate" \
	cmp <(head -n 1 "$list") <(head -n 1 /sys/kernel/security/ima/ascii_runtime_measurements)
check "others than root and the group ima cannot read the list" \
	sh -c "! runuser -u nobody -- cat $list"

program "$here/tool"
check "a program is measured" runs "$here/tool"
echo 'int answer(void) { return 0; }' | gcc -shared -fPIC -x c -o "$here/libanswer.so" -
echo 'int answer(void); int main(void) { return answer(); }' |
	gcc -o "$here/linked" -x c - -x none "$here/libanswer.so" -Wl,-rpath,"$here"
check "a program with a library is measured" runs "$here/linked"
check "so is the library" measured "$here/libanswer.so"
printf '#!/bin/sh\n# of the tests\nexit 0\n' >"$here/script"
chmod 755 "$here/script"
check "a script is measured" runs "$here/script"

program "$here/contained"
mkdir -p "$here/container/bin" "$here/container/mnt"
cp /bin/busybox "$here/container/bin/busybox"
echo of the tests >>"$here/container/bin/busybox"
unshare --mount --pid --fork --propagation private sh -c "
	mount -t tmpfs tmpfs $here/container/mnt
	cp $here/contained $here/container/mnt/
	sleep 4
	chroot $here/container /mnt/contained
	chroot $here/container /bin/busybox true"
check "a program of a filesystem in another mount namespace is measured" \
	grep -F "$(sha256sum <"$here/contained" | cut -d' ' -f1)" "$list"
check "a program in a container's root is measured" \
	grep -F "$(sha256sum <"$here/container/bin/busybox" | cut -d' ' -f1)" "$list"

mkdir -p "$here"/{lower,upper,over,merged}
program "$here/lower/layered"
program "$here/copied"
mount -t overlay -o "lowerdir=$here/lower,upperdir=$here/upper,workdir=$here/over" overlay "$here/merged"
sleep 3
cp "$here/copied" "$here/merged/written"
check "a program of an overlay's lower layer is measured" runs "$here/merged/layered"
check "a program written to an overlay is measured" runs "$here/merged/written"
umount "$here/merged" || kill -USR1 "$(systemctl show -P MainPID imahost)"

check "apt by sudo installs a package" by_sudo apt-get install -y -q ./tool_1.deb
check "the package's program is measured" runs /usr/bin/tool
check "so is its maintainer script" grep -F /var/lib/dpkg/info/tool.postinst "$list"
program "$here/from-sudo"
check "sudo goes on" by_sudo "$here/from-sudo"
check "what it ran is measured" measured "$here/from-sudo"
program "$here/from-ssh"
check "ssh goes on" by_ssh "$here/from-ssh"
check "what it ran is measured" measured "$here/from-ssh"
program "$here/from-unit"
check "a sandboxed unit goes on" by_a_sandboxed_unit "$here/from-unit"
check "what it ran is measured" measured "$here/from-unit"
check "cron goes on" within 75 cron_ran
check "what it ran is measured" measured "$here/from-cron"
rm -f /etc/cron.d/e2e

check "evmctl finds that the PCRs of /dev/tpmrm0 vouch for the list" pcrs_agree
check "evmctl finds a byte that was changed" a_changed_list_is_found
check "imahost verify agrees" imahost verify --ignore-violations
check "nobody was refused, and none waited for too long" nobody_was_refused
check "the system is still up, without failed units" is "$(systemctl is-system-running)" running
