#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""segment_verify.py DIRECTORY [FIRST]: verifies the sealed segments of a list
from what imahost-segment(5) says of them, and from nothing else. One line for
each fault; status 1 if there is one. FIRST: begin there, and trust what the
manifest says of the PCRs before it. segment_quotes.py looks at the quotes."""
import copy, hashlib, json, os, struct, sys


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def records(data):
    """PCR, template digest, and the data that is hashed, of each record."""
    at = 0
    while at < len(data):
        pcr, digest, size = struct.unpack_from("<I20sI", data, at)
        legacy, at = data[at + 28:at + 28 + size] == b"ima", at + 28 + size
        # Template "ima": no length, but a SHA-1, a length and that many bytes of name.
        length = struct.unpack_from("<I", data, at + 20 * legacy)[0] + 24 * legacy
        at += 0 if legacy else 4
        if at + length > len(data):
            raise ValueError("the end cuts a record off")
        body, at = data[at:at + length], at + length
        yield pcr, digest, body[:20] + body[24:].ljust(256, b"\0") if legacy else body


def replay(data, before, kernels=0, padded=(), most=None):
    """The entries, and what the PCRs hold after them; of the first so many only."""
    pcrs, number = copy.deepcopy(before), 0
    for number, (pcr, shown, body) in enumerate(records(data) if most != 0 else (), 1):
        violation = shown == bytes(20)
        if not violation and hashlib.sha1(body).digest() != shown:
            raise ValueError(f"entry {number - 1} of it does not have the digest that it shows")
        for bank, values in pcrs.items():
            name, size = bank.replace("-", "_"), hashlib.new(bank.replace("-", "_")).digest_size
            digest = hashlib.new("sha1" if number <= kernels and bank in padded else name, body).digest().ljust(size, b"\0")
            old = bytes.fromhex(values.get(str(pcr), ("ff" if 17 <= pcr <= 22 else "00") * size))
            values[str(pcr)] = hashlib.new(name, old + (b"\xff" * size if violation else digest)).hexdigest()
        if number == most:
            break
    return number, pcrs


def check(path, number, before, previous):
    """The manifest, its digest, and what is wrong."""
    text, data, beside = (open(path + end, "rb").read() for end in (".json", ".ima", ".sha256"))
    m, name = json.loads(text), os.path.basename(path)
    faults = {
        "the manifest is not written as one": json.dumps(m, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" != text,
        f"the manifest is that of segment {m['segment']}": m["segment"] != number or (number == 0) != (m["previous"] is None),
        "it does not follow the segment before it": before is not None and (
            m["previous"] != previous or m["pcrs_before"] != before["pcrs_after"]
            or m["first_entry"] != before["first_entry"] + before["entries"]),
        "the digests beside it are others": beside.decode() != f"{sha256(data)}  {name}.ima\n{sha256(text)}  {name}.json\n",
        "its bytes are not those that were sealed": m["digest"] != "sha256:" + sha256(data) or m["bytes"] != len(data),
        "its entries do not lead to the PCRs after it":
            replay(data, m["pcrs_before"], m["kernel_entries"], m["padded"]) != (m["entries"], m["pcrs_after"])}
    return m, "sha256:" + sha256(text), [fault for fault, wrong in faults.items() if wrong]


def main(directory, first=0):
    before = previous = None
    numbers = sorted({int(name[:8]) for name in os.listdir(directory) if name.endswith((".ima", ".json"))})
    faults = [f"no segment {gap}" for gap in range(int(first), max(int(first), *numbers, 0) + 1) if gap not in numbers]
    for number in (number for number in numbers if number >= int(first)):
        path = os.path.join(directory, f"{number:08}")
        if os.path.exists(f"{path}.json"):
            try:
                before, previous, found = check(path, number, before, previous)
            except (ValueError, KeyError, AttributeError, TypeError, struct.error, OSError) as error:
                before, found = None, [error]
            faults += [f"segment {number}: {fault}" for fault in found]
        elif number != numbers[-1]:
            faults.append(f"segment {number} is not sealed")
    print("\n".join(faults) or f"{before['segment'] + 1 - int(first) if before else 0} segments verified")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
