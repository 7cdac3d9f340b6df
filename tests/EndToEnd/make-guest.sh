#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make-guest.sh DIR: makes the machine that the end-to-end tests run in, once: a
# Debian bookworm of packages from the mirrors that apt uses here, its cloud
# kernels (IMA, BPF LSM, fs-verity, TPM), the oldest that is supported and the
# newest there is, and what boots them. DIR gets root.ext4, vmlinuz and initrd.gz,
# and vmlinuz.newest and initrd.newest.gz; they are made anew when this script or what it puts
# into the guest has changed. Needs root. Says why, and fails, when it cannot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
guest=$1
suite=bookworm
oldest=linux-image-cloud-amd64
newest=linux-image-6.12-cloud-amd64

# What boots, what the product needs, and what a machine does all day.
packages=(systemd systemd-sysv udev dbus kmod busybox-static procps
	libssl3 attr openssl
	tpm2-tools libtss2-tcti-device0 ima-evm-utils swtpm
	sudo cron openssh-server openssh-client python3-minimal gcc libc6-dev
	apt-utils jq)
boot_modules=(virtio_pci virtio_blk)

edition=$(cat "$here/make-guest.sh" "$here"/guest/* | sha256sum | cut -c1-16)
[ "$(cat "$guest/EDITION" 2>/dev/null)" != "$edition" ] || exit 0

fail() {
	echo "make-guest.sh: $*" >&2
	exit 1
}
[ "$(uname -m)" = x86_64 ] || fail "the guest is an x86-64 machine, this is $(uname -m)"
[ "$(id -u)" -eq 0 ] || fail "needs root, for mmdebstrap and mke2fs -d"
for tool in mmdebstrap mke2fs cpio depmod apt-get; do
	command -v "$tool" >/dev/null || fail "$tool is not installed (tests/deps.sh e2e)"
done

mkdir -p "$guest"
guest=$(cd "$guest" && pwd)
rm -rf --one-file-system "$guest/work"
mkdir "$guest/work"
trap 'rm -rf --one-file-system "$guest/work"' EXIT
root=$guest/work/root

# The mirrors of this machine, and how it reaches them.
# shellcheck disable=SC2016 # apt expands them
sources=$(apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
	'Created-By: Packages' | grep " $suite" | sort -u || true)
# shellcheck disable=SC2016
[ -n "$sources" ] || sources="deb $(apt-get indextargets --format '$(SITE)' \
	'Created-By: Packages' | head -n 1) $suite main"
apt-config dump | grep -E '^Acquire::(Check-|Retries|https?::)' >"$guest/work/apt.conf" || true

# The packages of the kernels are unpacked, not installed: it would bring a boot
# loader and an initramfs of its own. Its download is a hook, because only there
# is apt set up for the guest.
cat >"$guest/work/fetch-kernel" <<'HOOK'
#!/bin/sh
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
for kernel in $KERNELS; do
	real=$(apt-cache depends "$kernel" | sed -n 's/^  Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	mkdir "$WORK/$kernel"
	cd "$WORK/$kernel"
	apt-get -qq -o APT::Sandbox::User=root download "${real:-$kernel}"
done
HOOK
chmod 755 "$guest/work/fetch-kernel"

log=$guest/work/log
list=$(IFS=,; echo "${packages[*]}")
echo "making the guest: $suite, ${#packages[@]} packages and what they need"
KERNELS="$oldest $newest" WORK=$guest/work timeout -k 5 "${IMAHOST_MIRROR_SECONDS:-280}" \
	mmdebstrap --mode=root --variant=minbase --include="$list" \
	--aptopt="$guest/work/apt.conf" --aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/lib/gcc/*/lto*' \
	--dpkgopt='path-exclude=/usr/lib/gcc/*san*' \
	--dpkgopt='path-exclude=/usr/bin/*lto-dump*' \
	--customize-hook="$guest/work/fetch-kernel" \
	"$suite" "$root" - <<<"$sources" >"$log" 2>&1 || {
	tail -n 5 "$log" >&2
	fail "mmdebstrap of $suite failed"
}

# take_kernel PACKAGE SUFFIX: its image beside the others, its modules to theirs.
take_kernel() {
	local unpacked=$guest/work/$1/unpacked modules
	dpkg-deb -x "$guest/work/$1"/linux-image-*.deb "$unpacked"
	cp "$unpacked"/boot/vmlinuz-* "$guest/vmlinuz$2"
	modules=$(find "$unpacked" -type d -path '*/lib/modules/*' -print -quit)
	release=$(basename "$modules")
	rm -rf "$modules"/kernel/drivers/{net,gpu,media,hv,infiniband,scsi,ata,nvme,target,vhost}
	mkdir -p "$root/usr/lib/modules"
	cp -a "$modules" "$root/usr/lib/modules/"
	depmod -b "$root" "$release"
}

# The guest's part: it takes a job from one disk and leaves its results on
# another. dpkg there keeps everything of the packages that tests install.
rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/etc/apt/apt.conf.d/99mmdebstrap \
	"$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
install -D -m 0755 "$here/guest/job" "$root/usr/local/lib/guest/job"
install -m 0644 "$here/guest/job.service" "$root/etc/systemd/system/job.service"
mkdir -p "$root"/etc/systemd/system/multi-user.target.wants "$root"/var/log/journal
ln -s ../job.service "$root/etc/systemd/system/multi-user.target.wants/"
for unit in getty@tty1.service apt-daily.timer apt-daily-upgrade.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
echo guest >"$root/etc/hostname"
echo '127.0.0.1 localhost guest' >"$root/etc/hosts"
# Empty would mean a first boot, at which systemd resets all units.
echo 5d0f3ac1b8e24e0c9a1f6e7b2c8d4f90 >"$root/etc/machine-id"

# make_boot SUFFIX: what the kernel that was taken last begins with.
make_boot() {
	local boot=$guest/work/boot$1 module place path
	mkdir -p "$boot"/{bin,dev,proc,sys,root,modules}
	cp "$root/bin/busybox" "$boot/bin/"
	install -m 0755 "$here/guest/initramfs" "$boot/init"
	for module in "${boot_modules[@]}"; do
		modprobe -d "$root" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | nl -nrz -w2 |
		while read -r place path; do
			cp "$path" "$boot/modules/$place-$(basename "$path")"
		done
	(cd "$boot" && find . | cpio --quiet -o -H newc | gzip -1) >"$guest/initrd$1.gz"
}
made=
for suffix in '' .newest; do
	if [ -n "$suffix" ]; then take_kernel "$newest" "$suffix"; else take_kernel "$oldest" ''; fi
	make_boot "$suffix"
	made+=" $release"
done

size=$(($(du -sm "$root" | cut -f1) + 1500))
rm -f "$guest/root.ext4"
mke2fs -q -t ext4 -L guest -O verity -d "$root" "$guest/root.ext4" "${size}M"
# The disks of machines that were kept are changes to the one before.
rm -rf --one-file-system "$guest"/machine.*
echo "$edition" >"$guest/EDITION"
echo "the guest is made: Linux$made, $(du -sm "$guest/root.ext4" | cut -f1) MB"
