"""Texts that this library writes into a layer version. Their format is frozen: a change would publish a new version."""

from __future__ import annotations

from collections.abc import Mapping

# Lambda's PublishLayerVersion: Description at most 256 characters, LicenseInfo at most 512.
DESCRIPTION_LIMIT = 256
LICENSE_LIMIT = 512


def description_of(packages: Mapping[str, str]) -> str:
    """What is inside, by name: ``certifi 2026.10.18, numpy 2.5.5 and 3 more``."""
    return joined([f"{name} {version}" for name, version in sorted(packages.items())], limit=DESCRIPTION_LIMIT)


def joined(items: list[str], *, limit: int) -> str:
    """As many items as fit into ``limit`` characters, whole ones only, and how many are left out."""
    text = ", ".join(items)
    if len(text) <= limit:
        return text
    for shown in range(len(items) - 1, 0, -1):
        text = f"{', '.join(items[:shown])} and {len(items) - shown} more"
        if len(text) <= limit:
            return text
    return f"{len(items)} package{'' if len(items) == 1 else 's'}"
