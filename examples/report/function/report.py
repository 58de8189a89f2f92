"""Sums up a table."""

from typing import Any

import pandas as pd


def handler(event: dict[str, Any], _context: object) -> dict[str, float]:
    """The mean of each column of ``event["rows"]``."""
    means: dict[str, float] = pd.DataFrame(event["rows"]).mean().to_dict()
    return means
