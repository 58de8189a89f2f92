"""The licences that a user allows, and the packages with another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from layer_constructs.building.inventory import spdx
from layer_constructs.building.inventory.components import Component
from layer_constructs.building.inventory.licences import licence_of_field
from layer_constructs.errors import ArgumentError, LicenseNotAllowedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What was let through.

    :param notes: each exception that was used, with package, licence and reason.
    :param unused: the names of exceptions that nothing needs.
    """

    notes: tuple[str, ...]
    unused: tuple[str, ...]


def refuse_others(
    components: Iterable[Component], *, allowed: Sequence[str], exceptions: Mapping[str, str] | None = None
) -> Allowance:
    """Refuse packages whose licence isn't among ``allowed``, or isn't known.

    Of `A OR B` one is enough, of `A AND B` both are needed, and `A WITH B` is a licence of its own, as is `A+`.

    :param allowed: SPDX identifiers, in upper or lower case.
    :param exceptions: the reason for which a package is let through all the same, by its name.
    :raises ArgumentError: for an identifier that isn't one, or a reason that is empty.
    :raises LicenseNotAllowedError: with every such package.
    """
    identifiers = _identifiers(allowed)
    reasons = _reasons(exceptions or {})
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    used: set[str] = set()
    for component in components:
        if component.license and spdx.satisfied(spdx.parse(component.license), identifiers):
            continue
        licence = component.license or f"unknown ({_said(component)})"
        if component.name in reasons:
            used.add(component.name)
            notes.append(f"{component.label}: {licence}, let through: {reasons[component.name]}")
        else:
            refused.append((component.label, licence))
    if refused:
        raise LicenseNotAllowedError(refused=refused, allowed=sorted(identifiers, key=str.lower))
    return Allowance(notes=tuple(notes), unused=tuple(sorted(reasons.keys() - used)))


def _said(component: Component) -> str:
    return f"its metadata say {component.license_said!r}" if component.license_said else "its metadata say nothing"


def _identifiers(allowed: Sequence[str]) -> frozenset[str]:
    if isinstance(allowed, str):
        raise ArgumentError(f"licenses is the text {allowed!r}", fix=f"make it a list: licenses=[{allowed!r}]")
    return frozenset(map(_identifier, allowed))


def _identifier(value: str) -> str:
    found = spdx.canonical(value)
    if found is None:
        meant = licence_of_field(value)
        raise ArgumentError(
            f"{value!r} is not an SPDX licence identifier",
            fix=f"write {meant}" if meant else "take it from https://spdx.org/licenses/",
        )
    node = spdx.parse(found)
    if not isinstance(node, str):
        raise ArgumentError(f"{value!r} is more than one licence", fix="list each licence of its own")
    return node


def _reasons(exceptions: Mapping[str, str]) -> dict[str, str]:
    for name, reason in exceptions.items():
        if not reason.strip():
            raise ArgumentError(
                f"the exception for the licence of {name} has no reason", fix="say why the package may be used"
            )
    return {str(canonicalize_name(name)): reason.strip() for name, reason in exceptions.items()}
