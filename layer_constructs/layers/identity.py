"""Which construct it is: Python gets a new object whenever it asks for one that JavaScript made."""

from __future__ import annotations

from typing import Any, cast


def identity(construct: object) -> str:
    """jsii's own name of it, unique in the process."""
    return str(cast("Any", construct).__jsii_ref__.ref)
