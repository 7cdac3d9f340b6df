#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS COUNT: writes the page of what run.sh measured, without the parts that it did not."""
import os
import statistics
import sys

results, count = sys.argv[1], int(sys.argv[2])
WHO = ("off", "kernel", "host")


def numbers(*path):
    with open(os.path.join(results, *path), encoding="ascii") as lines:
        return [float(line) for line in lines]


def turns(kind):
    """The rounds of which all three boots are there."""
    turn = 1
    while all(os.path.exists(os.path.join(results, f"{kind}.{who}.{turn}", "time" + "s" * (kind == "wall"))) for who in WHO):
        turn += 1
    return range(1, turn)


def row(label, *cells):
    print("| " + " | ".join([label, *cells]) + " |")


def table(*heads):
    row(*heads)
    print("| --- |" + " ---: |" * (len(heads) - 1))


def ratios(values, base):
    """Median, lowest and highest of the ratios, round by round."""
    each = [value / one for value, one in zip(values, base)]
    return f"**{statistics.median(each):.2f}** ({min(each):.2f}..{max(each):.2f})"


def programs():
    print(f"""
## {count:,} programs

Of 9 KB each, no two alike, which do nothing. Counted in instructions of the one processor (QEMU's
`icount`), so that what else the machine does is not in the figures; a microsecond stands for a thousand
instructions. The files are in memory; no TPM.
""")
    times = {who: numbers(f"instructions.{who}", "times") for who in WHO}
    table("µs per program", "nobody", "kernel", "ratio", "host", "ratio")
    for index, label in enumerate(("first time", "again", "a third time")):
        off, kernel, host = (times[who][index] / 1000 for who in WHO)
        row(label, f"{off:.1f}", f"{kernel:.1f}", f"**{kernel / off:.2f}**", f"{host:.1f}", f"**{host / off:.2f}**")


def programs_with_tpm():
    print("""
The same with a TPM, which is extended once for each program. The extend waits for the emulator, which
runs outside of the guest's clock: this says that one waits, not for how long.
""")
    times = {who: numbers(f"tpm.{who}", "times") for who in ("kernel", "host")}
    table("µs per program", "kernel", "host")
    for index, label in enumerate(("first time", "again", "a third time")):
        row(label, *(f"{times[who][index] / 1000:.1f}" for who in ("kernel", "host")))


def programs_from_disk(rounds):
    print(f"""
## {count // 6:,} programs from the disk, by the clock

Two processors, a TPM, {len(rounds)} boots of each kind in turn; caches dropped before. Microseconds per program,
the median of the boots; ratios are to nobody in the same turn: the median, the lowest and the highest.
""")
    wall = {who: [numbers(f"wall.{who}.{turn}", "times") for turn in rounds] for who in WHO}
    table("µs per program", "nobody", "kernel", "ratio", "host", "ratio")
    for index, label in enumerate(("cold: first time", "warm: again", "warm: a third time", "cold again: caches dropped")):
        each = {who: [boot[index] / 1000 for boot in wall[who]] for who in WHO}
        off, kernel, host = (f"{statistics.median(each[who]):,.0f}" for who in WHO)
        row(label, off, kernel, ratios(each["kernel"], each["off"]), host, ratios(each["host"], each["off"]))


def boots(rounds):
    print(f"""
## The boot

Of the guest with systemd, until all units of the start are up; {len(rounds)} boots of each kind. The service is the
installed package's, which measures what is executed and mapped on all filesystems; the kernel's `tcb`
also measures what root reads. In instructions again: a second stands for a thousand million, and waiting for
the disk counts too. The goal of ImaHost is 10 % above nobody.
""")
    times = {who: [numbers(f"boot.{who}.{turn}", "time")[0] / 1e6 for turn in rounds] for who in WHO}
    entries = {"kernel": numbers("boot.kernel.1", "kernel")[0], "host": numbers("boot.host.1", "host")[0]}
    table("", "nobody", "kernel", "host")
    row("seconds", *(f"{statistics.median(times[who]):.2f}" for who in WHO))
    row("ratio to nobody", "", *(ratios(times[who], times["off"]) for who in WHO[1:]))
    row("entries by then", "", *(f"{entries[who]:.0f}" for who in WHO[1:]))
    ratio = statistics.median(host / off for host, off in zip(times["host"], times["off"]))
    print(f"\nThe goal is {'reached' if ratio <= 1.10 else '**not reached**'}.")


print("""# The kernel's IMA and the host, side by side

`sudo make bench-beside` writes this page: in a guest (`tests/EndToEnd`), Debian 12 with its kernel 6.1,
the same work with nobody measuring, with the kernel measuring (`ima_policy=tcb`), and with the host
measuring by the same policy (the kernel then does not).

The guest's processor is QEMU's interpreter: it has no instructions for SHA, and what takes long
natively need not take long there. **Ratios** between columns of one line can be compared, times cannot.""")
there = set(os.listdir(results))
if {f"instructions.{who}" for who in WHO} <= there:
    programs()
if {"tpm.kernel", "tpm.host"} <= there:
    programs_with_tpm()
if turns("wall"):
    programs_from_disk(turns("wall"))
if turns("boot"):
    boots(turns("boot"))
remarks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remarks.md")
if os.path.exists(remarks):
    print()
    print(open(remarks, encoding="utf-8").read(), end="")
