"""A comparison: what is measured, and which of the results is held to a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.pairs import Subject
from benchmarks.workspace import Workspace


class Unavailable(Exception):  # noqa: N818 - no error, the report says it
    """A comparison can't run on this machine; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table: ``ours`` compared with ``over``.

    :param limit: the target, at most: a ratio, or milliseconds where ``per`` is given. None if it is only shown.
    :param per: compare by difference, for each of so many things.
    :param beyond: what both of them do anyway: the ratio is that of what each takes longer.
    :param by: the one clock that decides. By CPU, what adds less than wall time varies; by wall, what works in a
        container, whose CPU time isn't that of a process of ours.
    """

    ours: str
    over: str
    limit: float | None = None
    per: int | None = None
    beyond: str | None = None
    by: Literal["wall", "CPU"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Several subjects that are measured in turn.

    :param about: what is measured, for the reader of the table.
    :param subjects: makes what is needed; the first is measured twice in each round, which shows the noise.
        Raises `Unavailable` where it can't.
    :param most_runs: rounds at the most, for what takes long.
    :param warm_up: see `measure`.
    """

    name: str
    about: str
    subjects: Callable[[Workspace], Sequence[Subject]]
    rows: Sequence[Row]
    most_runs: int | None = None
    warm_up: bool = True
