"""What stands in a table's cell."""

from __future__ import annotations

import math

from benchmarks.pairs import Spread


def ratio(spread: Spread) -> str:
    if math.isinf(spread.maximum):
        return "not told apart from the noise"
    return f"{spread.median:.2f} x ({spread.minimum:.2f} to {spread.maximum:.2f})"


def milliseconds(spread: Spread) -> str:
    return f"{spread.median:+.1f} ms ({spread.minimum:+.1f} to {spread.maximum:+.1f})"


def seconds(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.minimum:.2f} to {spread.maximum:.2f})"


def verdict(limit: float | None, spread: Spread) -> str:
    """Whether the median keeps to a limit, as far as the rounds tell."""
    if limit is None:
        return ""
    if math.isinf(spread.maximum):
        return "undecided"
    if spread.low == -math.inf:  # too few
        if spread.maximum <= limit:
            return "met in each"
        return "**missed** in each" if spread.minimum > limit else "undecided"
    if spread.high <= limit:
        return "met"
    return "**missed**" if spread.low > limit else "undecided"
