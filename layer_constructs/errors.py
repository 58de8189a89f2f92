"""Every error a user can meet: leaves take facts and compose the text.

The text says what went wrong, the value and where it stands, what would be allowed, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# Of what may be many: the first ones tell what is the matter.
_SHOWN = 10


class Where(NamedTuple):
    """A place in a file that a user wrote; prints as ``req.txt:3``."""

    path: Path
    line: int | None = None

    def __str__(self) -> str:
        return str(self.path) if self.line is None else f"{self.path}:{self.line}"


class LayerError(Exception):
    """Base of all errors of this library.

    :param problem: what went wrong, lower case, no final period.
    :param where: the place in the user's file, if there is one.
    :param details: further facts, one line each.
    :param fix: what the user can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: Where | None = None,
        details: Iterable[str] = (),
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.where = where
        self.details = tuple(details)
        self.fix = fix
        lines = [f"{where}: {problem}" if where else problem]
        lines += [f"  {line}" for detail in self.details for line in detail.splitlines()]
        if fix:
            lines.append(f"  fix: {fix}")
        super().__init__("\n".join(lines))


class ArgumentError(LayerError):
    """An argument of a construct or command is not one that it takes."""


class UnsupportedTargetError(LayerError):
    """A runtime or an architecture for which no layer can be built or checked.

    :param what: it would have to be.
    """

    def __init__(
        self,
        *,
        value: str,
        allowed: Sequence[str],
        what: str = "a Lambda target that a Python layer can be built for",
    ) -> None:
        super().__init__(
            f"{value} is not {what}",
            details=[f"allowed: {', '.join(allowed)}"],
        )


class RequirementsError(LayerError):
    """A requirements file that can't be read or understood."""


class UnsupportedRequirementError(RequirementsError):
    """A requirement that can't be pinned: editable, from version control, or a URL without a hash."""


class ToolMissingError(LayerError):
    """Another tool's lock needs that tool, and it is not installed."""

    def __init__(self, *, tool: str, needed_for: Path, install: str) -> None:
        super().__init__(
            f"{needed_for.name} is read through {tool}, which is not installed",
            where=Where(needed_for),
            fix=install,
        )


class ToolFailedError(LayerError):
    """A program this library started ended with an error that has no more exact name."""


class ResolutionError(LayerError):
    """No set of versions satisfies the file: a conflict, or a version that doesn't exist."""


class WheelUnavailableError(ResolutionError):
    """A package has no wheel that runs on the target."""

    def __init__(
        self,
        *,
        package: str,
        target: str,
        where: Where | None = None,
        offered: Sequence[str] = (),
        reason: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.package = package
        self.offered = tuple(offered)
        details = [reason] if reason else []
        details.append(f"wheels for: {', '.join(offered)}" if offered else "wheels for: no Lambda target")
        super().__init__(
            f"no wheel of {package} runs on {target}",
            where=where,
            details=details,
            fix=fix
            or "pin a version that has a wheel for this target, or choose a runtime or architecture listed above",
        )


class IndexUnavailableError(LayerError):
    """A package index refused or did not answer."""


class AmbiguousIndexError(LayerError):
    """More than one index offers a name, and the file doesn't say which one is meant."""

    def __init__(self, *, package: str, indexes: Sequence[str], where: Where | None = None) -> None:
        super().__init__(
            f"{package} is offered by {len(indexes)} indexes, and nothing says which one is meant",
            where=where,
            details=[f"offered by: {', '.join(indexes)}"],
            fix=f"say it on a line of its own, '{package}  # index: {indexes[0]}', or list only one index",
        )


class OriginChangedError(LayerError):
    """A package that was locked from one index would now come from another."""

    def __init__(self, *, package: str, before: str, after: str, lock: Path) -> None:
        super().__init__(
            f"{package} was locked from {before} and would now come from {after}",
            where=Where(lock),
            fix=f"name the index on its line, or delete {lock.name} if the change is meant",
        )


class LockError(LayerError):
    """Base of what can be wrong with a lock file."""


class LockMissingError(LockError):
    """There is no lock and none may be made here."""

    def __init__(self, *, lock: Path, missing: str | None, because: str, command: str) -> None:
        problem = f"does not lock {missing}" if missing else "is missing"
        super().__init__(
            f"the lock {problem}, and {because}",
            where=Where(lock),
            fix=f"run `{command}` and commit {lock.name}",
        )


class LockStaleError(LockError):
    """The lock was made from other requirements, and may not be remade here."""

    def __init__(self, *, lock: Path, changes: Sequence[str], because: str, command: str) -> None:
        super().__init__(
            f"the lock is stale, and {because}",
            where=Where(lock),
            details=changes,
            fix=f"run `{command}` and commit {lock.name}",
        )


class LockInvalidError(LockError):
    """A lock that is not valid TOML, not a PEP 751 lock, or was edited by hand."""


class HashMismatchError(LayerError):
    """A file that was downloaded or read is not the one that was locked."""


class CacheError(LayerError):
    """The cache folder can't be used: read-only, full, or open to others."""


class BuildError(LayerError):
    """A wheel can't be made into a layer."""


class SecretError(LayerError):
    """A file of the user's own that looks like a secret would go into a layer.

    :param found: what each seems to hold, by its path in the layer.
    """

    def __init__(self, *, found: Mapping[str, str], entry: Path) -> None:
        first = next(iter(found))
        super().__init__(
            f"{', '.join(found)} {'looks like a secret' if len(found) == 1 else 'look like secrets'}, and who may use "
            "a layer may read it",
            where=Where(entry),
            details=[f"{path}: {what}" for path, what in found.items()],
            fix=f"leave it out with exclude=[...], or, where it is none, say why: allow={{{first!r}: '...'}}",
        )


class ContainerError(LayerError):
    """Base of what can go wrong with work that is done in a container."""


class EngineError(ContainerError):
    """There is no container engine, it doesn't run, or it can't run the target's architecture."""


class ImageError(ContainerError):
    """There is no such image, or it is for another architecture."""


class LicenseNotAllowedError(LayerError):
    """A package in a layer has a licence that is not allowed, or none that is known."""

    def __init__(self, *, refused: Sequence[tuple[str, str]], allowed: Sequence[str]) -> None:
        count = "a package has" if len(refused) == 1 else f"{len(refused)} packages have"
        name = refused[0][0].partition(" ")[0]
        super().__init__(
            f"{count} a licence that is not allowed",
            details=[
                *(f"{package}: {licence}" for package, licence in refused),
                f"allowed: {', '.join(allowed) or 'none'}",
            ],
            fix="use another package or version, add the licence to licenses=[...], or say why it may be used: "
            f'license_exceptions={{"{name}": "..."}}',
        )


class VulnerabilityServiceError(LayerError):
    """A vulnerability service did not give a complete answer: nothing is known then, not that there is nothing."""

    def __init__(self, *, service: str, reason: str, fix: str | None = None) -> None:
        super().__init__(
            f"the vulnerability service {service} {reason}",
            details=["so it is not known whether the packages have vulnerabilities"],
            fix=fix
            or "check the URL, the network and the proxy (HTTPS_PROXY, NO_PROXY), try again later, or name a mirror",
        )


class AuditError(LayerError):
    """Files of a finished layer that won't work on its target.

    :param found: by package, what was found, one line each.
    """

    def __init__(self, *, target: str, found: Mapping[str, Sequence[str]]) -> None:
        details = []
        for package, lines in found.items():
            details.append(f"{package}:")
            details += [f"  {line}" for line in lines[:_SHOWN]]
            if len(lines) > _SHOWN:
                details.append(f"  and {len(lines) - _SHOWN} more")
        names = ", ".join(found)
        super().__init__(
            f"{names} won't work on {target}",
            details=details,
            fix="use another version or build, or, where it does no harm, say why: "
            f"allow={{{next(iter(found))!r}: '...'}}",
        )
