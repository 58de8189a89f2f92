"""One requirement as a value, with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from layer_constructs.building.reading.local_path import (
    ARCHIVES,
    SCHEME,
    absolute,
    check_project,
    local_path,
)
from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.seen import path_kind
from layer_constructs.building.reading.wheel_url import checked_hash, split_fragment, wheel_filename
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.version import Version

VARIABLE = re.compile(r"\$\{\w+\}")
_VCS = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementLine:
    """One requirement or constraint.

    :ivar name: the canonical name; None for a project folder whose line doesn't name it (it is known once it is built).
    :ivar requirement: None for a project folder. For a local wheel ``name==version``; for a URL it carries the URL,
        without its hash.
    :ivar where: the first line of the logical line, 1-based.
    :ivar hashes: sorted ``sha256:<hex>`` (or sha384, sha512), lower case.
    :ivar index: the URL of the index this name must come from, as written: it may hold a password or ``${VAR}``.
    :ivar path: the absolute path of a local wheel or project folder.
    :ivar extras: of a project folder only; elsewhere they are in ``requirement``.
    :ivar marker: of a project folder only; elsewhere it is in ``requirement``.
    """

    name: str | None
    requirement: Requirement | None
    where: Where
    hashes: tuple[str, ...] = ()
    index: str | None = field(default=None, repr=False)
    path: Path | None = None
    extras: tuple[str, ...] = ()
    marker: Marker | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether there is one version and a sha256."""
        if self.requirement is None or not any(each.startswith("sha256:") for each in self.hashes):
            return False
        specifiers = list(self.requirement.specifier)
        return len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith(".*")


def parse_requirement(
    text: str, *, where: Where, folder: Path, hashes: Iterable[str] = (), index: str | None = None
) -> RequirementLine:
    """One requirement without its options: a name, a URL or a path, with extras and a marker.

    :param folder: what a relative path is relative to.
    :param hashes: such as ``sha256:<hex>``.
    :raises UnsupportedRequirementError: if it can't be pinned.
    :raises RequirementsError: if it can't be understood.
    """
    if VARIABLE.search(text):
        raise RequirementsError(
            f"a requirement can't take variables: {redact(text)}",
            where=where,
            fix="write the value itself; ${VAR} is for --index-url, --extra-index-url and --find-links",
        )
    if _VCS.match(text):
        raise _version_control(text, where)
    strong = {checked_hash(each, where) for each in hashes}
    name: str | None = None
    if SCHEME.match(text):  # a ';' may be part of a URL, unless there is a blank beside it
        location, extras, marker = _unnamed(re.split(r"\s+;|;\s+", text, maxsplit=1), where, shown=text)
    elif _looks_like_path(text):
        location, extras, marker = _unnamed(text.split(";", maxsplit=1), where, shown=text)
    else:
        requirement = _requirement(text, where)
        if requirement.url is None:
            return RequirementLine(
                name=canonicalize_name(requirement.name),
                requirement=requirement,
                where=where,
                hashes=tuple(sorted(strong)),
                index=index,
            )
        name, extras, marker = requirement.name, ",".join(sorted(requirement.extras)), requirement.marker
        location = requirement.url.strip()
        if _VCS.match(location):
            raise _version_control(text, where)

    scheme = SCHEME.match(location)
    protocol = scheme[0].lower() if scheme else "file"
    if scheme:
        location, digests = split_fragment(location, where)
        strong |= digests
    if protocol in ("http", "https"):
        filename = wheel_filename(location, has_hash=bool(strong), where=where)
        wheel, _ = _wheel_name(filename, expected=name, where=where)
        requirement = _requirement(f"{wheel}[{extras}] @ {location}" + (f" ; {marker}" if marker else ""), where)
        return RequirementLine(
            name=wheel, requirement=requirement, where=where, hashes=tuple(sorted(strong)), index=index
        )
    if protocol != "file":
        raise UnsupportedRequirementError(
            f"{protocol}:// is not a place that a requirement can come from",
            where=where,
            details=["allowed: https, http, file, a path, or a name from an index"],
        )

    return local_requirement(
        local_path(location, where=where, folder=folder),
        where=where,
        name=name,
        extras=extras,
        marker=marker,
        hashes=tuple(sorted(strong)),
        index=index,
    )


def local_requirement(
    path: Path,
    *,
    where: Where,
    name: str | None = None,
    extras: str = "",
    marker: Marker | None = None,
    hashes: tuple[str, ...] = (),
    index: str | None = None,
) -> RequirementLine:
    """A wheel or a project folder on this machine.

    :param path: relative to the working directory.
    :param name: what it must be, if that is known.
    :param extras: comma-separated.
    :raises UnsupportedRequirementError: for a source distribution.
    :raises RequirementsError: if it isn't there, or is neither a wheel of that name nor a project folder.
    """
    path = absolute(path)
    if path_kind(path) == "file" and path.suffix.lower() == ".whl":
        wheel, version = _wheel_name(path.name, expected=name, where=where)
        requirement = _requirement(f"{wheel}[{extras}]=={version}" + (f" ; {marker}" if marker else ""), where)
        return RequirementLine(name=wheel, requirement=requirement, where=where, hashes=hashes, index=index, path=path)
    check_project(path, where)
    if hashes:
        raise RequirementsError(
            f"a project folder can't have a hash: {path}",
            where=where,
            fix="take the hash out, or name a wheel built from the folder",
        )
    return RequirementLine(
        name=canonicalize_name(name) if name else None,
        requirement=None,
        where=where,
        index=index,
        path=path,
        extras=tuple(extras.split(",")) if extras else (),
        marker=marker,
    )


def _unnamed(parts: list[str], where: Where, *, shown: str) -> tuple[str, str, Marker | None]:
    """The location, extras and marker of a URL or path ``LOCATION[EXTRAS]``, with its condition if it has one."""
    location, condition = (*parts, "")[:2]
    location, extras = location.strip(), ""
    if bracketed := re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]", location, re.DOTALL):
        location, extras = bracketed.groups()
    checked = _requirement(f"x[{extras}]" + (f" ; {condition}" if condition.strip() else ""), where, shown=shown)
    return location, ",".join(sorted(checked.extras)), checked.marker


def _looks_like_path(text: str) -> bool:
    head = text.partition(";")[0].strip()
    if re.match(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@", head):  # "name @ ./folder" names itself
        return False
    bare = re.sub(r"\s*\[[^\]]*\]$", "", head).lower()
    if "://" in head:
        return False
    return head.startswith((".", "~")) or "/" in head or "\\" in head or bare.endswith((".whl", *ARCHIVES))


def _requirement(text: str, where: Where, *, shown: str | None = None) -> Requirement:
    try:
        requirement = Requirement(text)
        hash(requirement)  # versions are parsed late: one with thousands of digits would fail somewhere else
    except (ValueError, RecursionError) as error:  # the parser recurses into a marker's parentheses
        reason = str(error).partition("\n")[0]
    else:
        return requirement
    raise RequirementsError(  # outside of `except`: the parser's own text would show a password
        f"this is not a requirement: {redact(text if shown is None else shown)}",
        where=where,
        details=[redact(reason), "allowed: name, name[extra], and ==, !=, ~=, <, <=, >, >= or === with a version"],
        fix="write it like `requests==2.32.3` or `requests>=2.31,<3 ; python_version >= '3.11'`",
    )


def _wheel_name(filename: str, *, expected: str | None, where: Where) -> tuple[str, Version]:
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except ValueError as error:
        raise RequirementsError(
            f"this is not a wheel's file name: {redact(filename)}",
            where=where,
            details=[redact(str(error)), "allowed: name-version-python-abi-platform.whl"],
        ) from None
    if expected and canonicalize_name(expected) != name:
        raise RequirementsError(f"the line names {expected}, and its wheel is of {name}", where=where)
    return name, version


def _version_control(text: str, where: Where) -> UnsupportedRequirementError:
    return UnsupportedRequirementError(
        f"a requirement from version control can't be pinned by a hash: {redact(text)}",
        where=where,
        fix="name a released version, or build a wheel of it (`pip wheel --no-deps ...`), commit it and name its path",
    )
