"""What is said while it works: one line when a layer's work starts, one when it is done."""

from __future__ import annotations

import os
import sys
from typing import Protocol

# Set to anything but "", "0" or "false" to silence it.
QUIET_VARIABLE = "LAYER_CONSTRUCTS_QUIET"


class Report(Protocol):
    """The seam through which the user is told something."""

    def __call__(self, line: str, /) -> None: ...


def is_quiet() -> bool:
    return os.environ.get(QUIET_VARIABLE, "").lower() not in {"", "0", "false"}


def to_stderr(line: str) -> None:
    """Standard error: standard output belongs to the program that synthesises."""
    if not is_quiet():
        print(f"layer-constructs: {line}", file=sys.stderr, flush=True)


def megabytes(size: int) -> str:
    """Bytes as MB of 1,048,576, the unit in which Lambda's limit is 250."""
    return f"{size / 1_048_576:.1f} MB"
