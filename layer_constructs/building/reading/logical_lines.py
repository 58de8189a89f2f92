"""The lines of a requirements file as pip counts and joins them."""

from __future__ import annotations

import re
from collections.abc import Iterator


def split_lines(text: str) -> list[str]:
    # Not `splitlines`, which also breaks at form feeds and U+2028: editors and uv don't, and count other lines.
    return re.split(r"\r\n|\r|\n", text)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, as pip joins them: a comment line ends a continued line."""
    first, parts = 0, list[str]()
    for number, line in enumerate(split_lines(text), start=1):
        if not parts:
            first = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        yield first, "".join(parts)
        parts = []
    if parts:
        yield first, "".join(parts)
