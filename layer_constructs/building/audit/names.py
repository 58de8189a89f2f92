"""Names of files: what some file systems can't hold, and links."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from layer_constructs.building.audit.finding import Finding

# Where a layer lies on Lambda: an absolute link may lead there.
_LAYER = "/opt"


def case_collisions(paths: Iterable[str], owners: Mapping[str, str]) -> Iterator[Finding]:
    """Files and folders that are one on a file system that knows no case, as those of macOS and Windows are."""
    known: dict[tuple[str, str], str] = {}
    seen: set[str] = set()
    for path in paths:
        parent = ""
        for name in path.split("/"):
            here = f"{parent}/{name}" if parent else name
            if here not in seen:
                seen.add(here)
                folded = unicodedata.normalize("NFC", name).casefold()
                other = known.setdefault((parent, folded), here)
                if other != here:
                    yield Finding(
                        rule="case-collision",
                        package=owners.get(path),
                        path=here,
                        text=f"differs from {other} only in case: a layer made on macOS or Windows lacks one of them",
                    )
            parent = here


def outside_links(root: Path, links: Iterable[str], owners: Mapping[str, str]) -> Iterator[Finding]:
    """Symbolic links to what is not in the layer."""
    top = os.path.realpath(root)
    for link in links:
        target = (root / link).readlink()
        inside = not target.is_absolute() or target.is_relative_to(_LAYER)
        start = Path(top) / target.relative_to(_LAYER) if target.is_absolute() and inside else root / link
        if not inside or not Path(os.path.realpath(start)).is_relative_to(top):
            yield Finding(
                rule="outside-link",
                package=owners.get(link),
                path=link,
                text=f"is a symbolic link to {target}, which is not in the layer",
            )
