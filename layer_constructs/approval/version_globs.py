"""Ranges of layer versions, and the globs that match exactly their numbers."""

from __future__ import annotations

from collections.abc import Iterable

# From, to (both included); None is no end. Ascending, and never touching one another.
Interval = tuple[int, int | None]
Versions = tuple[Interval, ...]
EVERY: Versions = ((1, None),)


def globs(versions: Versions) -> list[str]:
    """The fewest ``?`` and ``*`` globs that this way gives for the numbers of these ranges, and for no other.

    Every glob but that of all versions starts with a digit of its own: ``???*`` would be shorter for "100 or later",
    but takes ``005`` as well.
    """
    if versions == EVERY:
        return ["*"]
    return [glob for low, high in versions for glob in _interval(low, high)]


def union(versions: Iterable[Interval]) -> Versions:
    """All of them, those that overlap or touch made one."""
    joined: list[Interval] = []
    for low, high in sorted(versions, key=lambda interval: interval[0]):
        if joined and (joined[-1][1] is None or low <= joined[-1][1] + 1):
            before = joined[-1]
            joined[-1] = (before[0], None if before[1] is None or high is None else max(before[1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def without(versions: Versions, others: Versions) -> Versions:
    """Those of the first that are in none of the others."""
    left = list(versions)
    for low, high in others:
        kept: list[Interval] = []
        for start, end in left:
            if start < low:
                kept.append((start, low - 1 if end is None else min(end, low - 1)))
            if high is not None and (end is None or end > high):
                kept.append((max(start, high + 1), end))
        left = kept
    return tuple(left)


def contains(versions: Versions, number: int) -> bool:
    return any(low <= number and (high is None or number <= high) for low, high in versions)


def nearest(versions: Versions, number: int) -> int | None:
    """The number of these ranges that is nearest; of two, the later one."""
    if contains(versions, number):
        return number
    ends = [end for interval in versions for end in interval if end is not None]
    return min(ends, key=lambda end: (abs(end - number), -end), default=None)


def _interval(low: int, high: int | None) -> list[str]:
    if high is None:
        digits = len(str(low))
        longer = [f"{first}{'?' * digits}*" for first in range(1, 10)]
        return [*_same_length(str(low), "9" * digits), *longer]
    found = []
    while low <= high:
        last = min(high, 10 ** len(str(low)) - 1)
        found += _same_length(str(low), str(last))
        low = last + 1
    return found


def _same_length(low: str, high: str) -> list[str]:
    """Globs for the numbers from one to another of as many digits."""
    if not low:
        return [""]
    rest = len(low) - 1
    if low[0] == high[0]:
        return [low[0] + glob for glob in _same_length(low[1:], high[1:])]
    found = []
    first, last = int(low[0]), int(high[0])
    if low[1:] != "0" * rest:
        found += [low[0] + glob for glob in _same_length(low[1:], "9" * rest)]
        first += 1
    tail: list[str] = []
    if high[1:] != "9" * rest:
        tail = [high[0] + glob for glob in _same_length("0" * rest, high[1:])]
        last -= 1
    if (first, last) == (0, 9):
        found.append("?" * len(low))
    else:
        found += [f"{digit}{'?' * rest}" for digit in range(first, last + 1)]
    return found + tail
