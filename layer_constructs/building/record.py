"""What was seen of a finished layer: kept beside it, and looked for again where an older version kept less."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from layer_constructs.building import sealed_file
from layer_constructs.building.audit.finding import RULES, Finding
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.size import Savings
from layer_constructs.building.target import Platform
from layer_constructs.errors import CacheError

if TYPE_CHECKING:
    from layer_constructs.building.inventory.components import Component
    from layer_constructs.building.runtime_packages import Locked
    from layer_constructs.building.tree import Tree
    from layer_constructs.building.wheel import LockedWheel

SBOM = "sbom.cdx.json"
_RECORD = "record.json"

# Moved when other things are kept, or they are looked for in another way: of an older one they are looked for again.
_FORMAT = 1


class Record(NamedTuple):
    """:param unmatched: globs of ``exclude`` that matched nothing.
    :param findings: of the audit for one target.
    """

    savings: Savings
    unmatched: tuple[str, ...]
    findings: tuple[Finding, ...]
    listed: tuple[dict[str, Any], ...]
    asked: tuple[dict[str, Any], ...]

    def components(self) -> tuple[Component, ...]:
        """The inventory."""
        from layer_constructs.building.inventory.components import Component  # a hit can do without it

        return tuple(Component(**component) for component in self.listed)

    def requests(self) -> tuple[Locked, ...]:
        """The packages that ask for one that a runtime ships."""
        from layer_constructs.building.runtime_packages import Locked

        return tuple(Locked(**package) for package in self.asked)


def write(
    folder: Path,
    root: Path,
    finished: Tree,
    target: Platform,
    *,
    digest: str,
    listed: Sequence[Component],
    unmatched: Sequence[str] = (),
    bytecode: int = 0,
) -> None:
    """Look at a finished tree and write what is seen into ``folder``.

    :param listed: the inventory.
    :param bytecode: bytes of what ``finished`` doesn't list.
    """
    from layer_constructs.building.inventory.sbom import sbom
    from layer_constructs.building.provision import requests
    from layer_constructs.building.pruning.savings import savings

    saved = savings(root, finished)
    sealed_file.write(
        folder / _RECORD,
        {
            "format": _FORMAT,
            "components": [asdict(component) for component in listed],
            "savings": saved._replace(bytecode=saved.bytecode + bytecode)._asdict(),
            "unmatched": list(unmatched),
            "requests": [asdict(package) for package in requests(root, finished)],
        },
    )
    (folder / SBOM).write_text(sbom(listed, digest=digest), encoding="utf-8", newline="\n")
    sealed_file.write(folder / _findings_name(target), _findings(root, finished, target))


def read(layer: CachedLayer, target: Platform, *, cache: Cache, wheels: Sequence[LockedWheel] = ()) -> Record:
    """What was seen of a layer, by the rules of this version.

    Starts no process. What is missing, because an older version built the layer or another target asks, is looked for
    in the layer now, and kept if the cache can be written.

    :param wheels: what it was made of, if that is known.
    """
    known = _read(target, layer.archive.parent)
    if known is not None:
        return known
    name = f"record-{hashlib.sha256(f'{layer.facts.digest} {target}'.encode()).hexdigest()[:32]}"
    try:
        with cache.lock(name), cache.scratch(name) as work:
            return _look_again(layer, target, wheels, work)
    except (CacheError, OSError):  # it is full or can't be written
        pass
    try:
        with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
            return _look_again(layer, target, wheels, Path(folder))
    except OSError as error:
        raise CacheError(
            f"a layer in the cache can't be looked at: {error.strerror or error}",
            fix="make room in the folder for temporary files, or give yourself the right to write there",
        ) from error


def _look_again(layer: CachedLayer, target: Platform, wheels: Sequence[LockedWheel], work: Path) -> Record:
    from layer_constructs.building import tree
    from layer_constructs.building.archive import extract
    from layer_constructs.building.inventory.components import Component, components

    folder, root = layer.archive.parent, work / "root"
    known = _read(target, folder)
    if known is not None:
        return known  # another process looked while this one waited
    extract(layer.archive, root)
    # Bytecode goes when the tree is read, and only its size is asked for.
    bytecode = sum(path.stat().st_size for path in root.rglob("__pycache__/*.pyc"))
    sizes = {name: package.size for name, package in layer.facts.packages.items()}
    finished = replace(tree.normalise(root), sizes=sizes)
    listed = components(root, finished, wheels=wheels)
    # Those whose metadata were excluded are there all the same.
    hidden = layer.facts.packages.keys() - {component.name for component in listed}
    listed += tuple(Component(name=name, version=layer.facts.packages[name].version) for name in sorted(hidden))
    kept = _whole(sealed_file.read(folder / _RECORD))
    write(work, root, finished, target, digest=layer.facts.digest, listed=listed, bytecode=bytecode)
    for name in (_RECORD, SBOM, _findings_name(target)):
        if (name == _RECORD and kept) or (name == SBOM and (folder / SBOM).is_file()):
            continue
        with suppress(OSError):
            (work / name).replace(folder / name)
    seen = _read(target, folder, work)
    assert seen is not None  # noqa: S101 - it was written just now
    return seen


def read_sbom(layer: CachedLayer) -> str | None:
    """The inventory of a layer as CycloneDX JSON."""
    path = layer.archive.with_name(SBOM)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _read(target: Platform, *folders: Path) -> Record | None:
    """Each part from the first folder that has it."""
    records = (_whole(sealed_file.read(folder / _RECORD)) for folder in folders)
    record = next((each for each in records if each), None)
    audits = (_findings_in(sealed_file.read(folder / _findings_name(target))) for folder in folders)
    findings = next((each for each in audits if each is not None), None)
    return record._replace(findings=findings) if record and findings is not None else None


def _whole(value: dict[str, Any] | None) -> Record | None:
    """A record without findings; None if it is one of another version of this library."""
    if value is None or value.get("format") != _FORMAT:
        return None
    try:
        return Record(
            listed=tuple(value["components"]),
            savings=Savings(**value["savings"]),
            unmatched=tuple(value["unmatched"]),
            asked=tuple(value["requests"]),
            findings=(),
        )
    except (KeyError, TypeError):
        return None


def _findings_in(value: dict[str, Any] | None) -> tuple[Finding, ...] | None:
    try:
        if value is None or value["rules"] != RULES:
            return None
        return tuple(Finding(**finding) for finding in value["findings"])
    except (KeyError, TypeError):
        return None


def _findings(root: Path, finished: Tree, target: Platform) -> dict[str, Any]:
    from layer_constructs.building.audit.audit import audit

    return {"rules": RULES, "findings": [finding._asdict() for finding in audit(root, finished, target)]}


def _findings_name(target: Platform) -> str:
    return f"audit-{target.runtime}-{target.architecture}.json"
