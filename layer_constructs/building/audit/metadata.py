"""What an installer reads and a layer's Python doesn't: wheel tags, and `.pth` files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.tags import Tag, parse_tag

from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.target import Target

_TAG = re.compile(rb"^Tag:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)

# What setuptools made for namespace packages: what they do, Python has done by itself since 3.3 (PEP 420).
_NAMESPACE = "-nspkg.pth"


def findings(
    root: Path, paths: Iterable[str], owners: Mapping[str, str], target: Target, site: str
) -> Iterator[Finding]:
    """Packages that were not made for the target, or count on what a layer doesn't have."""
    fits = frozenset(target.tags())
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == "WHEEL" and folder.endswith(".dist-info") and folder.rpartition("/")[0] == site:
            tags = [tag.decode(errors="replace") for tag in _TAG.findall((root / path).read_bytes())]
            if tags and not any(_parsed(tag) & fits for tag in tags):
                said = f"says that the package is for {', '.join(tags)}, and not for {target}"
                yield Finding(rule="wheel-tag", package=owners.get(path), path=path, text=said)
        elif name.endswith(".pth") and folder == site and not name.endswith(_NAMESPACE):
            lines = (root / path).read_bytes().splitlines()
            if any(line.strip() and not line.startswith(b"#") for line in lines):
                said = "does nothing: Python runs .pth files in its own site-packages only, and not in a layer"
                yield Finding(rule="pth-file", package=owners.get(path), path=path, text=said)


def _parsed(tag: str) -> frozenset[Tag]:
    try:
        return parse_tag(tag)
    except ValueError:
        return frozenset()
