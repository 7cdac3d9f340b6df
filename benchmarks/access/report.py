# SPDX-License-Identifier: Apache-2.0
"""report.py SAMPLES OUTPUT: what run.sh measured, as OUTPUT.md and OUTPUT.svg.

A line of SAMPLES is KIND ROUND MODE ROW MICROSECONDS: what one pass of a turn
took; a turn is the median of its passes. Shown is the median of the rounds; a
ratio is the median of each round's own ratio, so that a machine that is slower
for a while is so in both.
"""

import argparse
import collections
import dataclasses
import math
import platform
import re
import statistics
import subprocess

NAMES = {"imahost": "ImaHost", "fapolicyd": "fapolicyd"}


@dataclasses.dataclass
class Row:
    """A kind of work; `to` is the row of no daemon that its goal is a multiple of, if another."""

    key: str
    label: str
    goal: float | None = None
    to: str | None = None


def rows_of(programs, files):
    """The rows in the order of the table."""
    return [
        Row("exec", "run a program of 9 KB again", 1.03),
        Row("open", "open a data file again", 1.12),
        Row("map", "map a library again", 1.12),
        Row("walk", f"find and cat {files:,} files again", 1.10),
        Row("gcc", "gcc -O2 again", 1.05),
        Row("programs-again", f"run {programs:,} programs a second time"),
        Row("storm", "run a program from 4 processes at once"),
        Row("programs-first", f"run {programs:,} programs for the first time", 1.8),
        Row("programs-memory", f"run {programs // 10:,} programs for the first time, in memory"),
        Row("data-first", f"read {files:,} data files for the first time", 2.0),
        Row("data-memory", f"read {files // 10:,} data files for the first time, in memory"),
        Row("gcc-first", "gcc -O2 for the first time"),
        Row("big-first", "run 16 MB for the first time", 1.3, "hash"),
        Row("big-memory", "run 16 MB for the first time, in memory", 1.3, "hash"),
    ]


@dataclasses.dataclass
class Figure:
    """The median of some rounds, and how far they lie apart."""

    values: list[float]

    @property
    def median(self):
        return statistics.median(self.values)

    def show_time(self):
        unit, size = (" ms", 1000) if self.median >= 5000 else ("", 1)
        low, middle, high = (
            f"{took / size:,.{1 if took / size < 100 else 0}f}" for took in self._spread())
        return f"{middle}{unit} ({low}..{high})"

    def show_ratio(self):
        low, middle, high = map(show_ratio, self._spread())
        return f"**{middle}** ({low}..{high})"

    def _spread(self):
        return min(self.values), self.median, max(self.values)


class Samples:
    """What was measured, by filesystem, mode and row."""

    def __init__(self, path):
        passes = collections.defaultdict(list)
        with open(path, encoding="ascii") as lines:
            for line in lines:
                kind, number, mode, row, took = line.split()
                passes[kind, mode, row, int(number)].append(float(took))
        self._of = collections.defaultdict(dict)
        for (kind, mode, row, number), took in passes.items():
            self._of[kind, mode, row][number] = statistics.median(took)

    def kinds(self):
        return list(dict.fromkeys(kind for kind, _, _ in self._of))

    def modes(self, kind):
        return [mode for mode in NAMES if (kind, mode, "walk") in self._of]

    def rounds(self, kind):
        return len(self._of[kind, "none", "walk"])

    def time(self, kind, mode, row):
        return Figure(list(self._of[kind, mode, row].values()))

    def ratio(self, kind, mode, row, to=None):
        """MODE's ROW as a multiple of row TO without a daemon."""
        base = self._of[kind, "none", to or row]
        return Figure([took / base[number] for number, took in self._of[kind, mode, row].items()])


def show_ratio(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def show_goal(samples, kind, row):
    """The goal of a row, and whether ImaHost is there."""
    if row.goal is None:
        return "", ""
    ratio = samples.ratio(kind, "imahost", row.key, row.to).median
    reached = "reached" if ratio <= row.goal else "**not reached**"
    if row.to:
        return f"≤ {row.goal} × hashing", f"{reached}: {show_ratio(ratio)} ×"
    return f"≤ {row.goal:.2f}", reached


def table(samples, kind, rows):
    modes = samples.modes(kind)
    head = ["", "no daemon"]
    for mode in modes:
        head += [NAMES[mode], "ratio"]
    lines = [head + ["goal of ImaHost", ""], ["---"] + ["---:"] * (len(head) - 1) + ["---", "---"]]
    for row in rows:
        cells = [row.label, samples.time(kind, "none", row.key).show_time()]
        for mode in modes:
            cells += [samples.time(kind, mode, row.key).show_time()]
            cells += [samples.ratio(kind, mode, row.key).show_ratio()]
        lines.append(cells + list(show_goal(samples, kind, row)))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def first_line(*command):
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "?"
    return (said.stdout + said.stderr).splitlines()[0].strip()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        processors = re.findall(r"^model name\s*: (.*)", file.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read())[1]) / 2**20
    kernel = ".".join(platform.release().split(".")[:2])
    swtpm = re.search(r"version ([\d.]+)", first_line("swtpm", "--version"))
    return (f"Linux {kernel}, {len(processors)} × {processors[0] if processors else '?'},"
            f" {memory:.0f} GiB; {first_line('gcc', '--version')}; swtpm {swtpm[1] if swtpm else '?'}")


PROSE = """# What being measured costs

`sudo make bench` writes this page. The same work without a daemon, with ImaHost (its default policy,
swtpm), and with fapolicyd, the other daemon that decides in user space. A round takes these modes in
turn; a turn mounts an image of its own anew, starts the daemon, does the work as an ordinary user and
stops the daemon. The times are microseconds per access, or milliseconds (ms) for the whole: the median
of {rounds} rounds, each the median of its accesses; in brackets the lowest and the highest round. The
**ratios** are to no daemon in the same round. Read those; the times are this machine's.

{machine}.

![ratios to no daemon](access.svg)
"""

NOTES = """
- *Again*: the file was accessed before while this daemon ran, seconds ago. The median of five passes
  of 2,000 accesses to one file, of one walk, of three compilations.
- *First time*: the image was mounted just before, and the daemon has never seen the file. Programs end
  at once and have no libc, so that nothing hides what is added to an exec; no two have the same
  content.
- *In memory*: the file was read before the daemon started. What was not, comes from the image, which
  itself lies in memory: no disk is waited for. Without a daemon only the few pages that run are read at
  all, so the ratios of 16 MB say little; their goal is a multiple of what OpenSSL takes for the SHA-256
  of 16 MB in memory, here **{hash}**.
- What is judged, or comes from the image, has waited for other threads to wake up. On idle virtual
  processors each of these waits is some 10 to 20 microseconds longer than on busy ones, without a
  daemon too: a round in which the machine did something else differs by that in the first times.
- ImaHost measures: what runs or is mapped is hashed, entered in the list and extended into the TPM
  before it goes on. At the end of a turn every one of the programs must stand in its list.
- {peer_note}
"""

PEER_NOTE = """fapolicyd allows and denies: it looks the file's SHA-256 up in a list of trusted files. It is
  the distribution's package {version} with `integrity = sha256`, the package's rules "known-libs" and
  a trust file of every program here, and runs as root. In each turn it must let a trusted program run
  and refuse one that it does not know. It watches every mount of a type, which is why the image is an
  XFS, and why there is no fapolicyd on ext4."""


def page(samples, rows, peer):
    kinds = samples.kinds()
    text = PROSE.format(rounds=samples.rounds(kinds[0]), machine=machine())
    for kind in kinds:
        text += f"\n## {kind.upper() if kind == 'xfs' else kind}\n\n{table(samples, kind, rows)}\n"
    if peer.version:
        note = PEER_NOTE.format(version=peer.version)
    else:
        note = f"There is no column of fapolicyd here: {peer.lacking}."
    return text + NOTES.format(hash=samples.time(kinds[0], "none", "hash").show_time(), peer_note=note)


# The chart: a group of bars for each row, on a logarithmic scale that begins at "no daemon".
LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH = 320, 400, 70
BAR, GROUP_GAP, TOP, BOTTOM = 12, 10, 54, 34
# Without a colour scheme: what can be read on light and on dark.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #6e7781; }
.small { font-size: 11px; }
.grid { stroke: #8b949e; stroke-opacity: 0.35; }
.axis { stroke: #6e7781; }
.goal { stroke: #6e7781; stroke-width: 2; }
.imahost { fill: #1a7f64; }
.fapolicyd { fill: #c2680d; }
@media (prefers-color-scheme: light) {
  text { fill: #1f2328; }
  .goal { stroke: #1f2328; }
}
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .goal { stroke: #e6edf3; }
  .imahost { fill: #3fb68f; }
  .fapolicyd { fill: #e08a35; }
}
"""


class Chart:
    """The ratios of one filesystem as SVG."""

    def __init__(self, samples, kind, rows):
        self._samples, self._kind, self._rows = samples, kind, rows
        self._modes = samples.modes(kind)
        highest = max(
            samples.ratio(kind, mode, row.key).median for mode in self._modes for row in rows)
        self._decades = max(1.0, math.log10(highest * 1.1))
        self._parts = []

    def _x(self, ratio):
        return LABEL_WIDTH + PLOT_WIDTH * max(0.0, math.log10(ratio)) / self._decades

    def _add(self, element, text=None, **attributes):
        pairs = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{value}"' for name, value in attributes.items())
        self._parts.append(f"<{element}{pairs}/>" if text is None else f"<{element}{pairs}>{text}</{element}>")

    def _draw_scale(self, bottom):
        for decade in range(math.ceil(self._decades)):
            for step in (1, 2, 5):
                ratio = step * 10**decade
                if math.log10(ratio) > self._decades:
                    continue
                x = f"{self._x(ratio):.1f}"
                self._add("line", x1=x, x2=x, y1=TOP - 6, y2=bottom, class_="axis" if ratio == 1 else "grid")
                label = "no daemon" if ratio == 1 else f"{ratio} ×"
                self._add("text", label, x=x, y=bottom + 16, text_anchor="middle", class_="small")

    def _draw_legend(self, width):
        self._add("text", f"Time as a multiple of that without a daemon ({self._kind})", x=8, y=18)
        x = 8
        for mode in self._modes:
            self._add("rect", x=x, y=29, width=12, height=10, class_=mode)
            self._add("text", NAMES[mode], x=x + 18, y=38)
            x += 100
        self._add("line", x1=x + 4, x2=x + 4, y1=28, y2=40, class_="goal")
        self._add("text", "goal of ImaHost", x=x + 12, y=38)
        self._add("text", "logarithmic", x=width - 8, y=38, text_anchor="end", class_="small")

    def _goal(self, row):
        """The goal as a ratio to no daemon, whatever it is a multiple of."""
        if row.to is None:
            return row.goal
        hashing = self._samples.time(self._kind, "none", row.to).median
        return row.goal * hashing / self._samples.time(self._kind, "none", row.key).median

    def _draw_group(self, row, top):
        height = BAR * len(self._modes)
        self._add("text", row.label, x=LABEL_WIDTH - 10, y=top + height / 2 + 4, text_anchor="end")
        goal = self._x(self._goal(row)) if row.goal else 0
        for place, mode in enumerate(self._modes):
            ratio = self._samples.ratio(self._kind, mode, row.key).median
            y = top + BAR * place
            end = self._x(ratio)
            self._add("rect", x=LABEL_WIDTH, y=y, width=f"{max(1.0, end - LABEL_WIDTH):.1f}",
                      height=BAR - 2, class_=mode)
            if place == 0 and end < goal < end + VALUE_WIDTH:
                end = goal  # the figure stands beside the line, not on it
            self._add("text", f"{show_ratio(ratio)} ×", x=f"{end + 6:.1f}", y=y + BAR - 3, class_="small")
        if row.goal:
            x = f"{goal:.1f}"
            self._add("line", x1=x, x2=x, y1=top - 2, y2=top + BAR, class_="goal")

    def draw(self):
        group = BAR * len(self._modes) + GROUP_GAP
        bottom = TOP + group * len(self._rows)
        width = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH
        self._draw_scale(bottom)
        self._draw_legend(width)
        for place, row in enumerate(self._rows):
            self._draw_group(row, TOP + group * place)
        body = "\n".join(self._parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + BOTTOM}"'
                f' width="{width}" height="{bottom + BOTTOM}" role="img">\n'
                f"<title>ratios to no daemon</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("samples")
    arguments.add_argument("output")
    arguments.add_argument("--programs", type=int, required=True)
    arguments.add_argument("--files", type=int, required=True)
    arguments.add_argument("--version", default="", help="fapolicyd's")
    arguments.add_argument("--lacking", default="", help="why there is no fapolicyd")
    given = arguments.parse_args()
    samples = Samples(given.samples)
    rows = rows_of(given.programs, given.files)
    with open(given.output + ".md", "w", encoding="utf-8") as file:
        file.write(page(samples, rows, given))
    with open(given.output + ".svg", "w", encoding="utf-8") as file:
        file.write(Chart(samples, samples.kinds()[0], rows).draw())


if __name__ == "__main__":
    main()
