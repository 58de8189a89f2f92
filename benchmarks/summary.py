"""All targets in one table, from the sections that have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# Cells are parted by bars, but for those that are part of a text.
_BAR = re.compile(r"(?<!\\)\|")

_TARGET = "target"


def summary(sections: Mapping[str, str]) -> list[str]:
    """The lines of the table.

    :param sections: by name, with tables of their own. Those count that have a column ``target``: two columns before
        say what is compared, those between what was measured, and those behind whether the target was met.
    """
    found = [f"| [{name}](#{name}) | {' | '.join(cells)} |" for name, text in sections.items() for cells in _rows(text)]
    return ["| in | what | target | median | verdict |", "|---|---|---|---|---|", *found]


def _rows(text: str) -> Iterator[list[str]]:
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("| "):
            header = header if line.startswith("|-") else []
            continue
        cells = [cell.strip() for cell in _BAR.split(line)[1:-1]]
        if not header:
            header = cells
            continue
        row = list(zip(header, cells, strict=False))
        at = header.index(_TARGET) if _TARGET in header else len(row)
        if at < len(row) and cells[at]:
            values = "; ".join(f"{name} {cell.partition(' (')[0]}" for name, cell in row[2:at])
            said = "; ".join(f"{cell} {name}".rstrip() for name, cell in row[at + 1 :] if cell)
            yield [f"{cells[0]}, {header[1]} {cells[1]}", cells[at], values, said]
