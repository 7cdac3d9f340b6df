# SPDX-License-Identifier: Apache-2.0
"""kinds.py LIST…: what the files are that measurement lists name, one a line:
elf, script, data or gone, and the name as it stands in the list."""
import os
import sys

names = set()
for path in sys.argv[1:]:
    with open(path, "rb") as lines:
        names.update(line.split(b" ")[4].rstrip(b"\n") for line in lines)


def kind(name):
    """By the beginning of what has this name now."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return "gone"
    try:
        start = os.read(fd, 4)
    except OSError:
        return "gone"
    finally:
        os.close(fd)
    if start == b"\x7fELF":
        return "elf"
    return "script" if start[:2] == b"#!" else "data"


for name in sorted(names):
    sys.stdout.buffer.write(kind(name).encode() + b" " + name + b"\n")
