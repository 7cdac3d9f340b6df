#!/bin/bash
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# code.sh: under enforce, whatever would become code without a verdict is refused
# by the kernel: also what fanotify does not see, and when guard and host are
# dead. What is trusted runs on. Beside it lie imahost, imahost-guard,
# imahost-bpf and code (code.c).
# The first argument says what: enforce, off (booted with imahost.bpf=off), report,
# shelter (the service shelters itself), cost.
set -u
cd /job || exit 1
site=/srv/site
list=/run/ima/ascii_runtime_measurements
passed=0
failed=0
turn=0
ended=
# By the shell alone: when nobody judges, cat may be refused.
show() {
	local file
	for file; do
		echo "$file: $(<"$file")"
	done
}
# What a check says that ends the job would be lost.
finish() {
	if [ -z "$ended" ] || [ "$failed" -gt 0 ]; then
		show /tmp/said /tmp/log >&3 2>&3
	fi
	# What goes on running would keep the job from ending.
	imahost stop --open >/dev/null 2>&1
	/usr/libexec/imahost/imahost-bpf unload
	echo "$passed passed, $failed failed" >&3
}
exec 3>&1
# Nothing is ever written to it: `read -t` waits by it, without a program.
mkfifo /tmp/never
exec {never}<>/tmp/never
trap finish EXIT

# check SENTENCE COMMAND…
check() {
	local sentence=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		passed=$((passed + 1))
		echo "passed  $sentence"
	else
		echo "FAILED (status $?)  $sentence"
		failed=$((failed + 1))
		tail -n 25 /tmp/said
	fi
}
# refused COMMAND…: EPERM (code says 101, a shell 126).
refused() {
	local status=0
	bash -c '"$@"' bash "$@" || status=$?
	[ "$status" -eq 101 ] || [ "$status" -eq 126 ] || {
		echo "status $status"
		false
	}
}
# status WORD: what stands there in the status.
status() { imahost status --json | grep -F "\"$1\"" | head -n 1; }
denied() { status denied | grep -o '[0-9]*'; }
# says WORDS [OPTION]: the status does.
says() {
	local words=$1
	shift
	imahost status "$@" | grep -E "$words" || {
		imahost status "$@"
		false
	}
}
# told HOOK CAUSE PATH
told() {
	sleep 0.5
	imahost status | grep -F "refused $1 of $3: $2" || {
		imahost status | grep BPF
		false
	}
}
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}
host_pid() { status host_pid | grep -o '[0-9]*'; }
guard_pid() { pidof -s imahost-guard; }

mkdir -p "$site" /etc/imahost /etc/ima/policy.d /usr/libexec/imahost
modprobe -q fuse
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
install -m 755 imahost /usr/sbin/imahost
install -m 755 imahost-guard imahost-bpf /usr/libexec/imahost/
cat >/etc/ima/policy.d/50-code.ima <<'POLICY'
measure func=BPRM_CHECK
measure func=MMAP_CHECK
appraise func=BPRM_CHECK fowner=1000
appraise func=MMAP_CHECK fowner=1000
POLICY
cat >/etc/imahost/imahost.yaml <<'CONFIG'
watch: [all]
appraise: enforce
bpf: auto
CONFIG
chmod -R go-w /etc/ima /etc/imahost
install -m 755 code "$site/code"
for name in good altered shared changed linked; do
	cp /bin/true "$site/$name"
	printf '%s' "$name" >>"$site/$name"
done
cp /bin/true "$site/bad"
printf bad >>"$site/bad"
head -c 8192 /dev/zero >"$site/data"
printf '#!/bin/sh\nexit 0\n' >"$site/script"
cp "$site/script" "$site/badscript"
echo '# bad' >>"$site/badscript"
chmod 755 "$site"/*script
code=$site/code

# By the shell alone: whatever else it ran might have left memory, and with that
# its verdict, while nobody judges.
start() {
	local tries=0 line=
	imahost daemon >/tmp/ready 2>>/tmp/log &
	until [[ $line == *'imahost: ready'* ]]; do
		[ "$((tries += 1))" -lt 300 ] || {
			echo "not ready: $line"
			exit 1
		}
		read -r -t 0.2 -u "$never" || true
		line=$(</tmp/ready)
	done
	# Who was let through before may take so long.
	sleep 1.2
}
label() {
	mv "$site/bad" "$site/badscript" /tmp/
	imahost label "$site" >/tmp/labelled 2>&1 || tail -n 3 /tmp/labelled
	cat /tmp/bad >"$site/bad"
	cat /tmp/badscript >"$site/badscript"
	chmod 755 "$site/bad" "$site/badscript"
	cp "$site/bad" /dev/
	# A chown takes no label away. What is root's is judged, and not appraised.
	chown 1000 "$site"/*
	chown 0 "$code"
}

# Refused by exec and, in the same words, by what only BPF sees.
refusals() {
	check "a trusted program runs" "$site/good"
	check "a trusted script runs" "$site/script"
	check "a trusted library is mapped" "$code" map "$site/good"
	check "python runs" python3 -c 'import zlib; print(zlib.crc32(b"x"))'
	check "gcc compiles" sh -c "echo 'int main(void){return 0;}' | gcc -x c -o /srv/compiled -"
	chown 1000 /srv/compiled
	check "what it made is refused" refused /srv/compiled
	check "an untrusted program is refused" refused "$site/bad"
	check "and an untrusted script" refused "$site/badscript"
	check "in a user and mount namespace" refused unshare -Urm "$site/bad"
	mkdir -p /mnt/bind /mnt/over /srv/upper /srv/work
	mount --bind "$site" /mnt/bind
	check "by a bind mount" refused /mnt/bind/bad
	mount -t overlay -o "lowerdir=$site,upperdir=/srv/upper,workdir=/srv/work" overlay /mnt/over
	check "by an overlay, at once" refused /mnt/over/bad
	sleep 1.5
	check "by an overlay, once it is watched" refused /mnt/over/bad
	check "while what is trusted runs by it" /mnt/over/good
	check "from a filesystem that is not watched" refused /dev/bad
	check "which is told" told exec unwatched /dev/bad
	check "from a memfd" refused "$code" memfd "$site/good"
	check "which is told" told exec fileless "/memfd:code (deleted)"
	check "raw code, opened as data and mapped" refused "$code" map "$site/data"
	check "which is told" told mmap unjudged "$site/data"
	check "raw code, mapped to read and made executable" refused "$code" protect "$site/data"
	check "which is told" told mprotect unjudged data
	check "as an argument of ld.so" is_refused_to_ld_so "$site/bad"
	check "a program runs before it is altered" "$site/altered"
	check "it is altered in place, its times are restored" "$code" alter "$site/altered"
	check "and refused then" refused "$site/altered"
	check "a program runs before it is changed" "$site/shared"
	check "it is changed through a shared mapping" "$code" share "$site/shared"
	check "and refused then" refused "$site/shared"
	check "a file that was written after it was opened" is_refused_when_written
	check "who may not change it" may_not_chmod "$site/good"
	check "does not end its verdict" "$site/good"
	check "nor that of what everybody needs" may_not_chmod "$(readlink -f /lib/x86_64-linux-gnu/libc.so.6)"
	check "a filesystem that is mounted in a user namespace" is_refused_in_own_mount
	check "its verdict is given up by chmod" chmod 700 "$site/good"
	check "and it is judged anew" within 3 "$site/good"
}
may_not_chmod() { ! setpriv --reuid 65534 --clear-groups --bounding-set -all chmod 0 "$1" && ls -l / >/dev/null; }
is_refused_in_own_mount() {
	local status=0
	# shellcheck disable=SC2016 # expanded in there
	unshare -Urm bash -c 'mount -t tmpfs none /mnt && cp "$1" /mnt/mine && /mnt/mine' bash "$site/good" || status=$?
	[ "$status" -eq 126 ] || {
		echo "status $status"
		false
	}
}
is_refused_to_ld_so() {
	local said
	! said=$(/lib64/ld-linux-x86-64.so.2 "$1" 2>&1) &&
		grep -F 'Operation not permitted' <<<"$said"
}
is_refused_when_written() {
	local status=0
	coproc "$code" hold "$site/changed"
	read -r -u "${COPROC[0]}" _
	printf x >>"$site/changed"
	local in=${COPROC[1]} pid=$COPROC_PID
	echo >&"$in"
	wait "$pid" || status=$?
	[ "$status" -eq 101 ] || {
		echo "status $status"
		false
	}
}

faults() {
	local host guard
	host=$(host_pid)
	kill -STOP "$host"
	check "while the host is stopped, what is untrusted is refused" refused "$site/bad"
	check "and another host is there then" within 10 is_another "$host"
	check "which lets go on what is trusted" "$site/good"
	guard=$(guard_pid)
	host=$(host_pid)
	kill_all "$guard" "$host"
	check "guard and host are dead" is_dead
	check "what is untrusted is refused" refused "$site/bad"
	check "so is what nobody has judged yet" refused "$site/linked"
	check "and raw code" refused "$code" map "$site/data"
	check "and a program in a memfd" refused "$code" memfd "$site/good"
	check "what was judged runs" "$site/good"
	check "a program that is altered then" "$code" alter "$site/good"
	check "is refused" refused "$site/good"
	echo 3 >/proc/sys/vm/drop_caches
	check "the service starts again" start
	check "what nobody had judged runs" "$site/linked"
	check "what is untrusted is refused" refused "$site/bad"
	check "and what was altered meanwhile" refused "$site/good"
	check "the level is the same" says 'measured and BPF-enforced'
}
# And the TPM's emulator, where there is one, as systemd would.
kill_all() {
	local emulator
	emulator=$(pidof swtpm)
	kill -KILL "$@" 2>/dev/null
	[ -z "$emulator" ] || kill -KILL "$emulator" 2>/dev/null
	sleep 0.5
}
is_dead() { ! pidof imahost-guard && ! pidof imahost; }
is_another() {
	local pid
	pid=$(host_pid 2>/dev/null) && [ -n "$pid" ] && [ "$pid" != "$1" ]
}

# With its digest, if we were quick, or as gone.
fileless_entries() {
	grep -F -e "sha256:$(sha256sum <"$site/good" | cut -d' ' -f1) /memfd:code" -e ' imahost-fileless ' "$list"
}

# bare COMMAND…: as a root who lacks the capability.
bare() { setpriv --bounding-set -mac_admin --inh-caps -mac_admin "$@"; }
# kept COMMAND…: it must fail with EPERM, of such a root.
kept() {
	local said
	! said=$(bare "$@" 2>&1) || {
		echo "done: $said"
		return 1
	}
	grep -E 'not permitted|ermission denied|superuser|capability' <<<"$said" || {
		echo "$said"
		false
	}
}
# The same of code (code.c).
withheld() {
	local wanted=101 status=0
	[ "$1" != -0 ] || {
		wanted=0
		shift
	}
	bare "$@" || status=$?
	[ "$status" -eq "$wanted" ] || {
		echo "status $status"
		false
	}
}
shelter() {
	local host guard
	host=$(host_pid)
	guard=$(guard_pid)
	check "the service works" "$site/good"
	check "the host cannot be stopped" kept sh -c "kill -STOP $host"
	check "nor killed" kept sh -c "kill -KILL $host"
	check "nor the guard" kept sh -c "kill -KILL $guard"
	check "their memory cannot be written" kept sh -c ": >>/proc/$guard/mem"
	check "the service cannot be told to open" kept imahost stop --open
	check "while its status can be asked for" bare imahost status
	check "its programs cannot be changed" kept chmod 700 /usr/sbin/imahost
	check "nor be taken away" kept rm /usr/libexec/imahost/imahost-guard
	check "nor replaced" kept mv "$site/good" /usr/libexec/imahost/imahost-bpf
	check "its settings cannot be changed" kept sh -c ': >>/etc/imahost/imahost.yaml'
	check "nor rules added" kept sh -c ': >/etc/ima/policy.d/99-mine.ima'
	check "nor be hidden by a mount" kept mount -t tmpfs none /etc/ima
	check "its state cannot be changed" kept sh -c 'rm -r /var/lib/imahost/*'
	check "what is pinned cannot be taken away" kept rm /sys/fs/bpf/imahost/link_ima_exec
	check "nor by the loader" kept /usr/libexec/imahost/imahost-bpf unload
	check "nor with its filesystem" kept umount /sys/fs/bpf
	check "nor be hidden" kept mount -t tmpfs none /sys/fs/bpf
	check "its maps cannot be written" withheld "$code" bpfmap /sys/fs/bpf/imahost/config
	check "though they can be read" withheld -0 "$code" bpfread /sys/fs/bpf/imahost/config
	check "its links cannot be taken off" withheld "$code" detach /sys/fs/bpf/imahost/link_ima_exec
	check "which is told" told signal sheltered 'guard or host'
	check "a helper may change its settings" bare "$site/helper" -c ': >>/etc/imahost/imahost.yaml'
	check "root with the capability may" sh -c ': >>/etc/imahost/imahost.yaml'
	check "the host is the same" [ "$(host_pid)" = "$host" ]
	check "another host can take its place" imahost restart
	check "and is sheltered as well" kept sh -c "kill -KILL $(host_pid)"
	host=$(host_pid)
	kill -KILL "$guard" "$host"
	sleep 0.5
	check "root with the capability has killed both" is_dead
	check "what is pinned is sheltered still" kept rm /sys/fs/bpf/imahost/link_ima_exec
	check "and the programs are" kept sh -c ': >>/usr/sbin/imahost'
	check "the service starts again" start
	check "and is sheltered" kept sh -c "kill -KILL $(guard_pid)"
	check "root with the capability can have it open" imahost stop --open
	check "then nothing is sheltered" bare sh -c ': >>/etc/imahost/imahost.yaml'
}

case $1 in
enforce)
	label
	start
	check "the level is said" says 'measured and BPF-enforced'
	refusals
	faults
	check "stop --open" imahost stop --open
	check "opens" "$site/bad"
	check "for memfds too" "$code" memfd "$site/bad"
	check "the programs can be taken away" /usr/libexec/imahost/imahost-bpf unload
	check "and are" sh -c '! /usr/libexec/imahost/imahost-bpf status'
	start
	check "it enforces again" refused "$site/bad"
	kill_all "$(guard_pid)" "$(host_pid)"
	check "when guard and host are dead" is_dead
	check "what is untrusted is refused" refused "$site/bad"
	check "stop --open then" imahost stop --open
	check "opens, too" "$site/bad"
	;;
off)
	label
	start
	check "the level is said" says '^level +measured, fanotify only$'
	check "and why" says 'imahost.bpf=off'
	check "what is untrusted is refused" refused "$site/bad"
	check "a memfd is not seen" "$code" memfd "$site/good"
	;;
cost)
	# The clock counts instructions (guest.sh -i).
	echo "kernel $(uname -r)"
	label
	for bpf in off auto off auto; do
		{
			echo 'watch: [/]'
			echo 'appraise: enforce'
			echo "bpf: $bpf"
		} >/etc/imahost/imahost.yaml
		start
		turn=$((turn + 1))
		"$code" time "$site/code" >"/tmp/$bpf.$turn"
		imahost stop --open >/dev/null
		wait
	done
	for what in exec mmap; do
		without=$(cat /tmp/off.* | sed -n "s/^$what //p" | sort -n | head -n 1)
		with=$(cat /tmp/auto.* | sed -n "s/^$what //p" | sort -n | head -n 1)
		echo "warm $what: $without ns without BPF, $with ns with it"
		check "a warm $what costs at most 1.03 times as much" [ "$((with * 100))" -le "$((without * 103))" ]
	done
	;;
shelter)
	echo "self_protection: {capability: CAP_MAC_ADMIN, programs: [$site/helper]}" >>/etc/imahost/imahost.yaml
	cp /bin/bash "$site/helper"
	label
	start
	shelter
	;;
report)
	label
	sed -i 's/enforce/log/' /etc/imahost/imahost.yaml
	echo 'fileless: measure' >>/etc/imahost/imahost.yaml
	start
	check "a memfd runs" "$code" memfd "$site/good"
	check "so does one that stays" sh -c "sleep 3 | '$code' memfd /bin/cat"
	check "and is in the list, with its digest" \
		grep -F "sha256:$(sha256sum </bin/cat | cut -d' ' -f1) /memfd:code" "$list"
	check "the one that was gone was entered, too" fileless_entries
	check "raw code is mapped" "$code" map "$site/data"
	sleep 0.5
	check "what enforce would refuse is told" \
		says "would refuse mmap of $site/data: unjudged" --would-deny
	check "and of memfds" says 'would refuse exec of /memfd:code' --would-deny
	check "python runs" python3 -c 'import zlib'
	check "and is not told of" sh -c "! imahost status | grep -F 'would refuse' | grep python"
	;;
esac
ended=yes
[ "$failed" -eq 0 ]
