"""Files leave the tree: those that a user excludes, and those that can't matter at run time."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from layer_constructs.building import tree
from layer_constructs.building.globs import excluded
from layer_constructs.building.pruning.slim import needless
from layer_constructs.building.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What is left.

    :param unmatched: the globs that matched no file.
    """

    tree: Tree
    unmatched: tuple[str, ...]


def prune(root: Path, full: Tree, *, exclude: Sequence[str] = (), slim: bool = False, site: str = "python") -> Pruned:
    """Delete what is not wanted, in place, and have each RECORD list what is left.

    :param full: the tree in ``root``, as :func:`tree.normalise` gave it.
    :param exclude: globs relative to ``site``, see :func:`globs.excluded`. They may take anything, a whole package too.
    :param slim: leave out what can't matter at run time, see :func:`slim.needless`.
    :raises ArgumentError: for a glob that is none.
    """
    paths = [file.path for file in full.files]
    found, unmatched = excluded(
        (path.removeprefix(f"{site}/") for path in paths if path.startswith(f"{site}/")), exclude
    )
    gone = {f"{site}/{path}" for path in found}
    if slim:
        gone |= needless(root, paths, site=site)
    if not gone:
        return Pruned(tree=full, unmatched=tuple(unmatched))
    _delete(root, gone)
    left = tree.normalise(root, site=site)
    # A distribution of which nothing is left, not even its RECORD, is still one that was installed.
    return Pruned(
        tree=replace(left, sizes={name: left.sizes.get(name, 0) for name in full.sizes}), unmatched=tuple(unmatched)
    )


def _delete(root: Path, gone: Iterable[str]) -> None:
    folders: set[str] = set()
    for path in gone:
        (root / path).unlink()
        folders.add(posixpath.dirname(path))
    while folders:
        emptied = set()
        for folder in folders:
            with suppress(OSError):  # it has other files
                (root / folder).rmdir()
                emptied.add(posixpath.dirname(folder))
        folders = {folder for folder in emptied if folder}
