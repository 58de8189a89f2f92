"""Native code without symbols and debug information, the same bytes on every host and for both architectures."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from layer_constructs.building import tree
from layer_constructs.building.elf import Segment, read_elf
from layer_constructs.building.pruning.symbols import without_symbols
from layer_constructs.building.tree import Tree

_MAGIC = b"\x7fELF"


def strip(root: Path, full: Tree, *, site: str = "python") -> Tree:
    """Take what no loader reads out of every ELF file, in place, and put it right in each RECORD.

    A file that the loader would read differently afterwards stays as it was. Nothing is written into a file that is
    there: it may be a hard link to one that others have.

    :param full: the tree in ``root``, as :func:`tree.normalise` gave it.
    """
    changed = []
    for file in full.files:
        path = root / file.path
        content = _elf(path)
        new = without_symbols(content) if content is not None else None
        if content is None or new is None or not _loads_the_same(content, new):
            continue
        fresh = path.with_name(f"{path.name}.stripped")
        fresh.write_bytes(new)
        fresh.chmod(0o755 if file.executable else 0o644)
        fresh.replace(path)
        changed.append(file.path)
    if not changed:
        return full
    left = tree.after_changes(root, full, changed, site=site)
    return replace(left, sizes={name: left.sizes.get(name, 0) for name in full.sizes})


def _elf(path: Path) -> bytes | None:
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
        return head + file.read() if head == _MAGIC else None


def _loads_the_same(before: bytes, after: bytes) -> bool:
    old, new = read_elf(io.BytesIO(before)), read_elf(io.BytesIO(after))
    return (
        old is not None
        and new is not None
        and replace(old, segments=()) == replace(new, segments=())
        and [_mapping(each, before) for each in old.segments] == [_mapping(each, after) for each in new.segments]
    )


def _mapping(segment: Segment, content: bytes) -> tuple[int, int, int, int, bool]:
    """What must not change of a segment: all but its offset, and of that what is left modulo the alignment."""
    inside = segment.offset + segment.size <= len(content)
    return segment.size, segment.address, segment.alignment, segment.offset % max(segment.alignment, 1), inside
