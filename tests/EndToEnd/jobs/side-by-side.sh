# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# On a boot with ima_policy=tcb: the host measures by the same policy into PCR 11
# while the kernel goes on in PCR 10; then both see the same work. What each has
# entered is left for compare_lists.py.
# shellcheck source=tests/EndToEnd/jobs/lib.sh
. ./lib.sh
kernel=/sys/kernel/security/ima
install -d /etc/imahost/imahost.yaml.d
printf '%s\n' 'policy: [tcb]' 'pcr: 11' >/etc/imahost/imahost.yaml.d/50-beside.yaml
work() {
	apt-get install -y -q ./tool_1.deb &&
		dpkg -i ./tool_2.deb &&
		tool &&
		python3 -c 'import os, re, zlib, hashlib; print(len(os.listdir("/usr/lib")))' &&
		program "$here/tool" && "$here/tool" &&
		printf '#!/bin/sh\n# of the tests\nexec true\n' >"$here/script" &&
		chmod 755 "$here/script" && "$here/script" &&
		printf 'int main(void) { return 0; }\n' >"$here/main.c" &&
		(cd "$here" && gcc -O2 -c main.c && gcc -o built main.o && ./built) &&
		echo 'int f(void) { return 1; }' | gcc -shared -fPIC -x c -o "$here/libf.so" - &&
		python3 -c "import sys; open('$here/data', 'w').write('data')" &&
		cat "$here/data" &&
		cp /usr/bin/tool "$here/copied tool" && "$here/copied tool" &&
		runuser -u nobody -- cp "$here/libf.so" /var/tmp/copied.so &&
		find /usr/share/perl5 /etc -name '*.[pc]*' -type f -exec cat {} + >/dev/null &&
		ls -l / && stat /etc/passwd
}
set_up_daily_work
check "the package is installed beside the kernel's IMA" apt-get install -y -q ./imahost_1.deb
check "it is active" systemctl is-active imahost
cat "$kernel/runtime_measurements_count" >/results/before
check "what machines do is done" work
check "sudo goes on" by_sudo true
check "ssh goes on" by_ssh true
cat "$list" >/results/host.list
cat "$kernel/ascii_runtime_measurements" >/results/kernel.list
check "the PCRs vouch for the host's list" imahost verify --ignore-violations
python3 ./kinds.py /results/host.list /results/kernel.list >/results/kinds
imahost status --json >/results/host.status
