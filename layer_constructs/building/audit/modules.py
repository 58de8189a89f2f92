"""What `import` finds: extension modules of another Python, and modules that several packages bring."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.target import Target
from layer_constructs.building.tree import Tree

# `_imaging.cpython-313-x86_64-linux-gnu.so`, `_rust.abi3.so`, `fast.cp313-win_amd64.pyd`, and `fast.so` for any.
_EXTENSION = re.compile(r"(?P<module>[^./]+)(?P<suffix>(?:\.(?:cpython|pypy|graalpy|cp|abi)[^./]*)?\.(?:so|pyd))$")

# Folders that a wheel brings by mistake, and nobody imports.
_UNUSED = frozenset({"bin", "doc", "docs", "example", "examples", "test", "tests"})

# How an `__init__.py` says that its package is spread over several distributions: pkgutil's way and setuptools'.
_NAMESPACE = re.compile(rb"extend_path|declare_namespace")


def wrong_abis(paths: Iterable[str], owners: Mapping[str, str], target: Target) -> Iterator[Finding]:
    """Extension modules that the target's Python doesn't look at, where there is none that it does."""
    own = f".cpython-{target.python.replace('.', '')}-{target.machine}-linux-gnu.so"
    loaded = (own, ".abi3.so", ".so")  # importlib.machinery.EXTENSION_SUFFIXES there
    variants: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        match = _EXTENSION.search(path) if path.endswith((".so", ".pyd")) else None
        if match:
            variants.setdefault(path[: match.end("module")], []).append((path, match["suffix"]))
    for found in variants.values():
        if all(suffix not in loaded for _, suffix in found):
            for path, _ in found:
                yield Finding(
                    rule="python-abi",
                    package=owners.get(path),
                    path=path,
                    text=f"is not what {target.runtime} loads, which is *{own} or *.abi3.so",
                )


def collisions(root: Path, tree: Tree, site: str) -> Iterator[Finding]:
    """Modules of which only one package's can be there, or be found."""
    rivals: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for path, packages in tree.contested.items():
        top = path.removeprefix(f"{site}/").partition("/")[0]
        if not path.endswith((".py", ".so")) or top in _UNUSED or _is_namespace(root, path):
            continue
        rivals.setdefault((top, packages), []).append(path)
    for (_, packages), paths in rivals.items():
        more = f", and {len(paths) - 1} more such" if len(paths) > 1 else ""
        yield Finding(
            rule="name-collision",
            package=packages[-1],
            path=paths[0],
            text=f"is brought by {' and '.join(packages)} with different contents{more}: "
            f"only that of {packages[-1]} is there",
        )
    packages_of = {
        posixpath.basename(posixpath.dirname(file.path)): file.path
        for file in tree.files
        if file.path.startswith(f"{site}/")
        and file.path.endswith("/__init__.py")
        and file.path.count("/") == site.count("/") + 2
    }
    for file in tree.files:
        folder, _, name = file.path.rpartition("/")
        package = packages_of.get(name.partition(".")[0])
        if folder != site or package is None or not name.endswith((".py", ".so")):
            continue
        theirs, own = tree.owners.get(package), tree.owners.get(file.path)
        if theirs != own:
            yield Finding(
                rule="name-collision",
                package=own,
                path=file.path,
                text=f"is never imported: the package {name.partition('.')[0]} of {theirs or 'your own'} comes first",
            )


def _is_namespace(root: Path, path: str) -> bool:
    return path.endswith("/__init__.py") and bool(_NAMESPACE.search((root / path).read_bytes()))
