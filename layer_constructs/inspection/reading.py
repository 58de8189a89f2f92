"""Anyone's layer folder -> its files and whose they are; nothing is changed, and no link is followed."""

from __future__ import annotations

import csv
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from layer_constructs.building.tree import Tree, TreeFile
from layer_constructs.errors import ArgumentError, Where

# Where Lambda's Python looks in a layer, the second with the runtime's version.
SITE = "python"
_VERSIONED_SITE = re.compile(r"python/lib/python3\.\d+/site-packages(?=/)")

_INFO = ".dist-info"
_PYC = re.compile(r"(?P<folder>.*/)__pycache__/(?P<module>[^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A layer as it lies on this machine.

    :param root: to which the paths in ``tree`` are relative.
    :param sites: the folders in ``root`` that have packages; the first one has most.
    :param is_bare: the packages lie at the layer's own root.
    """

    root: Path
    tree: Tree
    sites: tuple[str, ...]
    is_bare: bool = False


def read_folder(folder: Path) -> Folder:
    """Read a layer's folder, or one that has nothing but packages, as `pip install --target` makes it.

    :raises ArgumentError: if it can't be read, or holds nothing.
    """
    folder = Path(os.path.realpath(folder))
    try:
        names = [path.name for path in folder.iterdir()]
        is_bare = SITE not in names and any(name.endswith(_INFO) for name in names)
        root, top = (folder.parent, f"{folder.name}/") if is_bare else (folder, "")
        files = {file.path: file for file in _files(os.fspath(folder), top)}
    except OSError as error:
        raise ArgumentError(f"can't be read: {error.strerror or error}", where=Where(folder)) from error
    if not files:
        raise ArgumentError("there is no file in it", where=Where(folder))
    sites = (folder.name,) if is_bare else _sites(files)
    return Folder(root=root, tree=_tree(root, files, sites), sites=sites, is_bare=is_bare)


def _files(folder: str, prefix: str) -> Iterator[TreeFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            path = f"{prefix}{entry.name}"
            if stat.S_ISDIR(facts.st_mode):
                yield from _files(entry.path, f"{path}/")
            elif stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode):
                yield TreeFile(path=path, size=facts.st_size, executable=bool(facts.st_mode & 0o111))


def _sites(files: Mapping[str, TreeFile]) -> tuple[str, ...]:
    found: dict[str, set[str]] = {SITE: set()}
    for path in files:
        versioned = _VERSIONED_SITE.match(path)
        site = versioned[0] if versioned else SITE
        name = path.removeprefix(f"{site}/").partition("/")[0]
        if path.startswith(f"{site}/") and name.endswith(_INFO):
            found.setdefault(site, set()).add(name)
        elif versioned:
            found.setdefault(site, set())
    with_most = sorted(found, key=lambda site: (-len(found[site]), site))
    return tuple(site for site in with_most if found[site]) or tuple(with_most[-1:])


def _tree(root: Path, files: Mapping[str, TreeFile], sites: Sequence[str]) -> Tree:
    claims: dict[str, dict[str, str]] = {}
    for site in sites:
        tops: dict[str, list[str]] = {}
        for path in files:
            if path.startswith(f"{site}/"):
                tops.setdefault(path.removeprefix(f"{site}/").partition("/")[0], []).append(path)
        for info in sorted(name for name in tops if name.endswith(_INFO)):
            name = _distribution(info)
            for path, digest in _listed(root, tops, site, info):
                if path in files:
                    claims.setdefault(path, {})[name] = digest
    owners = {path: max(names) for path, names in claims.items()}
    for path in files:  # an installer lists the bytecode that it made, others who made it don't
        compiled = _PYC.match(path)
        if compiled and path not in owners:
            owner = owners.get(f"{compiled['folder']}{compiled['module']}.py")
            if owner:
                owners[path] = owner
    sizes: dict[str, int] = {}
    for path, owner in owners.items():
        sizes[owner] = sizes.get(owner, 0) + files[path].size
    contested = {
        path: tuple(sorted(names))
        for path, names in claims.items()
        if len(set(names.values())) > 1 and not (root / path).is_symlink()
    }
    return Tree(
        files=tuple(files[path] for path in sorted(files)),
        sizes=dict(sorted(sizes.items())),
        contested=dict(sorted(contested.items())),
        owners=owners,
    )


def _distribution(info: str) -> str:
    stem = info.removesuffix(_INFO)
    return canonicalize_name(stem.rpartition("-")[0] or stem)


def _listed(root: Path, tops: Mapping[str, list[str]], site: str, info: str) -> Iterator[tuple[str, str]]:
    """The files of a distribution, with what RECORD says of their content.

    :param tops: the paths in ``site``, by their first part.
    """
    yield from ((path, "") for path in tops[info])
    own = f"{site}/{info}/"
    record = _text(root, tops[info], f"{own}RECORD")
    if record is not None:
        try:
            rows = list(csv.reader(record.splitlines()))
        except csv.Error:
            rows = []
        for row in rows:
            if row:
                path = posixpath.normpath(posixpath.join(site, row[0]))
                if not path.startswith(own):
                    yield path, row[1] if len(row) > 1 else ""
        return
    # Some throw RECORD away to save space: then the names of its modules tell.
    said = _text(root, tops[info], f"{own}top_level.txt")
    for name in said.split() if said else [info.removesuffix(_INFO).rpartition("-")[0]]:
        for top in (name, f"{name}.py", f"{name}.libs"):
            yield from ((path, "") for path in tops.get(top, ()))


def _text(root: Path, there: Sequence[str], path: str) -> str | None:
    if path not in there or (root / path).is_symlink():
        return None
    try:
        return (root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
