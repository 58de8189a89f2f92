"""The Python line that made a construct of ours: the CDK's own locations end where Python begins."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import NamedTuple

# Frames of these are on the way from the user's line to the construct.
_OURS = str(Path(__file__).parents[1]) + os.sep
_BETWEEN = frozenset({"aws_cdk", "constructs", "jsii"})


class Origin(NamedTuple):
    """Prints as ``stacks/core.py:12``."""

    path: Path
    line: int

    def __str__(self) -> str:
        here = Path.cwd()
        path = self.path.relative_to(here) if self.path.is_relative_to(here) else self.path
        return f"{path}:{self.line}"


def origin_of_caller() -> Origin | None:
    """The nearest frame that is neither ours nor jsii's; None if there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack()` reads every source file on the way
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _BETWEEN and not frame.f_code.co_filename.startswith(_OURS):
            return Origin(Path(frame.f_code.co_filename), frame.f_lineno)
        frame = frame.f_back
    return None
