"""What a vulnerability service knows of the components of a layer.

Not a part of synth: the answer changes with the day. It is the whole answer or an error, never a part of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.inventory.components import Component
from layer_constructs.building.inventory.service import OSV, Service

TIMEOUT_SECONDS = 15.0

_BATCH = "v1/querybatch"
# https://osv.dev/docs/osv_service_v1.swagger.json, read 2026-11: a batch with more is refused.
_MOST_QUERIES = 1000
# A page has up to 1,000 vulnerabilities of a package: no package comes near, an endless service does.
_MOST_PAGES = 100
_AT_ONCE = 8
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    """A known vulnerability of one component.

    :param id: as the service calls it.
    :param aliases: what other databases call it.
    :param fixed_in: the versions newer than this one in which it is fixed, the oldest first.
    """

    package: str
    version: str
    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()
    summary: str = ""

    def __str__(self) -> str:
        aliases = f" ({', '.join(self.aliases)})" if self.aliases else ""
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fix known"
        return ": ".join(filter(None, [f"{self.package} {self.version}: {self.id}{aliases}, {fixed}", self.summary]))


def check(
    components: Iterable[Component],
    *,
    service: str = OSV,
    environ: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> tuple[Vulnerability, ...]:
    """Every vulnerability that the service knows of these components, sorted; records of one and the same are joined.

    The service hears names and versions. It knows the packages of PyPI: of others it knows nothing.

    :param service: the base of its URL, for a mirror.
    :param environ: proxies, certificates and credentials, as for an index; by default those of this process.
    :param timeout: seconds for connecting and for each part of an answer.
    :raises VulnerabilityServiceError: if any answer is missing or not whole.
    """
    asked = sorted({(component.name, component.version) for component in components})
    if not asked:
        return ()
    source = Service(service, os.environ if environ is None else environ, timeout=timeout)
    ids = _ids(source, asked)
    known = sorted({each for found in ids for each in found})
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        records = dict(zip(known, pool.map(partial(_record, source), known), strict=True))
    return tuple(
        vulnerability
        for (name, version), found in zip(asked, ids, strict=True)
        for vulnerability in _of_package(name, version, [records[each] for each in sorted(found)])
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Record:
    id: str
    aliases: frozenset[str]
    withdrawn: bool
    summary: str
    fixed: Mapping[str, frozenset[str]]


def _ids(service: Service, asked: Sequence[tuple[str, str]]) -> list[set[str]]:
    """The ids of the vulnerabilities of each package."""
    found: list[set[str]] = [set() for _ in asked]
    pending = [(number, "") for number in range(len(asked))]
    for _ in range(_MOST_PAGES):
        following: list[tuple[int, str]] = []
        for start in range(0, len(pending), _MOST_QUERIES):
            batch = pending[start : start + _MOST_QUERIES]
            answer = service.ask(_BATCH, {"queries": [_query(*asked[number], token) for number, token in batch]})
            results = answer.get("results")
            if not isinstance(results, list) or len(results) != len(batch):
                count = len(results) if isinstance(results, list) else "no"
                raise service.incomplete(_BATCH, f"{count} results for {len(batch)} packages")
            for (number, _token), result in zip(batch, results, strict=True):
                more, token = _result(service, result)
                found[number] |= more
                if token:
                    following.append((number, token))
        if not following:
            return found
        pending = following
    raise service.incomplete(_BATCH, f"it has more than {_MOST_PAGES} pages")


def _query(name: str, version: str, token: str) -> dict[str, Any]:
    query: dict[str, Any] = {"package": {"name": name, "ecosystem": "PyPI"}}
    # The service lists released versions, so `2.1.0+cpu` is asked for as `2.1.0`; without any, all are asked for.
    released = version.partition("+")[0]
    return query | ({"version": released} if released else {}) | ({"page_token": token} if token else {})


def _result(service: Service, result: object) -> tuple[set[str], str]:
    """The ids of one page of one package, and the token of the next page if there is one."""
    if not isinstance(result, dict) or (result.keys() - {"next_page_token"} and "vulns" not in result):
        # `{}` is what the service says where it knows of none; anything else without `vulns` says something else.
        raise service.incomplete(_BATCH, "a result has no list of vulnerabilities")
    vulnerabilities, token = result.get("vulns", []), result.get("next_page_token", "")
    if not isinstance(vulnerabilities, list) or not isinstance(token, str):
        raise service.incomplete(_BATCH, "a result has no list of vulnerabilities")
    ids = {entry.get("id") if isinstance(entry, dict) else None for entry in vulnerabilities}
    if not all(isinstance(each, str) and _ID.fullmatch(each) for each in ids):
        raise service.incomplete(_BATCH, "a vulnerability has no id")
    return {str(each) for each in ids}, token


def _record(service: Service, id_: str) -> _Record:
    path = f"v1/vulns/{id_}"
    answer = service.ask(path)
    if answer.get("id") != id_:
        raise service.incomplete(path, "it is about something else")
    try:
        fixed: dict[str, set[str]] = {}
        for name, version in _fixes(answer):
            fixed.setdefault(name, set()).add(version)
        aliases = answer.get("aliases", [])
        if not isinstance(aliases, list):
            raise TypeError("aliases")  # noqa: TRY301 - as for everything else that isn't as the schema has it
        details = str(answer.get("details", "")).strip().splitlines()
        return _Record(
            id=id_,
            aliases=frozenset(map(one_line, aliases)),
            withdrawn=bool(answer.get("withdrawn")),
            summary=one_line(str(answer.get("summary") or (details[0] if details else ""))),
            fixed={name: frozenset(versions) for name, versions in fixed.items()},
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise service.incomplete(path, "it is not a record of the OSV schema") from error


def _fixes(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each package of PyPI that a record is about, and a version in which it is fixed."""
    for affected in record.get("affected", []):
        package = affected.get("package", {})
        if package.get("ecosystem") != "PyPI":
            continue
        for range_ in affected.get("ranges", []):
            if range_["type"] == "GIT":
                continue
            for event in range_["events"]:
                if "fixed" in event:
                    yield canonicalize_name(package["name"]), one_line(event["fixed"])


def _of_package(name: str, version: str, records: Sequence[_Record]) -> list[Vulnerability]:
    """Records of one vulnerability, each from another database, joined by their aliases."""
    groups: list[list[_Record]] = []
    for record in records:
        if record.withdrawn:
            continue
        same = [group for group in groups if any(_names(record) & _names(other) for other in group)]
        groups = [group for group in groups if group not in same]
        groups.append([*(each for group in same for each in group), record])
    found = []
    for group in groups:
        first, names = min(group, key=_rank), frozenset[str]().union(*map(_names, group))
        fixed = {fix for record in group for fix in record.fixed.get(name, ()) if _order(fix) > _order(version)}
        found.append(
            Vulnerability(
                package=name,
                version=version,
                id=first.id,
                aliases=tuple(sorted(names - {first.id})),
                fixed_in=tuple(sorted(fixed, key=_order)),
                summary=next((record.summary for record in sorted(group, key=_rank) if record.summary), ""),
            )
        )
    return sorted(found, key=lambda each: each.id)


def _names(record: _Record) -> frozenset[str]:
    return record.aliases | {record.id}


def _rank(record: _Record) -> tuple[bool, str]:
    # GitHub's have a summary of one line; those of PyPA begin with the description.
    return not record.id.startswith("GHSA-"), record.id


def _order(version: str) -> tuple[bool, Version, str]:
    """Versions that are none come last, so that no fix is kept back."""
    try:
        return False, Version(version), ""
    except InvalidVersion:
        return True, Version("0"), version
