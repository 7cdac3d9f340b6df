#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS COUNT COLD_COUNT ROUNDS: writes the page of what run.sh measured."""
import os
import statistics
import sys

results, count, cold_count, rounds = sys.argv[1], *map(int, sys.argv[2:5])
WHO = ("off", "kernel", "host")


def numbers(*path):
    with open(os.path.join(results, *path), encoding="ascii") as lines:
        return [float(line) for line in lines]


def row(label, *cells):
    print("| " + " | ".join([label, *cells]) + " |")


def table(*heads):
    row(*heads)
    print("| --- |" + " ---: |" * (len(heads) - 1))


def ratios(values, base):
    """Median, lowest and highest of the ratios, round by round."""
    each = [value / one for value, one in zip(values, base)]
    return f"**{statistics.median(each):.2f}** ({min(each):.2f}..{max(each):.2f})"


print(f"""# The kernel's IMA and the host, side by side

`sudo make bench-beside` writes this page: in a guest (`tests/EndToEnd`), Debian 12 with its kernel 6.1,
the same work with nobody measuring, with the kernel measuring (`ima_policy=tcb`), and with the host
measuring by the same policy (the kernel then does not).

The guest's processor is QEMU's interpreter: it has no instructions for SHA, and what takes long
natively need not take long there. **Ratios** between columns of one line can be compared, times cannot.

## {count:,} programs

Of 9 KB each, no two alike, which do nothing. Counted in instructions of the one processor (QEMU's
`icount`), so that what else the machine does is not in the figures; microseconds stand for a thousand
instructions each. The files are in memory.
""")

times = {who: numbers(f"instructions.{who}", "times") for who in WHO}
table("µs per program", "nobody", "kernel", "ratio", "host", "ratio")
for index, label in enumerate(("first time", "again", "a third time")):
    off, kernel, host = (times[who][index] / 1000 for who in WHO)
    row(label, f"{off:.1f}", f"{kernel:.1f}", f"**{kernel / off:.2f}**", f"{host:.1f}", f"**{host / off:.2f}**")

print("""
The same with a TPM. The extend waits for the emulator, which runs outside of the guest's clock: this
says that one waits, not for how long.
""")
tpm = {who: numbers(f"instructions-tpm.{who}", "times") for who in ("kernel", "host")}
table("µs per program", "kernel", "host")
for index, label in enumerate(("first time", "again", "a third time")):
    row(label, *(f"{tpm[who][index] / 1000:.1f}" for who in ("kernel", "host")))

print(f"""
## {cold_count:,} programs from the disk, by the clock

Two processors, a TPM, {rounds} boots of each kind in turn; caches dropped before. Microseconds per program,
the median of the boots; ratios are to nobody in the same turn: the median, the lowest and the highest.
""")
wall = {who: [numbers(f"wall.{who}.{turn}", "times") for turn in range(1, rounds + 1)] for who in WHO}
table("µs per program", "nobody", "kernel", "ratio", "host", "ratio")
for index, label in enumerate(("cold: first time", "warm: again", "warm: a third time", "cold again: caches dropped")):
    each = {who: [boot[index] / 1000 for boot in wall[who]] for who in WHO}
    off, kernel, host = (f"{statistics.median(each[who]):,.0f}" for who in WHO)
    row(label, off, kernel, ratios(each["kernel"], each["off"]), host, ratios(each["host"], each["off"]))

print("""
## The boot

Of the guest with systemd, until all units of the start are up; the service is the installed package's,
which measures what is executed and mapped on all filesystems. In instructions again, seconds stand for
a thousand million. The goal of ImaHost is 10 % above nobody.
""")
boots = {}
for who in WHO:
    boots[who] = [numbers(f"boot.{who}.{turn}", "time")[0] / 1e6 for turn in range(1, rounds + 1)]
entries = {"kernel": numbers("boot.kernel.1", "kernel")[0], "host": numbers("boot.host.1", "host")[0]}
table("", "nobody", "kernel", "host")
row("seconds", *(f"{statistics.median(boots[who]):.2f}" for who in WHO))
row("ratio to nobody", "", *(ratios(boots[who], boots["off"]) for who in WHO[1:]))
row("entries by then", "", *(f"{entries[who]:.0f}" for who in WHO[1:]))
reached = statistics.median(h / o for h, o in zip(boots["host"], boots["off"])) <= 1.10
print(f"\nThe goal is {'reached' if reached else '**not reached**'}.")

remarks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remarks.md")
if os.path.exists(remarks):
    print()
    print(open(remarks, encoding="utf-8").read(), end="")
