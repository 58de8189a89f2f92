"""Texts that this library writes into a layer version. Their format is frozen: a change would publish a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layer_constructs.building.wheel import LockedWheel

# Lambda's PublishLayerVersion: Description at most 256 characters, LicenseInfo at most 512.
DESCRIPTION_LIMIT = 256
LICENSE_LIMIT = 512


def description_of(packages: Mapping[str, str], *, own: Sequence[str] = ()) -> str:
    """What is inside, by name: ``certifi 2026.10.18, numpy 2.5.5 and 3 more``.

    :param own: the names of one's own files and folders, which come first.
    """
    listed = [f"{name} {version}" for name, version in sorted(packages.items())]
    return joined([*own, *listed], limit=DESCRIPTION_LIMIT)


def description_of_files(names: Sequence[str], *, into: str) -> str:
    """What is directly in a folder of the layer: ``bin/ffmpeg, bin/ffprobe``."""
    paths = [f"{into}/{name}" if into else name for name in names]
    return joined(paths, limit=DESCRIPTION_LIMIT, what="file")


def license_of(wheels: Sequence[LockedWheel]) -> str | None:
    """The packages' licences as one SPDX expression; None where the lock knows of none."""
    if not any(wheel.license for wheel in wheels):
        return None
    from layer_constructs.building.inventory.joined_licence import joined as joined_licences

    return joined_licences((wheel.license for wheel in wheels), limit=LICENSE_LIMIT)


def joined(items: list[str], *, limit: int, what: str = "package") -> str:
    """As many items as fit into ``limit`` characters, whole ones only, and how many are left out."""
    text = ", ".join(items)
    if len(text) <= limit:
        return text
    for shown in range(len(items) - 1, 0, -1):
        text = f"{', '.join(items[:shown])} and {len(items) - shown} more"
        if len(text) <= limit:
            return text
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"
