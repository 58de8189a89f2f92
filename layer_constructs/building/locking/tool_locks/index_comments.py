"""The index of each name, as a comment behind it."""

from __future__ import annotations

import re
from collections.abc import Callable

from packaging.utils import canonicalize_name


def with_indexes(text: str, index_of: Callable[[str, str | None], str | None]) -> str:
    """Requirements text with the index of each name behind it, as a comment that ``requirements`` reads."""
    lines: list[str] = []
    index: str | None = None
    for line in text.splitlines():
        found = re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?(?:==([^\s;\\]+))?(?=\s|;|$)(?!\s*@)", line)
        if found:
            index = index_of(canonicalize_name(found[1]), found[2])
        ends = index is not None and not line.endswith("\\")
        lines.append(f"{line}  # index: {index}" if ends else line)
        index = None if ends else index
    return "\n".join(lines) + "\n"
