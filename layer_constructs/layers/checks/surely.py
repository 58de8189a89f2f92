"""What is known of a layer of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Surely(NamedTuple):
    """What is known of a layer of ours without looking into its file; None: it isn't built."""

    size: int | None = None
    packages: Mapping[str, str] | None = None
