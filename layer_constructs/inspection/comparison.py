"""Two layers or locks -> what is different, for whoever reviews a change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from packaging.version import InvalidVersion, Version

Kind = Literal["added", "removed", "upgraded", "downgraded", "changed", "same"]

_ORDER: Sequence[Kind] = ("added", "removed", "upgraded", "downgraded", "changed", "same")


@dataclass(frozen=True, kw_only=True, slots=True)
class SidePackage:
    """One package of one side; what isn't known of it is None.

    :param size: bytes.
    """

    version: str
    size: int | None = None
    license: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A layer or a lock.

    :param size: bytes, of what belongs to no package too; None if it isn't known.
    :param contents_known: packages are described by their own metadata, so that no licence means that none is known.
    """

    label: str
    target: str
    packages: Mapping[str, SidePackage]
    size: int | None = None
    contents_known: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One package, before and after; None on the side where it isn't."""

    name: str
    kind: Kind
    before: SidePackage | None
    after: SidePackage | None
    license_changed: bool = False

    @property
    def size_difference(self) -> int | None:
        """In bytes; None if one of the sizes isn't known."""
        sizes = [0 if side is None else side.size for side in (self.before, self.after)]
        return None if sizes[0] is None or sizes[1] is None else sizes[1] - sizes[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two sides, and the packages that are not the same on both."""

    before: Side
    after: Side
    changes: tuple[Change, ...] = field(default=())

    @property
    def size_difference(self) -> int | None:
        """In bytes; None if one of the sizes isn't known."""
        if self.before.size is None or self.after.size is None:
            return None
        return self.after.size - self.before.size


def compare(before: Side, after: Side) -> Comparison:
    """What differs: versions, sizes and licences; a size or licence that one side doesn't know is no difference."""
    names = sorted(before.packages.keys() | after.packages.keys())
    licences = before.contents_known and after.contents_known
    changes = (_change(name, before.packages.get(name), after.packages.get(name), licences) for name in names)
    different = [c for c in changes if c.kind != "same" or c.license_changed or c.size_difference]
    return Comparison(
        before=before, after=after, changes=tuple(sorted(different, key=lambda c: (_ORDER.index(c.kind), c.name)))
    )


def as_json(comparison: Comparison) -> str:
    """JSON for other programs; ``schema`` is 1, and keys are only added to it.

    ``before`` and ``after``: path, target, size (bytes or null), notes. ``size_difference``: bytes or null.
    ``changes``: name, kind (added, removed, upgraded, downgraded, changed for versions that have no order, same where
    only size or licence differ), before and after (null, or version, size, license), size_difference, license_changed.
    """

    def side(one: Side) -> dict[str, object]:
        return {"path": one.label, "target": one.target, "size": one.size, "notes": list(one.notes)}

    changes = [{**asdict(change), "size_difference": change.size_difference} for change in comparison.changes]
    document = {
        "schema": 1,
        "before": side(comparison.before),
        "after": side(comparison.after),
        "size_difference": comparison.size_difference,
        "changes": changes,
    }
    return json.dumps(document, indent=2)


def _change(name: str, before: SidePackage | None, after: SidePackage | None, licences: bool) -> Change:
    kind: Kind = "same"
    if before is None:
        kind = "added"
    elif after is None:
        kind = "removed"
    elif before.version != after.version:
        kind = _direction(before.version, after.version)
    changed = bool(licences and before and after and before.license != after.license)
    return Change(name=name, kind=kind, before=before, after=after, license_changed=changed)


def _direction(before: str, after: str) -> Kind:
    try:
        return "upgraded" if Version(after) > Version(before) else "downgraded"
    except InvalidVersion:
        return "changed"
