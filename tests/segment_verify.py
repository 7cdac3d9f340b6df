#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""segment_verify.py DIRECTORY [FIRST]: verifies the sealed segments of a list
from what imahost-segment(5) says of them, and from nothing else. One line for
each fault; status 1 if there is one. FIRST: begin there, and trust what the
manifest says of the PCRs before it."""
import hashlib
import json
import os
import struct
import sys


def records(data):
    """PCR, template digest, template name and data of each record."""
    at = 0
    while at < len(data):
        pcr, digest, size = struct.unpack_from("<I20sI", data, at)
        name, at = data[at + 28:at + 28 + size], at + 28 + size
        if name == b"ima":  # no length: a SHA-1, a length and that many bytes of name
            length = 24 + struct.unpack_from("<I", data, at + 20)[0]
        else:
            length, at = struct.unpack_from("<I", data, at)[0], at + 4
        if at + length > len(data):
            raise ValueError("the end cuts a record off")
        body, at = data[at:at + length], at + length
        yield pcr, digest, name, body


def replay(data, manifest):
    pcrs = {bank: {int(pcr): bytes.fromhex(value) for pcr, value in values.items()}
            for bank, values in manifest["pcrs_before"].items()}
    number = 0
    for number, (pcr, shown, name, body) in enumerate(records(data), 1):
        if name == b"ima":  # what is hashed has the name padded to 256 bytes
            body = body[:20] + body[24:].ljust(256, b"\0")
        violation = shown == bytes(20)
        if not violation and hashlib.sha1(body).digest() != shown:
            raise ValueError(f"entry {number - 1} of it does not have the digest that it shows")
        for bank, values in pcrs.items():
            size = hashlib.new(bank.replace("-", "_")).digest_size
            padded = number <= manifest["kernel_entries"] and bank in manifest["padded"]
            digest = hashlib.new("sha1" if padded else bank.replace("-", "_"), body).digest().ljust(size, b"\0")
            old = values.get(pcr, (b"\xff" if 17 <= pcr <= 22 else b"\0") * size)
            values[pcr] = hashlib.new(bank.replace("-", "_"), old + (b"\xff" * size if violation else digest)).digest()
    return number, {bank: {str(pcr): value.hex() for pcr, value in values.items()} for bank, values in pcrs.items()}


def check(path, number, before, previous):
    with open(f"{path}.json", "rb") as file:
        text = file.read()
    manifest = json.loads(text)
    yield manifest, "sha256:" + hashlib.sha256(text).hexdigest()
    if json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" != text:
        yield "the manifest is not written as one"
    if manifest["segment"] != number or (number == 0) != (manifest["previous"] is None):
        yield f"the manifest is that of segment {manifest['segment']}"
    if before is not None and (manifest["previous"] != previous or manifest["pcrs_before"] != before["pcrs_after"]
                               or manifest["first_entry"] != before["first_entry"] + before["entries"]):
        yield "it does not follow the segment before it"
    with open(f"{path}.ima", "rb") as file:
        data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{path}.sha256", encoding="ascii") as file:
        name = os.path.basename(path)
        if file.read() != f"{digest}  {name}.ima\n{hashlib.sha256(text).hexdigest()}  {name}.json\n":
            yield "the digests beside it are others"
    if manifest["digest"] != f"sha256:{digest}" or manifest["bytes"] != len(data):
        yield "its bytes are not those that were sealed"
    if replay(data, manifest) != (manifest["entries"], manifest["pcrs_after"]):
        yield "its entries do not lead to the PCRs after it"


def main(directory, first=0):
    before = previous = None
    numbers = sorted({int(name[:8]) for name in os.listdir(directory) if name.endswith((".ima", ".json"))})
    faults = [f"segment {gap} is missing" for gap in range(int(first), max(numbers, default=0)) if gap not in numbers]
    for number in (number for number in numbers if number >= int(first)):
        path = os.path.join(directory, f"{number:08}")
        if not os.path.exists(f"{path}.json"):
            faults += [f"segment {number} is not sealed"] if number != numbers[-1] else []
            continue
        try:
            found = check(path, number, before, previous)
            before, previous = next(found)
            faults += [f"segment {number}: {fault}" for fault in found]
        except (ValueError, KeyError, AttributeError, TypeError, struct.error, OSError) as error:
            faults.append(f"segment {number}: {error}")
    print("\n".join(faults) or f"{len(numbers)} segments verified")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
