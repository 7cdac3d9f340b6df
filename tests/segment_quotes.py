#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""segment_quotes.py DIRECTORY: verifies all of the quotes in the manifests of a
list but the signature (tpm2_checkquote does that): of which manifest and which
PCR values they are, and that the entries after the segment lead to these, as far
as they are there. One line for each fault; status 1 if there is one."""
import base64, hashlib, json, os, struct, sys
from segment_verify import replay, sha256

BANKS = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}


def parse(attest, pcrs):
    """Of a TPMS_ATTEST: the qualifying data, the digest of PCRs, and the digest that these PCRs would have."""
    at = 8 + struct.unpack_from(">H", attest, 6)[0]  # magic, type, signer
    size = struct.unpack_from(">H", attest, at)[0]
    extra, at = attest[at + 2:at + 2 + size], at + 2 + size + 25  # clock, firmware
    count, at, values = struct.unpack_from(">I", attest, at)[0], at + 4, b""
    for _ in range(count):
        bank, size, bits = struct.unpack_from(">HB3s", attest, at)
        at, bits = at + 3 + size, int.from_bytes(bits, "little")
        values += b"".join(bytes.fromhex(pcrs[BANKS[bank]][str(pcr)]) for pcr in range(24) if bits >> pcr & 1)
    return extra, attest[at + 2:], hashlib.sha256(values).digest()


def check(directory, m):
    """What is wrong with the quote, or None."""
    quote, attest = m["quote"], base64.b64decode(m["quote"]["attest"])
    rest = json.dumps({key: m[key] for key in m if key != "quote"}, separators=(",", ":"), ensure_ascii=False) + "\n"
    extra, quoted, computed = parse(attest, quote["pcrs"])
    if attest[:6] != b"\xffTCG\x80\x18" or extra.hex() != "000b" + sha256(rest.encode()):
        return "its quote is of another manifest"
    left, pcrs, number = quote["entries"] - m["first_entry"] - m["entries"], m["pcrs_after"], m["segment"] + 1
    if left < 0 or quoted != computed:
        return "its quote is of other PCR values than stand beside it"
    while left > 0 and os.path.exists(path := os.path.join(directory, f"{number:08}.ima")):
        taken, pcrs = replay(open(path, "rb").read(), pcrs, most=left)
        left, number = left - taken, number + 1
    return "its entries do not lead to what was quoted" if left == 0 and pcrs != quote["pcrs"] else None


def main(directory):
    faults, count = [], 0
    for name in sorted(name for name in os.listdir(directory) if name.endswith(".json")):
        try:
            m = json.loads(open(os.path.join(directory, name), "rb").read())
            found = check(directory, m) if "quote" in m else None
            count += "quote" in m
        except (ValueError, KeyError, AttributeError, TypeError, struct.error, OSError) as error:
            found = error
        faults += [f"{name}: {found}"] if found else []
    print("\n".join(faults) or f"{count} quotes verified")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
