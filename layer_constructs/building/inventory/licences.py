"""The licence of a package, as its metadata say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from layer_constructs.building.inventory import known_licences, spdx
from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.inventory.metadata import read_metadata

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_SHOWN = 100


def licence_of_metadata(metadata: str | bytes) -> str | None:
    """The SPDX expression of a wheel's METADATA; None where it doesn't say one.

    `License-Expression` is taken at its word (PEP 639). In older metadata the field `License` counts if it is an
    expression or a well-known name, and fits all classifiers; else the classifier, if there is one and it means one
    licence. How several classifiers belong together is not known (PEP 639), nor what a whole text in `License` holds.
    """
    return licence_of(read_metadata(metadata))


def licence_of(raw: RawMetadata) -> str | None:
    """The same of metadata that were parsed."""
    if raw.get("license_expression"):
        return spdx.canonical(raw["license_expression"])
    classifiers = _classifiers(raw)
    field = licence_of_field(raw.get("license", ""))
    if field:
        named = spdx.licenses_of(spdx.parse(field))
        return field if all(_fits(classifier, named) for classifier in classifiers) else None
    return known_licences.EXACT.get(classifiers[0]) if len(classifiers) == 1 else None


def said_licence(raw: RawMetadata) -> str | None:
    """What metadata say of the licence, short and in one line, for who has to find out."""
    expression, field = raw.get("license_expression", ""), raw.get("license", "").strip()
    first = field.splitlines()[0] if field and field.upper() != "UNKNOWN" else ""
    said = "; ".join(dict.fromkeys(filter(None, map(one_line, [expression, first, *_classifiers(raw)]))))
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."


def licence_of_field(field: str) -> str | None:
    """The SPDX expression of the field `License`: it is one, or a well-known name."""
    expression = spdx.canonical(field.strip())
    if expression or "\n" in field.strip():
        return expression
    words = re.findall(r"(?!v\d)[a-z0-9.+]+|(?<=v)\d[\d.+]*", field.lower())
    return known_licences.SPELLINGS.get(frozenset(words) - known_licences.WORDS_WITHOUT_MEANING)


def _classifiers(raw: RawMetadata) -> list[str]:
    """The last parts of the licence classifiers that name a licence."""
    paths = (value.split(" :: ") for value in raw.get("classifiers", []))
    last = (path[-1].strip() for path in paths if path[0] == "License")
    return [name for name in dict.fromkeys(last) if name not in known_licences.SAY_NOTHING]


def _fits(classifier: str, licenses: Iterable[str]) -> bool:
    """Whether a classifier may mean one of these licences."""
    identifiers = [license_.partition(" WITH ")[0] for license_ in licenses]
    exact, prefix = known_licences.EXACT.get(classifier), known_licences.AMBIGUOUS.get(classifier)
    if exact:
        return exact in identifiers
    # One that has no SPDX identifier, such as `Other/Proprietary License`, goes with a reference.
    return any(identifier.startswith(prefix or "LicenseRef-") for identifier in identifiers)
