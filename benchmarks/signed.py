#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""signed.py SAMPLES RESULTS: writes what signed.sh measured as a page, and fails when a goal is not reached.

A line of SAMPLES is PASS MICROSECONDS PATH, where the directory of the path is the kind of program.
"""

import collections
import os
import platform
import re
import statistics
import sys

KINDS = {
    "hash": "labelled by hash, enforced",
    "rsa": "signed by RSA 2048, enforced",
    "ecdsa": "signed by ECDSA P-256, enforced",
    "none": "measured only",
}
GOAL = 1.2

PAGE = """# What a signature costs

`sudo make bench-signed` (also in `sudo make bench`). One daemon enforces, on an ext4 with programs of 1 MB: {count} that
are labelled by hash, {count} that are signed by an RSA and {count} by an ECDSA key. Another daemon only measures, on an
ext4 of its own. All lie in memory, no two have the same content, and all end at once. Each is started once, the kinds
in turn, and then once more. There is no TPM, which would add the same to all. The figures are microseconds from fork
to the end of the program: the median, and in brackets the 10th and the 90th percentile. The **ratio** is the median of
each turn's own ratio to the program that is labelled by hash; read that, for what else the machine does is in all
figures.

{machine}.

| program | first start | ratio | second start | ratio |
| --- | ---: | ---: | ---: | ---: |
{rows}

The goal: a signed program takes at most {goal} times as long as one that is labelled by hash: {reached}. During
the second starts the kernel raised **no event** at all; the run fails otherwise. So what is different between them is
the machine's.
"""


def read(path):
    """Microseconds by pass and kind, in the order of the turns."""
    samples = collections.defaultdict(lambda: collections.defaultdict(dict))
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 3:
                kind, number = words[2].split(os.sep)[-2:]
                samples[words[0]][kind][int(number)] = float(words[1])
    return samples


def spread(times):
    low, middle, high = (statistics.quantiles(times.values(), n=10)[place] for place in (0, 4, 8))
    return f"{middle:,.0f} ({low:,.0f}..{high:,.0f})"


def ratio(times, base):
    return statistics.median(took / base[number] for number, took in times.items())


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        processors = re.findall(r"^model name\s*: (.*)", file.read(), re.MULTILINE)
    kernel = ".".join(platform.release().split(".")[:2])
    return f"Linux {kernel}, {len(processors)} × {processors[0] if processors else '?'}"


def row(kind, samples):
    cells = [KINDS[kind]]
    for taken in ("first", "again"):
        times, base = samples[taken][kind], samples[taken]["hash"]
        cells += [spread(times), f"**{ratio(times, base):.2f}**"]
    return "| " + " | ".join(cells) + " |"


def main():
    samples = read(sys.argv[1])
    first = samples["first"]
    ratios = [ratio(first[kind], first["hash"]) for kind in ("rsa", "ecdsa")]
    is_reached = max(ratios) <= GOAL
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(PAGE.format(
            count=len(first["hash"]), machine=machine(), goal=GOAL,
            reached="reached" if is_reached else "**not reached**",
            rows="\n".join(row(kind, samples) for kind in KINDS)))
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
