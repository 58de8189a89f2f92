"""Whether a lock may be used as it is, and making it anew where it may not."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

from layer_constructs.building import lock as lock_file
from layer_constructs.building import origins, projects
from layer_constructs.building.cache import Cache
from layer_constructs.building.index_url import public_url
from layer_constructs.building.indexes import Indexes
from layer_constructs.building.lock import Lock, MadeFrom
from layer_constructs.building.policy import Policy
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.requirements import RequirementLine, RequirementsFile
from layer_constructs.building.resolve import Pins, Question, Upgrade, resolve
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    LockMissingError,
    LockStaleError,
    OriginChangedError,
    UnsupportedRequirementError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockRequest:
    """What a lock is made from and where it lies.

    :param file: the requirements, parsed.
    :param path: the lock's place.
    """

    file: RequirementsFile
    path: Path
    indexes: Indexes
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    build_local_projects: bool = False

    def command(self, *, runtime: str | None = None, base: Path | None = None) -> str:
        """The command line that makes this lock.

        :param base: the folder it is to be run in; by default the working directory, with paths as the user wrote them.
        """
        words = ["layer-constructs", "lock", _place(str(self.file.path), base) if base else str(self.file.path)]
        if self.path.absolute() != lock_path(self.file.path, self.extras, self.groups).absolute():
            words += ["--lock", self.path.name if base else str(self.path)]
        for option, values in (("--extra", self.extras), ("--group", self.groups)):
            words += [word for value in values for word in (option, value)]
        if runtime:
            words += ["--runtime", runtime]
        if self.build_local_projects:
            words.append("--build-local-projects")
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
        urls = [self.file.index_url, *self.file.extra_index_urls]
        return MadeFrom(
            source=self.file.path.name,
            requirements=tuple(sorted(_describe(line, base) for line in self.file.requirements)),
            constraints=tuple(sorted(_describe(line, base) for line in self.file.constraints)),
            indexes=tuple(_place(option.value, base) for option in urls if option),
            find_links=tuple(_place(option.value, base) for option in self.file.find_links),
            extras=self.extras,
            groups=self.groups,
            prereleases=self.file.prereleases,
        )


def lock_path(requirements: Path, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Path:
    """``pylock.<name>.toml`` beside the file; PEP 751 allows no dot in the name.

    Chosen extras and groups are part of it, so that two layers of one pyproject.toml have a lock each.
    """
    name = "-".join([requirements.stem.replace(".", "-"), *sorted(extras), *sorted(groups)])
    return requirements.with_name(f"pylock.{name or 'layer'}.toml")


def ensure(
    request: LockRequest,
    target: Target,
    *,
    policy: Policy,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> Lock:
    """A lock that is fresh and has ``target``'s runtime; made or mended only where ``policy`` allows it.

    :raises LockMissingError: if it is not there, or lacks the runtime, and may not be made.
    :raises LockStaleError: if it was made from something else and may not be made again.
    """
    lock = lock_file.load(request.path)
    if lock and is_fresh(request, lock, target.runtime):
        return lock
    if policy.forbidden_because:
        raise _refusal(request, lock, target.runtime, policy.forbidden_because)
    with cache.lock(lock_name(request.path)):
        lock = lock_file.load(request.path)
        if lock and is_fresh(request, lock, target.runtime):
            return lock  # another process made it while this one waited
        relock(
            request, [target.runtime], needed=[target.architecture], lock=lock, cache=cache, report=report, run=run
        )
    fresh = lock_file.load(request.path)
    assert fresh is not None  # noqa: S101 - it was written just now
    return fresh


def is_fresh(request: LockRequest, lock: Lock, runtime: str) -> bool:
    """Whether a lock was made from exactly this, for this runtime too."""
    return runtime in lock.runtimes and not request.made_from().changes_since(lock.made_from)


def check(request: LockRequest, runtimes: Iterable[str]) -> None:
    """Raise what :func:`ensure` would raise where locking is forbidden."""
    lock = lock_file.load(request.path)
    for runtime in runtimes:
        if lock is None or not is_fresh(request, lock, runtime):
            raise _refusal(request, lock, runtime, "--check only looks")


def relock(
    request: LockRequest,
    runtimes: Iterable[str],
    *,
    needed: Iterable[ArchitectureName] = (),
    lock: Lock | None,
    upgrade: Upgrade | None = None,
    exclude_newer: str | None = None,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> bool:
    """Resolve what is missing or stale and put the lock in its place.

    A runtime that is locked and still fresh is left as it is, unless an upgrade or another date is asked for.

    :param lock: the lock that is there.
    :param exclude_newer: a date that stays in force for later locks; None keeps the one in force.
    :returns: whether the file changed.
    """
    wanted = list(dict.fromkeys(runtimes))
    made_from = request.made_from()
    date = exclude_newer or (lock.exclude_newer if lock else None)
    before = {runtime: lock.pins(runtime) for runtime in lock.runtimes} if lock else {}
    changed = lock is None or bool(made_from.changes_since(lock.made_from)) or date != lock.exclude_newer
    again = changed or upgrade is not None
    asked = [runtime for runtime in dict.fromkeys([*wanted, *before]) if again or runtime not in before]
    if not asked:
        return False
    question, built = _question(request, exclude_newer=date, cache=cache, run=run)
    pins = dict(before)
    for runtime in asked:
        answer = resolve(
            question,
            runtime,
            needed=needed if runtime in wanted else (),
            before=before.get(runtime),
            upgrade=upgrade,
            run=run,
        )
        pins[runtime] = _with_projects(_with_origins(answer, question, lock_path=request.path, before=before), built)
        for difference in answer.differences():
            report(f"{request.path.name}: {runtime} has no common version of {difference}")
        for architecture, reason in answer.unavailable.items():
            report(f"{request.path.name}: {Target(runtime, architecture)} is left out: {reason}")
    text = lock_file.render(
        request.path, made_from=made_from, pins=pins, exclude_newer=date, command=request.command(base=request.path.absolute().parent)
    )
    wrote = lock_file.write(request.path, text)
    if wrote:
        count = len({wheel.name for answer in pins.values() for wheels in answer.wheels.values() for wheel in wheels})
        report(f"locked {count} packages of {request.file.path.name} in {request.path.name} for {', '.join(pins)}")
    return wrote


def _question(
    request: LockRequest, *, exclude_newer: str | None, cache: Cache, run: Run
) -> tuple[Question, dict[str, LockedWheel]]:
    """The resolver's question, with local projects built and named indexes without credentials."""
    lines: list[RequirementLine] = []
    built: dict[str, LockedWheel] = {}
    for line in sorted(request.file.requirements, key=lambda line: str(line.requirement or line.path)):
        if line.path is not None and not line.path.name.endswith(".whl"):
            wheel = projects.build_wheel(line.path, cache=cache, run=run)
            built[wheel.name] = wheel
            line = replace(line, name=wheel.name, requirement=_named(wheel, line), path=wheel.path)
        named = request.indexes.named(line.index, where=line.where).url if line.index else None
        lines.append(replace(line, index=named))
    return (
        Question(
            requirements=tuple(lines),
            constraints=request.file.constraints,
            indexes=request.indexes,
            prereleases=request.file.prereleases,
            exclude_newer=exclude_newer,
        ),
        built,
    )


def _named(wheel: LockedWheel, line: RequirementLine) -> Requirement:
    extras = f"[{','.join(line.extras)}]" if line.extras else ""
    marker = f" ; {line.marker}" if line.marker else ""
    return Requirement(f"{wheel.name}{extras}=={wheel.version}{marker}")


def _with_projects(pins: Pins, built: Mapping[str, LockedWheel]) -> Pins:
    wheels = {a: tuple(built.get(w.name, w) for w in locked) for a, locked in pins.wheels.items()}
    return replace(pins, wheels=wheels)


def _with_origins(pins: Pins, question: Question, *, lock_path: Path, before: Mapping[str, Pins]) -> Pins:
    """Record which index each package comes from; refuse a name that two offer, and an origin that moved."""
    named = {line.name: line.index for line in question.requirements if line.name and line.index}
    direct = {line.name for line in question.requirements if line.requirement and (line.path or line.requirement.url)}
    names = {wheel.name for wheels in pins.wheels.values() for wheel in wheels if wheel.path is None} - direct
    where = {line.name: line.where for line in question.requirements if line.name}
    found = origins.find(sorted(names), question.indexes, named=named, where=where)
    old = {w.name: w.index for answer in before.values() for wheels in answer.wheels.values() for w in wheels}
    for name, index in found.items():
        was = old.get(name)
        if was is not None and was != index:
            raise OriginChangedError(package=name, before=was, after=index, lock=lock_path)
    wheels = {a: tuple(replace(w, index=found.get(w.name)) for w in locked) for a, locked in pins.wheels.items()}
    return replace(pins, wheels=wheels)


def _refusal(
    request: LockRequest, lock: Lock | None, runtime: str, because: str
) -> LockMissingError | LockStaleError:
    if lock is None:
        return LockMissingError(
            lock=request.path, missing=None, because=because, command=request.command(runtime=runtime)
        )
    changes = request.made_from().changes_since(lock.made_from)
    if changes:
        return LockStaleError(lock=request.path, changes=changes, because=because, command=request.command())
    return LockMissingError(
        lock=request.path, missing=runtime, because=because, command=request.command(runtime=runtime)
    )


def _describe(line: RequirementLine, base: Path) -> str:
    """A requirement as text that is the same on every machine."""
    words = []
    if line.path is None:
        words.append(str(line.requirement))
    elif line.path.name.endswith(".whl"):
        sha256 = hashlib.sha256(line.path.read_bytes()).hexdigest()
        words.append(f"{line.requirement} from {_place(str(line.path), base)} sha256:{sha256}")
    else:
        extras = f"[{','.join(line.extras)}]" if line.extras else ""
        marker = f" ; {line.marker}" if line.marker else ""
        source = projects.source_sha256(line.path)
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


def lock_name(path: Path) -> str:
    """Under which two processes that write one lock exclude each other."""
    return "pylock-" + hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
