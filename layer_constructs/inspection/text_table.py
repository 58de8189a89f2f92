"""Rows -> text: a table by rich in a terminal, plain columns in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from layer_constructs.building.inventory.clean import one_line

_BAR = 40


@dataclass(frozen=True, slots=True)
class Column:
    """One column; numbers stand right."""

    name: str
    is_number: bool = False
    style: str = ""


def show(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. What stands in it may be anyone's: it is printed as text, in one line."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if is_plain():
        for row in [[column.name for column in columns], *cells]:
            click.echo(_plain(row, columns, cells))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.name, justify="right" if column.is_number else "left", style=column.style or None,
                         no_wrap=column.is_number, overflow="fold")  # fmt: skip
    for row in cells:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def is_plain() -> bool:
    """Whether no table is drawn: the output is no terminal, or NO_COLOR is set (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()


def bar(size: int, limit: int) -> str:
    """How much of a limit is used, in characters that every terminal has."""
    share = size / limit
    filled = min(_BAR, max(round(share * _BAR), 1 if size else 0))
    return f"[{'#' * filled}{'.' * (_BAR - filled)}]"


def _plain(row: Sequence[str], columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> str:
    words = []
    for number, (cell, column) in enumerate(zip(row, columns, strict=True)):
        width = max([len(column.name), *(len(other[number]) for other in cells)])
        words.append(cell.rjust(width) if column.is_number else cell.ljust(width))
    return "  ".join(words).rstrip()
