"""What was seen of a finished layer: kept beside it, and looked for again where an older version kept less."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer_constructs.building import sealed_file
from layer_constructs.building.audit.finding import RULES, Finding
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.size import Savings
from layer_constructs.building.target import Target

if TYPE_CHECKING:
    from layer_constructs.building.inventory.components import Component
    from layer_constructs.building.tree import Tree
    from layer_constructs.building.wheel import LockedWheel

SBOM = "sbom.cdx.json"
_RECORD = "record.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """:param unmatched: globs of ``exclude`` that matched nothing.
    :param findings: of the audit for one target.
    """

    savings: Savings
    unmatched: tuple[str, ...]
    findings: tuple[Finding, ...]
    listed: tuple[dict[str, Any], ...]

    def components(self) -> tuple[Component, ...]:
        """The inventory."""
        from layer_constructs.building.inventory.components import Component  # a hit can do without it

        return tuple(Component(**component) for component in self.listed)


def write(
    folder: Path,
    root: Path,
    finished: Tree,
    target: Target,
    *,
    digest: str,
    wheels: Sequence[LockedWheel] = (),
    unmatched: Sequence[str] = (),
) -> None:
    """Look at a finished tree and write what is seen into ``folder``."""
    from layer_constructs.building.inventory.components import components
    from layer_constructs.building.inventory.sbom import sbom
    from layer_constructs.building.pruning.savings import savings

    listed = components(root, finished, wheels=wheels)
    sealed_file.write(
        folder / _RECORD,
        {
            "components": [asdict(component) for component in listed],
            "savings": asdict(savings(root, finished)),
            "unmatched": list(unmatched),
        },
    )
    (folder / SBOM).write_text(sbom(listed, digest=digest), encoding="utf-8", newline="\n")
    sealed_file.write(folder / _findings_name(target), _findings(root, finished, target))


def read(layer: CachedLayer, target: Target, *, cache: Cache) -> Record:
    """What was seen of a layer, by the rules of this version.

    Starts no process. What is missing, because an older version built the layer or another target asks, is looked for
    in the layer now, and kept.
    """
    folder = layer.archive.parent
    known = _read(folder, target)
    if known is None:
        from layer_constructs.building import tree
        from layer_constructs.building.archive import extract

        name = f"record-{hashlib.sha256(f'{layer.facts.digest} {target}'.encode()).hexdigest()[:32]}"
        with cache.lock(name), cache.scratch(name) as work:
            extract(layer.archive, work / "root")
            # Bytecode goes with it, of which nothing is asked here.
            finished = tree.normalise(work / "root")
            kept = sealed_file.read(folder / _RECORD)
            write(work, work / "root", finished, target, digest=layer.facts.digest)
            for path in (work / _RECORD, work / SBOM, work / _findings_name(target)):
                if path.name not in {_RECORD, SBOM} or kept is None:
                    path.replace(folder / path.name)
        known = _read(folder, target)
    assert known is not None  # noqa: S101 - it was written just now
    return known


def _read(folder: Path, target: Target) -> Record | None:
    record, found = sealed_file.read(folder / _RECORD), sealed_file.read(folder / _findings_name(target))
    try:
        if record is None or found is None or found["rules"] != RULES:
            return None
        return Record(
            listed=tuple(record["components"]),
            savings=Savings(**record["savings"]),
            unmatched=tuple(record["unmatched"]),
            findings=tuple(Finding(**finding) for finding in found["findings"]),
        )
    except (KeyError, TypeError):  # of another version of this library
        return None


def _findings(root: Path, finished: Tree, target: Target) -> dict[str, Any]:
    from layer_constructs.building.audit.audit import audit

    return {"rules": RULES, "findings": [asdict(finding) for finding in audit(root, finished, target)]}


def _findings_name(target: Target) -> str:
    return f"audit-{target.runtime}-{target.architecture}.json"
