"""A process with all that it started, as Linux tells of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
KNOWN = (_PROC / "self" / "task" / str(os.getpid()) / "children").exists()
_SCHEDULED = 2


def tree(pid: int) -> Iterator[int]:
    """A process and those that it started, and they, and that are there now."""
    yield pid
    with suppress(OSError):  # it ended meanwhile
        for thread in (_PROC / str(pid) / "task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield from tree(int(child))


def memory(pid: int) -> int:
    """Bytes of it that are in memory, what it shares with others too."""
    with suppress(OSError):
        pages = (_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def cpu_seconds(pid: int) -> float:
    """User and system time of it, and of those it started that have ended."""
    with suppress(OSError):
        # Its own in nanoseconds, by the clock that clock_getcpuclockid(3) gives for a process; a tick is 10 ms.
        own = time.clock_gettime((~pid << 3) | _SCHEDULED)
        # The name in brackets may have spaces; the state comes after it, and theirs are the 14th and 15th from there.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return own + sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
