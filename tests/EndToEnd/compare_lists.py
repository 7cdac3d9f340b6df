#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare_lists.py RESULTS DOCUMENT: the kernel's list beside the host's, of the
same work under the same policy (jobs/side-by-side.sh left them in RESULTS). Says
in how many entries, digest and path, they agree, and lists the others with
the reason; each reason is a sentence of DOCUMENT. Exit status 1: one has none."""
import collections
import re
import sys
from typing import NamedTuple


class Entry(NamedTuple):
    """What both have to say of a file."""

    digest: bytes
    name: bytes


class Reason(NamedTuple):
    """Why one list has entries that the other has not."""

    side: str
    sentence: str
    holds: "collections.abc.Callable[[Entry, Beside], bool]"


class Beside:
    """Both lists, and what the files are that they name."""

    def __init__(self, results):
        self.kernel = read_list(f"{results}/kernel.list")
        self.host = read_list(f"{results}/host.list")
        before = int(open(f"{results}/before", encoding="ascii").read())
        self.late = set(self.kernel[before:])
        self.kinds = {}
        with open(f"{results}/kinds", "rb") as lines:
            for line in lines:
                kind, name = line.rstrip(b"\n").split(b" ", 1)
                self.kinds[name] = kind.decode()
        self.digests = collections.defaultdict(set)
        for one in self.kernel:
            self.digests[one.digest].add(one.name)

    def was_renamed(self, entry):
        """The kernel has this content by another name of the same directory."""
        directory = entry.name.rpartition(b"/")[0]
        names = self.digests[entry.digest]
        return any(name.rpartition(b"/")[0] == directory for name in names)

    def kind(self, entry):
        """elf, script, data or gone."""
        return self.kinds.get(entry.name, "gone")


def read_list(path):
    """The entries of an ascii list in their order."""
    with open(path, "rb") as lines:
        fields = (line.rstrip(b"\n").split(b" ") for line in lines)
        return [Entry(one[3], one[4]) for one in fields]


def by_name(pattern):
    expression = re.compile(pattern.encode())
    return lambda entry, beside: expression.match(entry.name) is not None


REASONS = [
    Reason("kernel", "The kernel enters what the host reads for itself: its state, and the databases of packages.",
           by_name(r"/var/lib/imahost/|/var/lib/dpkg/updates/")),
    Reason("kernel", "`/run/ima` is answered by a server, the host, and so not watched.", by_name(r"/run/ima/")),
    Reason("kernel", "Violations come at other moments, as told above.",
           lambda entry, beside: set(entry.digest.rpartition(b":")[2]) == {ord("0")}),
    Reason("host", "The host enters buffers of its own, `imahost-start` and others.", by_name(r"imahost-")),
    Reason("host", "The files of its state the host enters when somebody else reads them, not at the kernel's moment.",
           by_name(r"/var/lib/imahost/")),
    Reason("host", "A file made by O_TMPFILE passes none of the kernel's hooks when it is opened.", by_name(r"/.*/#\d+$")),
    Reason("host", "The kernel knows an inode by the name that it had first: a file that `dpkg` renamed after it was read.",
           lambda entry, beside: beside.was_renamed(entry)),
    Reason("host", "An ELF file that an ordinary user copied was not mapped, but might have been.",
           lambda entry, beside: beside.kind(entry) == "elf"),
]



def show(title, entries, beside, limit):
    print(f"{title}: {len(entries)}")
    for one in entries[:limit]:
        print(f"  {beside.kind(one):6} {one.name.decode(errors='replace')} {one.digest.decode()[:20]}")


def main():
    beside = Beside(sys.argv[1])
    document = re.sub(r"\s+", " ", open(sys.argv[2], encoding="utf-8").read())
    kernel, host = set(beside.kernel), set(beside.host)
    agreed = kernel & host
    different = [("kernel", one) for one in beside.kernel if one in beside.late and one not in host]
    different += [("host", one) for one in beside.host if one not in kernel]
    explained = collections.defaultdict(list)
    unexplained = collections.defaultdict(list)
    for side, one in dict.fromkeys(different):
        reason = next((r for r in REASONS if r.side == side and r.holds(one, beside)), None)
        if reason is None:
            unexplained[side].append(one)
        else:
            explained[reason].append(one)

    print(f"kernel: {len(beside.kernel)} entries, {len(beside.late)} after the host came; host: {len(beside.host)}")
    kinds = collections.Counter(beside.kind(one) for one in agreed)
    print("agree in digest and path: " + str(len(agreed)) + " ("
          + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) + ")")
    missing = [reason.sentence for reason in REASONS if reason.sentence not in document]
    for reason, entries in explained.items():
        show(f"only the {reason.side}'s, explained: {reason.sentence}", entries, beside, 3)
    for side, entries in unexplained.items():
        show(f"only the {side}'s, UNEXPLAINED", entries, beside, 60)
    for sentence in missing:
        print(f"not in {sys.argv[2]}: {sentence}")
    sys.exit(1 if missing or unexplained or not agreed else 0)


main()
