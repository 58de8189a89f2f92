"""What an app makes of what was seen of a layer: made anew by each app, on every hit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import aws_cdk as cdk

from layer_constructs.building import record
from layer_constructs.building.audit.judgement import judge
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.size import check_size
from layer_constructs.building.target import Platform, Target

if TYPE_CHECKING:
    from constructs import IConstruct

    from layer_constructs.building.wheel import LockedWheel


class Conditions(NamedTuple):
    """What an app asks of a layer.

    :param allow: findings that may stay, with reasons.
    :param licenses: SPDX identifiers; None: any licence.
    :param license_exceptions: packages that may have another licence, with reasons.
    :param matched: globs of ``exclude`` that match files besides those of packages.
    :param left_out: the packages that are left to the runtime.
    :param runtime_versions: what the user knows of these.
    """

    allow: Mapping[str, str] = {}
    licenses: tuple[str, ...] | None = None
    license_exceptions: Mapping[str, str] = {}
    matched: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()
    runtime_versions: Mapping[str, str] = {}


class Verdict(NamedTuple):
    """What is to be said of a layer that was accepted."""

    warnings: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_all(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """What is to be said once, whichever of them says it."""
        several = list(verdicts)
        return cls(
            warnings=tuple(dict.fromkeys(each for verdict in several for each in verdict.warnings)),
            notes=tuple(dict.fromkeys(each for verdict in several for each in verdict.notes)),
        )

    def and_notes(self, name: str, texts: Iterable[str]) -> Verdict:
        """With more to be said."""
        return self._replace(notes=tuple(dict.fromkeys((*self.notes, *((name, text) for text in texts)))))

    def annotate(self, construct: IConstruct) -> None:
        """Say it with the CDK's own annotations, which it prints and lets be acknowledged by id."""
        if not (self.warnings or self.notes):
            return
        annotations = cdk.Annotations.of(construct)
        for name, text in self.warnings:
            annotations.add_warning_v2(f"layer-constructs:{name}", text)
        for name, text in self.notes:
            annotations.add_info_v2(f"layer-constructs:{name}", text)


def verdict_on(
    layer: CachedLayer, target: Platform, conditions: Conditions, *, cache: Cache, wheels: Sequence[LockedWheel] = ()
) -> Verdict:
    """Look at what was seen when the layer was built.

    :param wheels: what it was made of, if that is known.
    :raises AuditError: for a finding that isn't allowed.
    :raises LayerTooLargeError: if Lambda refuses it for its size.
    :raises LicenseNotAllowedError: for a package whose licence isn't allowed.
    :raises RuntimePackagesError: for a package that asks for another version than the runtime has.
    """
    seen = record.read(layer, target, cache=cache, wheels=wheels)
    warnings: list[tuple[str, str]] = []
    sizes = {name: package.size for name, package in layer.facts.packages.items()}
    large = check_size(layer.facts.unzipped_size, sizes=sizes, savings=seen.savings)
    if large:
        warnings.append(("size", large))
    judgement = judge(seen.findings, conditions.allow)
    judgement.refuse_errors(target)
    notes = [("allowed", str(note)) for note in judgement.notes]
    warnings += [("allow", f"allow has {key!r}, and nothing of the kind was found") for key in judgement.unused]
    warnings += [
        ("exclude", f"exclude has {glob!r}, which matches no file")
        for glob in seen.unmatched
        if glob not in conditions.matched
    ]
    if conditions.licenses is not None:
        from layer_constructs.building.inventory.allowed_licences import refuse_others

        allowance = refuse_others(
            seen.components(), allowed=conditions.licenses, exceptions=conditions.license_exceptions
        )
        notes += [("license", note) for note in allowance.notes]
        warnings += [
            ("license-exceptions", f"license_exceptions has {name!r}, which needs none") for name in allowance.unused
        ]
    elif conditions.license_exceptions:
        warnings.append(("license-exceptions", "license_exceptions means nothing without licenses=[...]"))
    if conditions.left_out and isinstance(target, Target):
        from layer_constructs.building.provision import judge as judge_requests

        provided = judge_requests(
            seen.requests(), target, left_out=conditions.left_out, versions=conditions.runtime_versions
        )
        notes += [("provided-by-runtime", note) for note in provided.notes]
    return Verdict(warnings=tuple(warnings), notes=tuple(notes))
