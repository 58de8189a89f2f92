"""METADATA of a distribution -> its fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata


def read_metadata(content: str | bytes) -> RawMetadata:
    """The fields, without the description; whatever is damaged or said twice is left out."""
    from packaging.metadata import parse_email

    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    # The description is most of it, and parsing it would take most of the time.
    return parse_email(re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0] + b"\n\n")[0]
