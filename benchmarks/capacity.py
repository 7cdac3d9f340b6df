#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""capacity.py IMAHOST WORK RESULTS: run by capacity.sh, which made WORK a tmpfs
of its own with an ext4 of its own in WORK/ext4. Runs real daemons and writes
what they need, beside the goals, into RESULTS."""
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 7
STARTS = 10
VERDICTS = 10_000
READ = 128 << 10
READY = 30  # seconds, far more than any start takes
FILE = "(its file, from the page cache)"

INTRO = """# What many entries, many verdicts and a start cost

`sudo make bench-capacity` (also in `sudo make bench`), on {machine}. Real
daemons on filesystems of their own. Memory is that of /proc/PID/status: *anonymous* is RssAnon; the rest of
the resident memory is the program and the table of digests, files whose pages the kernel can take back.
"""

LISTS = f"""
## Long lists

A list of template ima-sig that stood in the state directory, without a TPM. Each round reads every list
whole, in reads of 128 KiB, and a short one as often as gives the bytes of the longest; {ROUNDS} rounds, the lists
in turn: median (lowest to highest). Reader and hosts share one processor: where they do not, a read of the
binary list takes two to three times as long on this virtual machine, whatever the list, because each must be
woken on the other processor.
"""

KEPT = f"""
## Kept verdicts

{VERDICTS:,} small programs on ext4, each opened once, `cache: {2 * VERDICTS}`, our own swtpm.
"""

START = f"""
## A start

From the exec of `imahost daemon` to `imahost: ready`, which it says when the marks are in place and the host
is there; one ext4, {STARTS} starts of each kind in turn. *own swtpm* starts an emulator and begins a list; *swtpm
there* finds one that runs, and goes on with its list; *none* begins a list without a TPM.
"""


class Daemon:
    """`imahost daemon` that watches one filesystem, in directories of its own."""

    def __init__(self, imahost, work, name, watch, options=(), state=None):
        self.imahost = imahost
        self.state = state or os.path.join(work, name + ".state")
        self.fs = os.path.join(work, name + ".fs")
        self.log = os.path.join(work, name + ".log")
        command = [imahost, "daemon", "--watch", watch, "--fs", self.fs, "--state", self.state, *options]
        with open(self.log, "ab") as log:
            begun = time.perf_counter()
            # The guard takes this process's place: its number stays.
            self.guard = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        signal.alarm(READY)
        line = self.guard.stdout.readline()
        signal.alarm(0)
        self.start_seconds = time.perf_counter() - begun
        if line != b"imahost: ready\n":
            self.guard.kill()
            with open(self.log, encoding="utf-8") as said:
                raise RuntimeError(f"{command} is not ready but says {line}: {said.read()}")

    def status(self):
        command = [self.imahost, "status", "--state", self.state, "--json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=READY).stdout)

    def host(self):
        return self.status()["host_pid"]

    def path(self, name):
        return os.path.join(self.state, "current", "00000000.ima") if name == FILE else os.path.join(self.fs, name)

    def stop(self):
        self.guard.terminate()
        try:
            self.guard.wait(READY)
        except subprocess.TimeoutExpired:
            self.guard.kill()
            self.guard.wait(READY)
            raise
        self.guard.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def memory(pid):
    """Bytes of VmRSS and RssAnon."""
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            name, _, value = line.partition(":")
            fields[name] = value.split()
    return int(fields["VmRSS"][0]) << 10, int(fields["RssAnon"][0]) << 10


def mib(count):
    return f"{count / (1 << 20):.1f}"


def spread(values, places=1):
    return f"{statistics.median(values):.{places}f} ({min(values):.{places}f} to {max(values):.{places}f})"


def goal(text, is_met):
    return f"{text}: {'met' if is_met else '**missed**'}"


def table(into, *rows):
    """The first row is the head."""
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    into.write("\n" + "".join(f"| {' | '.join(str(cell) for cell in row)} |\n" for row in rows))


def plant_list(work, entries):
    """A state directory whose list of this boot has so many entries."""
    state = os.path.join(work, f"list-{entries}.state")
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        path = os.path.join(state, "lists", boot.read().strip(), "00000000.ima")
    os.makedirs(os.path.dirname(path), 0o700)
    subprocess.run([sys.executable, os.path.join(HERE, "list.py"), str(entries), path], check=True)
    for other in ("ascii", "sha1", "sha256"):
        os.unlink(f"{path}.{other}")
    return state


def pin(pid):
    """Puts all threads of a process on the first processor."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {0})


def read_start(path, buffer, limit):
    """Reads the file up to a number of bytes, or to its end; returns how many that were."""
    total = 0
    with open(path, "rb", buffering=0) as file:
        while total < limit and (got := file.readinto(buffer)):
            total += got
    return total


def nanoseconds_per_byte(path, repeats, limit=sys.maxsize):
    buffer = bytearray(READ)
    begun = time.perf_counter_ns()
    total = sum(read_start(path, buffer, limit) for _ in range(repeats))
    return (time.perf_counter_ns() - begun) / total


def measure_lists(imahost, work, into):
    into.write(LISTS)
    forms = ("ascii_runtime_measurements", "binary_runtime_measurements", FILE)
    times = {(form, entries): [] for form in forms for entries in SIZES}
    starts_only = {form: [] for form in forms}
    with contextlib.ExitStack() as daemons:
        running = {}
        for entries in SIZES:
            watch = os.path.join(work, f"watch-{entries}")
            os.mkdir(watch)
            subprocess.run(["mount", "-t", "tmpfs", "imahost-bench", watch], check=True)
            daemon = Daemon(imahost, work, f"list-{entries}", watch, ["--tpm", "none"], plant_list(work, entries))
            running[entries] = daemons.enter_context(daemon)
        everywhere = os.sched_getaffinity(0)
        for daemon in running.values():
            pin(daemon.host())
        pin(os.getpid())
        for _ in range(ROUNDS):
            for form in forms:
                for entries, daemon in running.items():
                    times[form, entries].append(nanoseconds_per_byte(daemon.path(form), max(SIZES) // entries))
                shortest = os.stat(running[SIZES[0]].path(form)).st_size
                longest = running[SIZES[-1]].path(form)
                starts_only[form].append(nanoseconds_per_byte(longest, SIZES[-1] // SIZES[0], shortest))
        os.sched_setaffinity(0, everywhere)
        held = {entries: memory(daemon.host()) for entries, daemon in running.items()}
        starts = {entries: daemon.start_seconds for entries, daemon in running.items()}
    write_lists(into, forms, times, starts_only, held, starts)


def ratio_of(times, form, entries):
    """How much longer a byte takes than in the shortest list, round by round."""
    return statistics.median(a / b for a, b in zip(times[form, entries], times[form, SIZES[0]]))


def write_lists(into, forms, times, starts_only, held, starts):
    rows = []
    for form in forms:
        for entries in SIZES:
            here = times[form, entries]
            rows.append((form, f"{entries:,}", spread(here, 3), f"{1000 / statistics.median(here):,.0f}",
                         f"{ratio_of(times, form, entries):.2f}x"))
    table(into, ("file", "entries", "ns per byte", "MB/s", "to the shortest"), *rows)
    rows = [(f"{size:,}", mib(held[size][0]), mib(held[size][1]), f"{starts[size]:.2f}") for size in SIZES]
    table(into, ("entries", "host resident MiB", "host anonymous MiB", "started in seconds"), *rows)
    most, least = SIZES[-1], SIZES[0]
    per_entry = (held[most][1] - held[least][1]) / (most - least)
    said = f"{per_entry:.1f} bytes of anonymous memory for each entry, at most 16"
    into.write(f"\n- {goal(said, per_entry <= 16)}\n")
    for form in (form for form in forms if form != FILE):
        ratio, slowest = ratio_of(times, form, most), 1000 / max(statistics.median(times[form, size]) for size in SIZES)
        longer = goal(f"{ratio:.2f} times as long for a byte of the longest, at most 1.3", ratio <= 1.3)
        fast = goal(f"{slowest:,.0f} MB/s or more, not below 300", slowest >= 300)
        into.write(f"- {form}: {longer};\n  {fast}.\n")
        again = statistics.median(a / b for a, b in zip(starts_only[form], times[form, SIZES[0]]))
        into.write(f"  As much of the longest as the shortest has, read as often: {again:.2f} times as long.\n")
    into.write(f"- A byte of the file itself takes {ratio_of(times, FILE, most):.2f} times as long in the longest: the"
               " shortest stays in the\n  processor's cache from one reading to the next, the longest does not.\n")


def program(number):
    """A distinct x86-64 ELF program that does nothing but exit(0)."""
    code = bytes.fromhex("31ffb83c0000000f05")
    base, head = 0x400000, 64 + 56
    size = head + len(code)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    for width, value in ((2, 2), (2, 62), (4, 1), (8, base + head), (8, 64), (8, 0), (4, 0), (2, 64), (2, 56), (2, 1),
                         (2, 64), (2, 0), (2, 0)):
        elf += value.to_bytes(width, "little")
    for width, value in ((4, 1), (4, 5), (8, 0), (8, base), (8, base), (8, size), (8, size), (8, 0x1000)):
        elf += value.to_bytes(width, "little")
    return elf + code + b"%d" % number


def measure_verdicts(imahost, work, into):
    volume = os.path.join(work, "ext4")
    into.write(KEPT)
    config = os.path.join(work, "verdicts.yaml")
    with open(config, "w", encoding="ascii") as options:
        options.write(f"cache: {2 * VERDICTS}\n")
    paths = [os.path.join(volume, f"program-{number}") for number in range(VERDICTS)]
    for number, path in enumerate(paths):
        with open(path, "wb") as file:
            file.write(program(number))
        os.chmod(path, 0o755)
    subprocess.run([paths[0]], check=True)
    with Daemon(imahost, work, "verdicts", volume, ["--config", config]) as daemon:
        pids = {"guard": daemon.guard.pid, "host": daemon.host()}
        before = {name: memory(pid) for name, pid in pids.items()}
        for path in paths:
            os.close(os.open(path, os.O_RDONLY))
        after = {name: memory(pid) for name, pid in pids.items()}
        status = daemon.status()
    write_verdicts(into, before, after, status)


def write_verdicts(into, before, after, status):
    rows = [(name, *map(mib, (*before[name], *after[name]))) for name in after]
    sums = [mib(sum(values[name][kind] for name in values)) for values in (before, after) for kind in (0, 1)]
    cached = status["accesses"]["cached"]
    table(into, ("process", "resident MiB at the start", "of it anonymous", f"resident MiB with {cached:,} verdicts",
                 "of it anonymous"), *rows, ("sum", *sums))
    total = sum(resident for resident, _ in after.values()) / (1 << 20)
    into.write(f"\n- {goal(f'{total:.1f} MiB of resident memory in sum, at most 30', total <= 30)}\n")
    if cached < VERDICTS:
        into.write(f"- only {cached:,} verdicts are kept\n")


def measure_starts(imahost, work, into):
    into.write(START)
    watch = os.path.join(work, "ext4")
    emulator = os.path.join(work, "emulator")
    os.mkdir(emulator)
    socket = os.path.join(emulator, "sock")
    swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={emulator}", "--server",
                              f"type=unixio,path={socket}", "--ctrl", f"type=unixio,path={socket}.ctrl", "--flags",
                              "not-need-init,startup-clear"], stderr=subprocess.DEVNULL)
    times = {"own swtpm": [], "swtpm there": [], "none": []}
    try:
        while not os.path.exists(socket):
            time.sleep(0.01)
        for number in range(STARTS + 1):
            kinds = {
                "own swtpm": (f"own-{number}", ()),
                "swtpm there": ("there", ("--tpm", f"swtpm:path={socket}")),
                "none": (f"none-{number}", ("--tpm", "none")),
            }
            for kind, (name, options) in kinds.items():
                with Daemon(imahost, work, name, watch, options) as daemon:
                    # The first of each kind begins the list of the emulator that is there, and warms the rest.
                    if number > 0:
                        times[kind].append(daemon.start_seconds * 1000)
    finally:
        swtpm.terminate()
        swtpm.wait(READY)
    rows = [(kind, spread(values)) for kind, values in times.items()]
    table(into, ("TPM", "milliseconds: median (lowest to highest)"), *rows)
    slowest = max(statistics.median(values) for values in times.values())
    into.write(f"\n- {goal(f'{slowest:.0f} ms, at most 100', slowest <= 100)}\n")


def main(imahost, work, results):
    machine = f"Linux {'.'.join(platform.release().split('.')[:2])}, {os.cpu_count()} virtual processors"
    part = results + ".part"
    with open(part, "w", encoding="utf-8") as into:
        into.write(INTRO.format(machine=machine))
        measure_lists(imahost, work, into)
        measure_verdicts(imahost, work, into)
        measure_starts(imahost, work, into)
    os.replace(part, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
