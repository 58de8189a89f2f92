"""A requirements file and where its lock lies: what the lock is made from, as text, and the command that makes it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.indexes.url import public_url
from layer_constructs.building.locking.entries import AGAIN
from layer_constructs.building.locking.lock import Lock, MadeFrom
from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import RequirementsFile
from layer_constructs.building.reading.seen import not_all, sha256_of
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import LockError, LockInvalidError, UnsupportedRequirementError, Where

# What the command line calls whatever release of a Python is there.
ANY_PATCH = "any"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockRequest:
    """What a lock is made from and where it lies.

    :param bytecode: name the Python that compiles the modules: this one, or, if True, one that is there.

    :param file: the requirements, parsed.
    :param path: the lock's place.
    """

    file: RequirementsFile
    path: Path
    indexes: Indexes
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    build_local_projects: bool = False
    bundling: Bundling = field(default_factory=Bundling)
    bytecode: bool | str = False

    def command(
        self, *, runtime: str | None = None, architecture: ArchitectureName | None = None, base: Path | None = None
    ) -> str:
        """The command line that makes this lock.

        :param architecture: for which wheels are to be built.
        :param base: the folder it is to be run in; by default the working directory, with paths as the user wrote them.
        """
        words = ["layer-constructs", "lock", _place(str(self.file.path), base) if base else str(self.file.path)]
        if self.path.absolute() != lock_path(self.file.path, self.extras, self.groups).absolute():
            words += ["--lock", self.path.name if base else str(self.path)]
        for option, values in (("--extra", self.extras), ("--group", self.groups)):
            words += [word for value in values for word in (option, value)]
        if runtime:
            words += ["--runtime", runtime]
        if architecture:
            words += ["--architecture", architecture]
        if self.build_local_projects:
            words.append("--build-local-projects")
        options = self.bundling.options
        if self.bundling.mode != "auto":
            words += ["--bundling", self.bundling.mode]
        if self.bundling.build_sdists:
            words.append("--build-sdists")
        if options.image:
            words += ["--image", options.image]
        if self.bytecode:
            words += ["--bytecode", self.bytecode if isinstance(self.bytecode, str) else ANY_PATCH]
        for hook in options.command_hooks:  # it stands in the lock, which is no place for a password
            words += ["--command-hook", redact(hook)]
        for constraint in options.build_constraints:
            words += ["--build-constraint", redact(constraint)]
        return shlex.join(words)

    def made_from(self) -> MadeFrom:
        """Everything that decides the lock, without network or process."""
        if not self.build_local_projects:
            for line in self.file.requirements:
                if line.path is not None and not line.path.name.endswith(".whl"):
                    raise UnsupportedRequirementError(
                        f"{line.path.name} is a local project, and building it runs its code",
                        where=line.where,
                        fix="allow it with build_local_projects=True (--build-local-projects on the command line), "
                        "or name a wheel of it",
                    )
        base = self.path.absolute().parent
        extra = self.file.extra_index_urls
        return MadeFrom(
            source=_place(str(self.file.path), base),
            requirements=tuple(sorted(_describe(line, base) for line in self.file.requirements)),
            constraints=tuple(sorted(_describe(line, base) for line in self.file.constraints)),
            index=_place(self.file.index_url.value, base) if self.file.index_url else "",
            extra_indexes=tuple(_place(o.value, base) + (" (explicit)" if o.explicit else "") for o in extra),
            find_links=tuple(_place(option.value, base) for option in self.file.find_links),
            extras=self.extras,
            groups=self.groups,
            no_index=self.file.no_index,
            prereleases=self.file.prereleases,
        )

    def refuse_foreign(self, lock: Lock) -> None:
        """A lock of another file must not be overwritten, only because the two have one name for it.

        :raises LockError: if the file that it was made from is another one that is still there.
        """
        mine, its = self.made_from(), lock.made_from
        other = self.path.absolute().parent / its.source
        if its.source != mine.source and other.is_file():
            raise LockError(
                f"this is the lock of {its.source}, not of {mine.source}",
                where=Where(self.path),
                fix="name another place for one of the two with lock= (--lock on the command line)",
            )

    def refuse_edited(self, lock: Lock, wheels: Iterable[LockedWheel], target: Target) -> None:
        """What the file asks for must be what its fresh lock gives; otherwise the lock was edited.

        :raises LockInvalidError: for a requirement or constraint that ``wheels`` don't satisfy.
        """
        given = {wheel.name: wheel for wheel in wheels}
        asked = [(line, True) for line in self.file.requirements] + [(line, False) for line in self.file.constraints]
        for line, required in asked:
            if line.requirement is None or not applies(line, target):
                continue
            wheel = given.get(line.name or "")
            if wheel is None and required:
                problem = f"nothing in it is {line.name} for {target}, which {line.where} asks for"
            elif wheel is not None and not line.requirement.specifier.contains(wheel.version, prereleases=True):
                problem = f"it has {wheel.name} {wheel.version}, and {line.where} asks for {line.requirement}"
            elif wheel is not None and not _has_hash(wheel, self.file.requirements, line):
                problem = f"it has another {wheel.filename} than the hashes at {line.where} allow"
            else:
                continue
            raise LockInvalidError(problem, where=Where(lock.path), fix=AGAIN)


def lock_path(requirements: Path, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Path:
    """``pylock.<name>.toml`` beside the file; PEP 751 allows no dot in the name.

    Chosen extras and groups are part of it, so that two layers of one pyproject.toml have a lock each.
    """
    chosen = [*sorted(extras), *(f"group-{name}" for name in sorted(groups))]
    name = "-".join([requirements.stem, *chosen]).replace(".", "-")
    return requirements.with_name(f"pylock.{name}.toml")


def applies(line: RequirementLine, target: Target) -> bool:
    """Whether a line's marker holds on ``target``."""
    marker = line.requirement.marker if line.requirement else line.marker
    return marker is None or marker.evaluate(cast("dict[str, str]", target.environment()))


def _has_hash(wheel: LockedWheel, lines: Iterable[RequirementLine], line: RequirementLine) -> bool:
    locked = wheel.built.sdist.sha256 if wheel.built else wheel.sha256
    allowed = {h for other in lines if other.name == line.name for h in other.hashes if h.startswith("sha256:")}
    return not allowed or f"sha256:{locked}" in allowed


def _describe(line: RequirementLine, base: Path) -> str:
    """A requirement as text that is the same on every machine."""
    words = []
    if line.path is None:
        words.append(str(line.requirement))
    elif line.path.name.endswith(".whl"):
        words.append(f"{line.requirement} from {_place(str(line.path), base)} sha256:{sha256_of(line.path)}")
    else:
        extras = f"[{','.join(line.extras)}]" if line.extras else ""
        marker = f" ; {line.marker}" if line.marker else ""
        from layer_constructs.building.projects import source_sha256

        not_all()
        source = source_sha256(line.path)
        words.append(f"{_place(str(line.path), base)}{extras}{marker} source-sha256:{source}")
    words += line.hashes
    if line.index:
        words.append(f"from {_place(line.index, base)}")
    return " ".join(words)


def _place(value: str, base: Path) -> str:
    """A URL without its credentials, or a path relative to the lock."""
    if "://" in value:
        return public_url(value).rstrip("/")
    if "${" in value:
        return value  # a variable that holds the whole URL: its name is no secret
    return Path(os.path.relpath(value, base)).as_posix()
