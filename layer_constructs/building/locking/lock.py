"""The lock file: a PEP 751 document that also says what it was made from.

Every runtime has its own entries, so that another target never changes what is there. Of each package it names only
the wheels that a Lambda target installs: one for each architecture, or one for both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer_constructs.building.locking import entries, selection
from layer_constructs.building.locking.moment import moment
from layer_constructs.building.locking.pins import LockedFile, Pins
from layer_constructs.building.reading.seen import read_bytes
from layer_constructs.building.sdist import BuildImage
from layer_constructs.building.target import ARCHITECTURES, GLIBC_MINOR, RUNTIMES, ArchitectureName, Target
from layer_constructs.errors import ArgumentError, LockInvalidError, ResolutionError, Where

if TYPE_CHECKING:
    from packaging.pylock import Pylock

# The format of this library's table. A lock of a newer format is an error, one of an older format is stale.
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeFrom:
    """Everything that decides what a lock says, as text that can be compared without network.

    :param source: the file, relative to the lock.
    :param requirements: each as written, with its hashes, index and the hash of what is local.
    :param index: the default index; it and the extra ones are without credentials and with variables unexpanded.
    """

    source: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    no_index: bool = False
    prereleases: bool = False

    def changes_since(self, before: MadeFrom) -> list[str]:
        """What differs from ``before``, one line each; empty if nothing does."""
        changes: list[str] = []
        for item in fields(self):
            old, new = getattr(before, item.name), getattr(self, item.name)
            if old == new:
                continue
            label = item.name.replace("_", "-")
            if isinstance(new, tuple):
                changes += [f"{label}: added {entry}" for entry in new if entry not in old]
                changes += [f"{label}: removed {entry}" for entry in old if entry not in new]
                if sorted(old) == sorted(new):
                    changes.append(f"{label}: their order changed")
            else:
                changes.append(f"{label}: {old or 'none'} became {new or 'none'}")
        return changes


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A lock as it stands in its file.

    :param document: the PEP 751 part.
    :param runtimes: per runtime, why an architecture has no answer.
    :param bytecode: per runtime, the exact CPython that compiles the modules, where that was wanted.
    :param images: per runtime and architecture, in what its wheels were built, where any were.
    """

    path: Path
    made_from: MadeFrom
    exclude_newer: str | None = None
    runtimes: Mapping[str, Mapping[ArchitectureName, str]] = field(default_factory=dict)
    images: Mapping[Target, BuildImage] = field(default_factory=dict)
    bytecode: Mapping[str, str] = field(default_factory=dict)
    document: Pylock

    def select(self, target: Target) -> tuple[LockedFile, ...]:
        """The wheels for one target whose runtime is locked, and the source distributions that were not built for it.

        :raises ResolutionError: if there was no answer for it when it was locked.
        """
        reason = self.runtimes[target.runtime].get(target.architecture)
        if reason:
            raise ResolutionError(
                reason,
                where=Where(self.path),
                details=[f"so it was when {target.runtime} was locked"],
                fix="change the requirement or the target; if there is a wheel by now, run the command in the lock's "
                "second line with --upgrade-package and the package's name",
            )
        return selection.select(self.document, target, path=self.path, sdists=True)

    @property
    def tells_architectures_apart(self) -> bool:
        """Whether any entry may be for one architecture only: by its marker, by a choice of wheels, or by a source."""
        return any(
            len(package.wheels or ()) != 1 or "platform_machine" in str(package.marker or "")
            for package in self.document.packages
        )

    def pins(self, runtime: str) -> Pins:
        """What is locked for a runtime, on both architectures."""
        unavailable = self.runtimes[runtime]
        there = [a for a in ARCHITECTURES if a not in unavailable]
        images = {target.architecture: image for target, image in self.images.items() if target.runtime == runtime}
        return Pins(
            wheels={a: self.select(Target(runtime, a)) for a in there},
            unavailable=unavailable,
            images=images,
            bytecode=self.bytecode.get(runtime),
        )


def load(path: Path) -> Lock | None:
    """The lock at ``path``; None if there is none.

    :raises LockInvalidError: if it is not a lock that this library made.
    """
    try:
        text = read_bytes(path).decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LockInvalidError(f"the lock can't be read: {error}", where=Where(path)) from error
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockInvalidError(f"not valid TOML: {error}", where=Where(path), fix=entries.AGAIN) from error
    return understand(document, path)


def understand(document: Mapping[str, Any], path: Path) -> Lock:
    """A lock's TOML as values.

    :raises LockInvalidError: if it is not a lock that this library made.
    """
    tool = document.get("tool")
    facts = tool.get(entries.TOOL) if isinstance(tool, dict) else None
    if not isinstance(facts, dict):
        raise LockInvalidError(
            "the file is there, but layer-constructs did not make it",
            where=Where(path),
            fix="name another file with lock=, or pass this one as requirements= if it is to be installed as it is",
        )
    if facts.get("format") != FORMAT:
        raise LockInvalidError(
            f"its format is {facts.get('format')!r}, and this version of layer-constructs reads {FORMAT}",
            where=Where(path),
            fix="use the version of layer-constructs that made it, or delete it and lock again",
        )
    pylock = selection.parse(document, path)
    try:
        made_from = _made_from(_table(facts, "made-from"))
        runtimes = {name: _unavailable(name, entry) for name, entry in _table(facts, "runtimes").items()}
        images = {
            Target(name, architecture): image
            for name, entry in facts["runtimes"].items()
            for architecture, image in _images(entry).items()
        }
        bytecode = {
            name: _patch_of(name, entry["bytecode"]) for name, entry in facts["runtimes"].items() if "bytecode" in entry
        }
        newer = facts.get("exclude-newer")
        exclude_newer = None if newer is None else moment(_text(newer, "exclude-newer"))
    except (_EditedError, ArgumentError) as error:
        raise LockInvalidError(
            f"its table [tool.{entries.TOOL}] was edited: {error}", where=Where(path), fix=entries.AGAIN
        ) from error
    return Lock(
        path=path,
        made_from=made_from,
        exclude_newer=exclude_newer,
        runtimes=runtimes,
        images=images,
        bytecode=bytecode,
        document=pylock,
    )


class _EditedError(Exception):
    """What stands in the table of this library is not what it writes there."""


def _made_from(table: Mapping[str, Any]) -> MadeFrom:
    kinds = {item.name.replace("_", "-"): item for item in fields(MadeFrom)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            raise _EditedError(f"{key} is unknown")
        if key in {"source", "index"}:
            values[key] = _text(value, key)
        elif key in {"no-index", "prereleases"}:
            values[kinds[key].name] = value is True
        elif isinstance(value, list):
            values[kinds[key].name] = tuple(_text(each, key) for each in value)
        else:
            raise _EditedError(f"{key} is not a list")
    if not {"source", "requirements"} <= values.keys():
        raise _EditedError("source or requirements is missing")
    return MadeFrom(**values)


def _unavailable(runtime: str, entry: object) -> dict[ArchitectureName, str]:
    """Why an architecture has no answer for a runtime."""
    if runtime not in GLIBC_MINOR:
        raise _EditedError(f"the runtime {runtime} is unknown, allowed: {', '.join(RUNTIMES)}")
    if not isinstance(entry, dict):
        raise _EditedError(f"{runtime} is not a table")
    reasons = _table(entry, "unavailable") if "unavailable" in entry else {}
    if reasons.keys() - set(ARCHITECTURES):
        raise _EditedError(f"{runtime} names an unknown architecture")
    return {a: _text(reasons[a], "unavailable") for a in ARCHITECTURES if a in reasons}


def _images(entry: Mapping[str, Any]) -> dict[ArchitectureName, BuildImage]:
    """In what the wheels of a runtime were built."""
    found: dict[ArchitectureName, BuildImage] = {}
    images = _table(entry, "images") if "images" in entry else {}
    for architecture in ARCHITECTURES:
        if architecture not in images:
            continue
        image = _table(images, architecture)
        digest, identity = image.get("digest"), image.get("id")
        found[architecture] = BuildImage(
            reference=_text(image.get("reference"), "reference"),
            digest=None if digest is None else _text(digest, "digest"),
            id=None if identity is None else _text(identity, "id"),
            options=_text(image.get("options"), "options"),
        )
    return found


def _patch_of(runtime: str, version: object) -> str:
    if not re.fullmatch(rf"{re.escape(runtime.removeprefix('python'))}\.\d{{1,3}}", _text(version, "bytecode")):
        raise _EditedError(f"bytecode is {version!r}, and must be a release of {runtime}")
    return str(version)


def _table(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    if not isinstance(value, dict):
        raise _EditedError(f"{key} is not a table")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _EditedError(f"{key} is not a text")
    return value
