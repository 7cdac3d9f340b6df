#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""list.py ENTRIES PATH: writes a binary list of so many ima-sig entries, the
ascii form of it (PATH.ascii), and what PCR 10 holds after it in the form that
evmctl reads (PATH.sha1, PATH.sha256)."""
import hashlib
import struct
import sys


def field(data):
    return struct.pack("<I", len(data)) + data


def main(entries, path):
    pcrs = {name: bytes(hashlib.new(name).digest_size) for name in ("sha1", "sha256")}
    with open(path, "wb") as binary, open(path + ".ascii", "wb") as lines:
        for number in range(entries):
            digest = hashlib.sha256(b"%d" % number).digest()
            name = b"/usr/lib/x86_64-linux-gnu/some/directory/file-%d.so" % number
            data = field(b"sha256:\0" + digest) + field(name + b"\0") + field(b"")
            shown = hashlib.sha1(data).digest()
            binary.write(struct.pack("<I", 10) + shown + field(b"ima-sig") + field(data))
            lines.write(b"10 %s ima-sig sha256:%s %s \n" % (shown.hex().encode(), digest.hex().encode(), name))
            for bank in pcrs:
                pcrs[bank] = hashlib.new(bank, pcrs[bank] + hashlib.new(bank, data).digest()).digest()
    for bank, value in pcrs.items():
        with open(path + "." + bank, "w", encoding="ascii") as values:
            for pcr in range(24):
                values.write(f"PCR-{pcr:02}: {value.hex() if pcr == 10 else bytes(len(value)).hex()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
